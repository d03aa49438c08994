// The page docs/cookbook-mysql.md: its SQL, its Caddyfile and its commands, taken from the page,
// move a small chat out of a real database into the real server, and back.
import assert from 'node:assert/strict'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Database } from './mariadb.js'
import { Server } from './server.js'

const page = await readFile(fileURLToPath(new URL('../../docs/cookbook-mysql.md', import.meta.url)), 'utf8')
const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text }))
const env = { CHAT_SECRET: 'a-secret-of-at-least-32-bytes-for-the-move' }

// block returns the one block of the page that has a text, or matches a pattern.
function block(language, text) {
  const found = blocks.filter((b) => b.language === language && (text.test?.(b.text) ?? b.text.includes(text)))
  assert.equal(found.length, 1, `the page has ${found.length} blocks ${language} with ${text}`)
  used.add(found[0].text)
  return found[0].text
}
const used = new Set()

let database
let server
before(async () => {
  database = await Database.start()
  for (const { text } of blocks.filter(({ language }) => language === 'sql')) {
    await writeFile(path.join(database.dir, /^-- (\S+)\n/.exec(text)[1]), text)
  }
  process.env.CHAT_SECRET = env.CHAT_SECRET // for the server
  server = new Server({ chat: /\tchat \{\n(.*)\n\t\}\n\}\n$/s.exec(block('caddyfile', 'policy d-*'))[1] })
  await server.start()
  Object.assign(env, { CADDY_ADMIN: `unix/${path.join(server.dir, 'admin.sock')}`, CHAT: server.ws.replace('ws:', 'http:') })
  await symlink(path.resolve(server.binary), path.join(database.bin, 'caddy'))
  await shell('mysql -e "CREATE DATABASE shop CHARACTER SET utf8mb4" && mysql shop < schema.sql')
})
after(async () => {
  await server?.remove()
  await database?.remove()
})

const shell = (commands) => database.shell(commands, env)
const sql = async (text) => {
  await writeFile(path.join(database.dir, 'test.sql'), text)
  return shell('mysql --batch --raw --skip-column-names shop < test.sql')
}

// long is a text that no row of a list shows whole.
const long = '很长的消息 – a long message 🎉 "\\" '.repeat(1500)

const small = `
INSERT INTO users VALUES (1, 'Ann', 'https://example.com/a.png'), (2, 'Ben', NULL), (3, '王芳 🌸', NULL), (4, 'Dan', NULL);
INSERT INTO conversations VALUES
  (7, 'single', NULL, NULL, '2024-03-01 08:00:00'), (8, 'single', NULL, 4, '2024-03-01 10:00:00'),
  (42, 'group', 'Trip 🏔', 1, '2024-03-02 09:00:00.500'), (43, 'group', 'Quiet', 4, '2024-03-04 09:00:00');
INSERT INTO conversation_members VALUES
  (7, 1, 'member', '2024-03-01 08:00:00', 2, FALSE, TRUE), (7, 2, 'member', '2024-03-01 08:00:00', 1, TRUE, FALSE),
  (8, 4, 'member', '2024-03-01 10:00:00', NULL, FALSE, FALSE), (8, 1, 'member', '2024-03-01 10:00:00', NULL, FALSE, FALSE),
  (42, 1, 'member', '2024-03-02 09:00:00.500', NULL, FALSE, FALSE), (42, 2, 'admin', '2024-03-02 09:00:00.600', 10, FALSE, FALSE),
  (42, 3, 'member', '2024-03-02 09:05:00', NULL, TRUE, TRUE),
  (43, 4, 'member', '2024-03-04 09:00:00', NULL, FALSE, FALSE), (43, 2, 'member', '2024-03-04 09:00:01', NULL, FALSE, FALSE);
INSERT INTO messages VALUES
  (1, 7, 1, 'text', '{"text": "hi Ben 👋"}', NULL, '2024-03-01 08:00:01', FALSE),
  (2, 7, 2, 'text', '{ "text":\\n "it\\'s \\\\"me\\\\"\\\\nagain", "x": [1,\\n {"y":\\n2}] }', 1, '2024-03-01 08:00:02.123', FALSE),
  (3, 7, 2, 'text', '{"text": "a secret"}', NULL, '2024-03-01 08:00:03', TRUE),
  (4, 7, 2, 'text', ${JSON.stringify(JSON.stringify({ text: long }))}, NULL, '2024-03-01 08:00:04', FALSE),
  (10, 42, 1, 'text', '{"text": "first"}', NULL, '2024-03-02 09:01:00', FALSE),
  (11, 42, NULL, 'system', '{"text": "The title has changed"}', NULL, '2024-03-02 09:00:30', FALSE),
  (12, 42, 2, 'image', '{"url": "https://example.com/i.png", "width": 100}', 10, '2024-03-02 09:06:00', FALSE),
  (13, 42, 1, 'text', '{"text": "last"}', 12, '2024-03-02 09:07:00', FALSE);
INSERT INTO reactions VALUES
  (10, 3, '👍', '2024-03-02 09:08:00'), (13, 2, '❤️', '2024-03-02 09:07:30'), (13, 3, '❤️', '2024-03-02 09:07:31'), (3, 1, '👍', '2024-03-01 08:00:09');
`

