// The mini program's own files on the phones of test/phone.js, against the real
// server. Only their JavaScript runs; screen.test.js draws the pages, too.
import assert from 'node:assert/strict'
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import WebSocket from 'ws'
import { makeLibrary } from '../build.js'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { Phone } from './phone.js'
import { Server, serveWeChat, wait } from './server.js'

const root = fileURLToPath(new URL('../miniprogram', import.meta.url))
const limits = 'limits {\nsession_rate 1000 10000\nsession_bytes 100MiB 100MiB\nuser_rate 1000 10000\nuser_bytes 100MiB 100MiB\nconnect_rate 1000 1000\nnew_rooms 1000 1000\n}'

let server

before(async () => {
  server = new Server({ chat: limits })
  await server.start()
})

after(async () => {
  await server.remove()
  assert.deepEqual(server.errors(), [])
})

// enter has a user sign in on a new phone.
async function enter(t, name, { at = server, config = {}, ...options } = {}) {
  const phone = new Phone({ ca: at.ca, ...options })
  t.after(() => phone.quit())
  phone.config = { url: at.wss, login: false, rooms: ['lobby'], ...config }
  phone.launch(root, phone.config)
  await wait(() => phone.page?.page.enter) // the page rooms has opened the page login
  phone.page.page.onName({ detail: { value: name } })
  phone.page.page.enter()
  await wait(() => phone.page?.page.join)
  await phone.page.until('to be online', ({ state }) => state === 'online')
  return phone
}

for (const broken of [['getStorageSync'], ['setStorageSync', 'removeStorageSync'], ['getStorageSync', 'setStorageSync', 'removeStorageSync']]) {
  test(`${broken.join(' and ')} may fail: one can sign in and chat`, async (t) => {
    const wx = Object.fromEntries(broken.map((name) => [name, () => {
      throw new Error(`${name}:fail`)
    }]))
    const phone = await enter(t, 'Li', { wx })
    const screen = await visit(phone, `storage ${broken}`)
    say(screen, 'hi')
    await screen.until('the message', (data) => shown({ data }).some(({ text, state }) => text === 'hi' && state === 'sent'))
  })
}

test('a name that is typed is in one form', async (t) => {
  const phones = await Promise.all(['Ann', 'Ben'].map((name) => enter(t, name)))
  const screens = [await visit(phones[0], 'caf\u00e9'), await visit(phones[1], 'cafe\u0301')]
  say(screens[0], 'same room')
  await sees(screens[1], 'same room')
})

// visit joins and opens a room.
async function visit(phone, room) {
  const { page } = phone.page
  page.onInput({ detail: { value: room } })
  page.join()
  await phone.page.until('the room', ({ members }) => members > 0)
  return phone.page
}

function say(screen, text) {
  screen.page.onInput({ detail: { value: text } })
  screen.page.send()
}

// shown returns the items on the screen, from top to bottom.
function shown({ data: { older, recent } }) {
  return [...older].reverse().concat(recent)
}

const texts = (screen) => shown(screen).map(({ text }) => text)
const sees = (screen, text) => screen.until(text, () => texts(screen).includes(text))

let count = 0
const room = () => `room-${++count}`