// imported returns what the last line of an import says.
async function imported() {
  return JSON.parse(await shell('caddy chat import --json old.jsonl'))
}

// User is a client of chat.v1, in the words of the protocol.
class User {
  static async enter(t, id, name) {
    const user = new User()
    const token = (await shell(`caddy chat token ${id} --name '${name}'`)).trim()
    user.socket = new WebSocket(server.ws, 'chat.v1')
    t.after(() => user.socket.terminate())
    user.frames = []
    user.socket.on('message', (text) => {
      user.frames.push(JSON.parse(text))
      user.wake?.()
    })
    user.socket.on('open', () => user.socket.send(JSON.stringify({ type: 'hello', token, list: {} })))
    const welcome = await user.next('welcome')
    user.list = welcome.list
    return user
  }

  // next returns the next frame of a type.
  async next(type) {
    for (;;) {
      const at = this.frames.findIndex((f) => f.type === type || f.type === 'error')
      if (at >= 0) return this.frames.splice(at, 1)[0]
      await new Promise((resolve) => { this.wake = resolve })
    }
  }

  ask(frame, answer) {
    this.socket.send(JSON.stringify({ id: '1', ...frame }))
    return this.next(answer)
  }

  // rows returns what a row of each conversation says that its user looks at.
  rows() {
    return this.list.rows.map(({ title, with: other, size, role, unread, notify, top, entry, cut }) =>
      [title ?? other.name, size, role, unread, notify, top, entry?.recalled ?? (cut ? 'cut' : entry?.body.text)])
  }

  row(title) {
    return this.list.rows.find((row) => (row.title ?? row.with.name) === title)
  }
}