test('the lib of the component is generated from the core and the page', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-lib-'))
  try {
    await makeLibrary(dir)
    const names = await readdir(path.join(root, 'caddy-chat/lib'))
    assert.deepEqual(names.sort(), (await readdir(dir)).sort())
    for (const name of names) assert.equal(await readFile(path.join(root, 'caddy-chat/lib', name), 'utf8'), await readFile(path.join(dir, name), 'utf8'), 'run make page')
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('every page of app.json has its files, and every text exists in both languages', async () => {
  const { pages } = JSON.parse(await readFile(path.join(root, 'app.json'), 'utf8'))
  const used = new Set()
  for (const page of pages) {
    for (const ext of ['js', 'json', 'wxml', 'wxss']) {
      const text = await readFile(path.join(root, `${page}.${ext}`), 'utf8')
      for (const [, word] of text.matchAll(/\bwords\.(\w+)/g)) used.add(word)
      if (ext === 'wxml') {
        // Every handler in the WXML is a method of the page.
        const methods = await readFile(path.join(root, `${page}.js`), 'utf8')
        for (const [, handler] of text.matchAll(/\bbind\w+="(\w+)"/g)) assert.match(methods, new RegExp(`^ {2}(async )?${handler}\\(`, 'm'), `${page}: ${handler}`)
      }
    }
  }
  const words = await readFile(path.join(root, 'words.js'), 'utf8')
  const [en, zh] = [...words.matchAll(/const \w+ = {\n([^}]*)}/g)].map(([, body]) => [...body.matchAll(/^ {2}(\w+):/gm)].map(([, word]) => word))
  assert.deepEqual(en, zh)
  for (const word of used) assert.ok(en.includes(word), word)
})

test('the devtools can import the folder: no account, no npm, no build, one URL in one file', async () => {
  const project = JSON.parse(await readFile(path.join(root, 'project.config.json'), 'utf8'))
  assert.deepEqual([project.appid, project.compileType, project.setting.packNpmManually], ['touristappid', 'miniprogram', undefined])
  const app = JSON.parse(await readFile(path.join(root, 'app.json'), 'utf8'))
  assert.equal(app.usingComponents, undefined)
  const files = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((it) => it.isFile())
    .map((it) => path.relative(root, path.join(it.path, it.name)))
  assert.ok(files.includes(app.sitemapLocation))
  const pages = files.filter((file) => /^pages\/(\w+)\/\1\.js$/.test(file)).map((file) => file.slice(0, -3))
  assert.deepEqual([...app.pages].sort(), pages.sort())
  let size = 0
  for (const file of files) {
    assert.doesNotMatch(file, /package\.json|node_modules|miniprogram_npm/)
    const text = await readFile(path.join(root, file), 'utf8')
    size += text.length
    if (/\.(js|json|wxml|wxss)$/.test(file) && file !== 'config.js') assert.doesNotMatch(text, /\b(wss?|https?):\/\/\w/, `${file} has a URL`)
    if (!file.endsWith('.js')) continue
    // The files are CommonJS, require only files of the folder, and have no syntax that
    // old phones do not know: esbuild would rewrite it for the target es2018.
    for (const [, to] of text.matchAll(/\brequire\('([^']+)'\)/g)) {
      assert.match(to, /^\.\.?\//, `${file} requires ${to}`)
      assert.ok(files.includes(path.join(path.dirname(file), `${to}.js`)), `${file} requires ${to}`)
    }
    assert.doesNotMatch(text, /^\s*(import|export)\b/m, file)
    const [now, then] = await Promise.all(['esnext', 'es2018'].map((target) => transform(text, { target, charset: 'utf8' })))
    assert.equal(now.code, then.code, `${file} has syntax newer than 2018`)
  }
  assert.ok(size < 256 * 1024, `${size} bytes; a mini program may have 2 MB`)
  const [, url] = (await readFile(path.join(root, 'config.js'), 'utf8')).match(/^  url: '(.*)',$/m)
  const example = await readFile(new URL('../../Caddyfile.example', import.meta.url), 'utf8')
  const { protocol, port, pathname } = new URL(url)
  assert.equal(protocol, 'ws:')
  assert.match(example, new RegExp(`^http://\\S*:${port}\\b`, 'm'))
  assert.match(example, new RegExp(`^\\s*chat ${pathname}\\b|^\\s*chat( \\{)?$`, 'm'))
})

test('the links and pictures of the documentation exist', async () => {
  for (const readme of ['../miniprogram/README.md', '../../README.md']) {
    const file = fileURLToPath(new URL(readme, import.meta.url))
    const text = await readFile(file, 'utf8')
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)|src="([^":]+)"/g)].map(([, link, picture]) => link ?? picture)
    assert.ok(links.length > 3)
    for (const link of links) await access(path.join(path.dirname(file), link))
  }
})

test('two phones chat: rooms, unread, typing, recall', async (t) => {
  const name = room()
  const li = await enter(t, 'Li')
  const bo = await enter(t, 'Bo', { language: 'zh_CN' })
  const screen = await visit(li, name)
  const other = await visit(bo, name)
  await screen.until('two people', ({ members }) => members === 2)
  other.page.onInput({ detail: { value: 'H' } })
  await screen.until('typing', ({ typist }) => typist === 'Bo')
  say(screen, 'Hello, Bo!')
  await sees(other, 'Hello, Bo!')
  const [line] = shown(other)
  assert.deepEqual([line.name, line.own, line.state], ['Li', false, 'sent'])
  await screen.until('sent', (data) => data.recent[0]?.state === 'sent')
  assert.equal(shown(screen)[0].own, true)

  await wait(() => bo.app.chat.rooms.get(name).read === 1)
  bo.back()
  say(screen, 'Are you there?')
  await bo.page.until('one unread', ({ rooms }) => rooms.find((it) => it.room === name)?.unread === 1)
  bo.page.page.open({ currentTarget: { dataset: { room: name } } })
  await sees(bo.page, 'Are you there?')
  await bo.page.until('the divider', () => shown(bo.page).some(({ divider, text }) => divider && text === 'Are you there?'))

  screen.page.menu({ currentTarget: { dataset: { id: shown(screen).at(-1).id } } })
  li.choose('Take back')
  await sees(bo.page, '此消息已撤回。')
})

test('unread are the messages of others: no recall, and nothing that one has said oneself', async (t) => {
  const name = room()
  const li = await enter(t, 'Li')
  const bo = await enter(t, 'Bo')
  const screen = await visit(li, name)
  await visit(bo, name)
  bo.back()
  const { chat } = bo.app
  const unread = async (seq) => {
    await wait(() => chat.rooms.get(name).seq === seq)
    let shown
    await bo.page.until(`entry ${seq}`, ({ rooms }) => {
      shown = rooms.find((it) => it.room === name)?.unread
      return shown === chat.rooms.get(name).unread
    })
    return shown
  }
  say(screen, 'one')
  say(screen, 'two')
  assert.equal(await unread(2), 2)
  await screen.until('sent', () => shown(screen).every(({ state }) => state === 'sent'))
  await li.app.chat.recall(name, 1)
  assert.equal(await unread(3), 2)
  chat.send(name, { text: 'mine' })
  assert.equal(await unread(4), 0)
  say(screen, 'three')
  assert.equal(await unread(5), 1)
  bo.page.page.open({ currentTarget: { dataset: { room: name } } })
  await bo.page.until('the divider', () => shown(bo.page).some(({ divider, text }) => divider && text === 'three'))

  // What was perhaps done is not called a failure.
  li.app.chat.recall = () => Promise.reject({ message: 'unavailable', uncertain: true })
  screen.page.menu({ currentTarget: { dataset: { id: shown(screen).at(-1).id } } })
  li.choose('Take back')
  await screen.until('the note', ({ note }) => note === 'This may have been done. Look before you try again.')
})

test('a phone that was in the background has all messages', async (t) => {
  const name = room()
  const li = await enter(t, 'Li')
  const bo = await enter(t, 'Bo')
  const screen = await visit(li, name)
  const other = await visit(bo, name)
  say(screen, 'one')
  await sees(other, 'one')
  bo.background()
  say(screen, 'two')
  say(screen, 'three')
  await screen.until('sent', () => shown(screen).every(({ state }) => state === 'sent') && shown(screen).length === 3)
  assert.deepEqual(texts(other), ['one'])
  bo.foreground()
  await sees(other, 'three')
  assert.deepEqual(texts(other), ['one', 'two', 'three'])
  assert.ok(bo.sockets.size <= 1, `${bo.sockets.size} sockets are open`)
})

test('airplane mode: messages wait, and are sent once', async (t) => {
  const name = room()
  const li = await enter(t, 'Li')
  const bo = await enter(t, 'Bo')
  const screen = await visit(li, name)
  const other = await visit(bo, name)
  li.airplane(true)
  await screen.until('no connection', ({ state }) => state !== 'online')
  say(screen, 'from the plane')
  await screen.until('sending', () => shown(screen)[0]?.state === 'sending')
  li.airplane(false)
  await sees(other, 'from the plane')
  await screen.until('sent', () => shown(screen)[0].state === 'sent')
  assert.deepEqual([texts(screen), texts(other)], [['from the plane'], ['from the plane']])
})

test('the server and the app are killed: no message is lost or duplicated', async (t) => {
  const name = room()
  const li = await enter(t, 'Li')
  const bo = await enter(t, 'Bo')
  let screen = await visit(li, name)
  const other = await visit(bo, name)
  say(screen, 'before')
  await sees(other, 'before')
  await server.stop('SIGKILL')
  say(screen, 'meanwhile')
  await screen.until('sending', () => shown(screen).at(-1).state === 'sending')
  li.quit() // the message is in the storage
  await server.start()
  li.launch(root, li.config)
  await li.page.until('to be online', ({ state }) => state === 'online')
  screen = await visit(li, name)
  await sees(other, 'meanwhile')
  await sees(screen, 'before') // the messages of the outbox are there at once
  await screen.until('sent', () => shown(screen).every(({ state }) => state === 'sent'))
  assert.deepEqual(texts(other), ['before', 'meanwhile'])
  assert.deepEqual(texts(screen), ['before', 'meanwhile'])
})