test('the page moves a small chat: members, unread messages, settings, history', { timeout: 120_000 }, async (t) => {
  await sql(small)
  assert.equal(await shell('mysql shop < check.sql'), '')
  await shell(block('sh', 'move.sql'))
  const lines = (await readFile(path.join(database.dir, 'old.jsonl'), 'utf8')).trim().split('\n')
  assert.deepEqual(await imported(), { lines: lines.length, recorded: 0, known: lines.length })
  await shell(block('sh', /^caddy chat import old.jsonl\n$/))

  const ben = await User.enter(t, 2, 'Ben')
  assert.equal(ben.row('Ann').with.avatar, 'https://example.com/a.png') // who was not here yet
  const ann = await User.enter(t, 1, 'Ann')
  assert.deepEqual(ann.rows(), [
    ['Ben', 2, 'member', 2, true, true, 'cut'], // she has read up to the message before the deleted one
    ['Trip 🏔', 3, 'owner', 0, true, false, 'last'],
  ])
  assert.deepEqual(ben.rows(), [
    ['Quiet', 2, 'member', 0, true, false, undefined],
    ['Trip 🏔', 3, 'admin', 1, true, false, 'last'],
    ['Ann', 2, 'member', 0, false, false, 'cut'],
  ])
  const fang = await User.enter(t, 3, '王芳 🌸')
  assert.deepEqual(fang.rows(), [['Trip 🏔', 3, 'member', 2, false, true, 'last']])
  assert.equal(ben.list.unread, 1)

  // Members, and what the one who came later is shown.
  assert.deepEqual((await ann.ask({ type: 'members', room: 'g-42' }, 'members')).users.map(({ user, role, since }) => [user.id, user.name, role, since]),
    [['1', 'Ann', 'owner', 1], ['2', 'Ben', 'admin', 1], ['3', '王芳 🌸', 'member', 4]])
  const shown = ({ type, seq, from, reply, recalled, body, tags }) =>
    [seq, type, from?.id, reply, recalled ?? body?.text, tags?.map((tag) => `${tag.tag}${tag.users}`).join()]
  const group = (await ann.ask({ type: 'history', room: 'g-42' }, 'history')).entries
  assert.deepEqual(group.map(shown), [
    [1, 'member', '1', undefined, undefined, undefined],
    [2, 'message', '1', undefined, 'first', '👍1'],
    [3, 'notice', undefined, undefined, 'The title has changed', undefined],
    [4, 'member', '3', undefined, undefined, undefined],
    [5, 'message', '2', 2, '[image]', undefined],
    [6, 'message', '1', 5, 'last', '❤️2'],
    [7, 'tagged', '2', undefined, undefined, undefined],
    [8, 'tagged', '3', undefined, undefined, undefined],
    [9, 'tagged', '3', undefined, undefined, undefined],
  ])
  assert.equal(group[1].at, Date.UTC(2024, 2, 2, 9, 1))
  assert.deepEqual(group[4].body, { type: 'image', text: '[image]', url: 'https://example.com/i.png', width: 100 })
  assert.equal((await fang.ask({ type: 'history', room: 'g-42' }, 'history')).entries[0].seq, 4)

  // The conversation of two is the one that they would found, with all that was said.
  const { room, duplicate } = await ben.ask({ type: 'create', direct: '1' }, 'created')
  assert.deepEqual([room, duplicate], [ben.row('Ann').room, true])
  const two = (await ben.ask({ type: 'history', room }, 'history')).entries
  assert.deepEqual(two.map(shown).map((entry) => entry.slice(0, 5)), [
    [1, 'member', undefined, undefined, undefined],
    [2, 'message', '1', undefined, 'hi Ben 👋'],
    [3, 'message', '2', 2, 'it\'s "me"\nagain'],
    [4, 'message', '2', undefined, true],
    [5, 'message', '2', undefined, long],
  ])
  assert.deepEqual(two[2].body.x, [1, { y: 2 }])
  assert.equal(JSON.stringify(await shell('caddy chat export')).includes('a secret'), false)

  // What was said twice is there once; and the chat goes on.
  const before = await shell('caddy chat export')
  const mirrored = block('sh', 'curl ')
  assert.match(await shell(mirrored), /"duplicate":false/)
  assert.match(await shell(mirrored), /"duplicate":true/)
  assert.match(await shell(mirrored.replace('mysql-14', 'mysql-13')), /"seq":6,.*"duplicate":true/)
  assert.deepEqual(await imported(), { lines: lines.length, recorded: 0, known: lines.length })
  assert.equal((await shell('caddy chat export')).split('\n').length, before.split('\n').length + 1)
  await shell(block('sh', 'caddy chat history'))
})

test('the page goes back: what was said here stands in the old tables, once', { timeout: 120_000 }, async (t) => {
  const ann = await User.enter(t, 1, 'Ann')
  const { room } = ann.row('Ben')
  await ann.ask({ type: 'join', room }, 'joined')
  await ann.ask({ type: 'send', room, body: { text: 'said "here" 🎈\tand\nthere' } }, 'ok')
  const { seq } = await ann.ask({ type: 'send', room, body: { text: 'wrong' } }, 'ok')
  await ann.ask({ type: 'recall', room, seq }, 'ok')
  const said = `SELECT conversation_id, sender_id, type, JSON_EXTRACT(content, '$.text'), deleted, ABS(TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP())) < 600
    FROM messages WHERE id > 13 ORDER BY id`
  const want = '7\t1\ttext\t"said \\"here\\" 🎈\\tand\\nthere"\t0\t1\n7\t1\ttext\tNULL\t1\t1\n'
  const back = block('sh', 'back.sql')
  await shell(back)
  assert.equal(await sql(said), want)
  await shell(back.replace('mysql shop < column.sql\n', ''))
  assert.equal(await sql(said), want)
})

test('the check of the page tells what does not fit', async () => {
  await sql(`
    INSERT INTO conversations VALUES (50, 'single', NULL, NULL, NOW()), (51, 'single', NULL, NULL, NOW()), (52, 'group', 'x', 1, NOW());
    INSERT INTO conversation_members (conversation_id, user_id, joined_at) VALUES (51, 1, NOW()), (51, 2, NOW()), (52, 99, NOW());
    INSERT INTO messages (id, conversation_id, sender_id, content, created_at) VALUES (500, 42, 98, '{}', NOW())`)
  assert.deepEqual((await shell('mysql -N shop < check.sql')).trim().split('\n').map((line) => line.split('\t')).sort(), [
    ['a conversation single without exactly two members', '50'],
    ['a group whose owner is no member', '52'],
    ['a member who is no user, in the conversation', '52'],
    ['a message of nobody known', '500'],
    ['another conversation single of the same two', '51'],
  ])
})

test('no commands of the page are left out', () => {
  assert.deepEqual(blocks.filter(({ language, text }) => language !== 'sql' && !used.has(text)), [])
})