test('ten thousand messages: the newest are shown, scrolling loads more, in small steps', async (t) => {
  const name = room()
  const chat = new Client({ url: server.ws, name: 'Crowd', ...node(WebSocket) })
  t.after(() => chat.close())
  await chat.connect()
  await chat.join(name)
  const n = 10_000
  for (let i = 0; i < n; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, k) => chat.send(name, { text: `message ${i + k}` })))
  }
  const li = await enter(t, 'Li')
  const screen = await visit(li, name)
  await sees(screen, `message ${n - 1}`)
  screen.page.atEnd = false // the user has scrolled up
  await wait(() => !screen.page.loading)
  const { draws } = li
  for (let i = 0; i < 20; i++) await screen.page.older()
  await screen.until('all of them', () => !screen.data.loading)
  assert.ok(li.draws - draws <= 20 * 4, `${li.draws - draws} calls of setData for 20 batches`)
  const list = texts(screen)
  const first = Number(list[0].split(' ')[1])
  assert.deepEqual(list, Array.from({ length: n - first }, (_, i) => `message ${first + i}`))
  assert.ok(list.length >= 500, `${list.length} items`)
  say(screen, 'to the end again')
  await screen.until('a trimmed list', () => shown(screen).length <= 300 && texts(screen).includes('to the end again'))
  assert.ok(li.most < 256 * 1024, `a setData of ${li.most} bytes`)
  assert.ok(li.stored() < 64 * 1024, `${li.stored()} bytes in the storage`)
})

test('a room with long messages is drawn in steps that setData allows', async (t) => {
  const name = room()
  const chat = new Client({ url: server.ws, name: 'Eve', ...node(WebSocket) })
  t.after(() => chat.close())
  await chat.connect()
  await chat.join(name)
  const n = 30
  for (let i = 0; i < n; i++) await chat.send(name, { i, long: '长'.repeat(20_000) }) // 60 KB
  const li = await enter(t, 'Li')
  const screen = await visit(li, name)
  await wait(() => shown(screen).length > 0)
  while (shown(screen).length < n) {
    await wait(() => !screen.page.loading)
    await screen.page.older()
  }
  say(screen, 'a'.repeat(2501)) // is refused; after discard the whole list is drawn again
  await screen.until('refused', () => shown(screen).at(-1).state === 'failed')
  screen.page.menu({ currentTarget: { dataset: { id: shown(screen).at(-1).id } } })
  li.choose('Discard')
  await wait(() => shown(screen).length === n)
  assert.deepEqual(texts(screen).map((text) => JSON.parse(text).i), Array.from({ length: n }, (_, i) => i))
  assert.ok(li.most < 256 * 1024, `a setData of ${li.most} bytes`)
})

test('a mini program signs in by WeChat; a refused token does not make the user a guest', async (t) => {
  const at = await serveWeChat(t, limits)
  const li = await enter(t, 'Li', { at, config: { login: true }, codes: ['good-1', 'good-2', 'bad'] })
  const { id } = li.app.chat.user
  assert.match(id, /^wx-/)
  assert.ok(!li.app.chat.user.guest)
  li.quit()
  li.launch(root, li.config) // with the stored token
  await li.page.until('to be online', ({ state }) => state === 'online')
  assert.equal(li.app.chat.user.id, id)
  li.quit()
  li.storage.set('token', '"a.token.that-is-refused"')
  li.launch(root, li.config) // a new code gets a new token
  await li.page.until('to be online', ({ state }) => state === 'online')
  assert.equal(li.app.chat.user.id, id)
  li.quit()
  li.storage.set('token', '"a.token.that-is-refused"')
  li.launch(root, li.config) // now WeChat refuses the code, too
  let error
  li.app.chat.on('error', (event) => { error = event })
  await wait(() => error)
  assert.equal(error.code, 'no_token')
  assert.deepEqual(li.codes, [])
  assert.notEqual(li.page.data.state, 'online')
})
