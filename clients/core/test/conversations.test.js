// Conversations against the real server: the commands, and lists that are kept by what
// the server tells, after random histories of two users with two devices each.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import WebSocket from 'ws'
import { Server, wait } from '../../test/server.js'
import { Client } from '../index.js'
import { list } from '../list.js'
import { node } from '../node.js'

const secret = 'a secret of at least thirty-two bytes'

const config = `auth jwt {
secret "${secret}"
}
limits {
session_rate 10000 10000
session_bytes 1GiB 1GiB
user_rate 10000 10000
user_bytes 1GiB 1GiB
new_rooms 1000 1000
create_rate 1000 1000
list_rate 1000 1000
}
policy d-* {
direct
create users
}
policy g-* {
read members
write members
moderate admins
create users
invite members
history joined
}`

function token(sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, name: sub, exp: Math.floor(Date.now() / 1000) + 3600 })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

async function serve(t) {
  const server = new Server({ chat: config })
  t.after(() => server.remove())
  await server.start()
  return server
}

// device returns a client with a list, and breaks its connection with break.
function device(t, server, name, options) {
  let socket
  const platform = node(WebSocket)
  const transport = (...args) => (socket = platform.transport(...args))
  const chat = new Client({ url: server.ws, ...platform, transport, token: token(name), list: list(options) })
  t.after(() => chat.close())
  chat.connect()
  return { chat, name, break: () => socket.close() }
}

// when resolves with the next event that fits.
function when(chat, name, fits = () => true) {
  return new Promise((resolve) => {
    const stop = chat.on(name, (event) => {
      if (!fits(event)) return
      stop()
      resolve(event)
    })
  })
}

test('a group is founded, changed, left and joined, and its room says so', async (t) => {
  const server = await serve(t)
  const [ann, ben] = ['ann', 'ben'].map((name) => device(t, server, name).chat)
  await Promise.all([ann.connect(), ben.connect()])
  const invited = when(ben, 'row')
  const { room, duplicate } = await ann.create({ key: 'k', title: 'Trip', users: ['ben'] })
  assert.equal(duplicate, false)
  assert.deepEqual(await ann.create({ key: 'k', title: 'Trip', users: ['ben'] }).then(({ room, duplicate }) => [room, duplicate]), [room, true])
  assert.notEqual((await ann.create({ title: 'Other' })).room, room)
  assert.deepEqual(await invited.then(({ room, title, role, size }) => [room, title, role, size]), [room, 'Trip', 'member', 2])

  const joined = await ann.join(room)
  assert.deepEqual([joined.title, joined.role, joined.size, joined.moderate], ['Trip', 'owner', 2, true])
  assert.equal((await ben.join(room)).moderate, false)

  const renamed = when(ben, 'info')
  await ann.info(room, { title: 'Journey', about: 'by train' })
  assert.deepEqual(await renamed.then(({ title, about, live }) => [title, about, live]), ['Journey', 'by train', true])
  assert.deepEqual([ben.rooms.get(room).title, ben.rooms.get(room).about, ben.rooms.get(room).closed], ['Journey', 'by train', undefined])
  await wait(() => ben.list.get(room).title === 'Journey')

  const [promoted, state] = [when(ben, 'member'), when(ben, 'room', ({ moderate }) => moderate)]
  const changed = await ann.member(room, 'ben', 'admin')
  assert.equal(changed.duplicate, false)
  assert.equal((await ann.member(room, ['ben'], 'admin')).duplicate, true)
  assert.deepEqual(await promoted.then(({ users, role }) => [users[0].id, role]), ['ben', 'admin'])
  assert.equal((await state).role, 'admin')

  const cleo = when(ann, 'room', ({ size }) => size === 3)
  await ben.member(room, ['cleo'], 'member')
  await cleo
  const { users, size, more } = await ben.members(room, { limit: 2 })
  assert.deepEqual([users.map(({ user, role }) => [user.id, role]), size, more], [[['ann', 'owner'], ['ben', 'admin']], 3, true])
  const rest = await ben.members(room, { after: users[1].user.id })
  assert.deepEqual([rest.users.map(({ user }) => user.id), rest.more], [['cleo'], false])

  const closed = when(ben, 'room', ({ write }) => !write)
  await ann.info(room, { closed: true })
  assert.equal((await closed).closed, true)

  const gone = when(ben, 'removed')
  const row = when(ben, 'row', ({ gone }) => gone)
  await ben.quit(room)
  assert.equal((await gone).room, room)
  assert.equal((await row).room, room)
  assert.equal(ben.list.get(room), undefined)
  await assert.rejects(ben.members(room), { code: 'forbidden' })
})

test('two users talk; the conversation is in both lists from the first message on', async (t) => {
  const server = await serve(t)
  const [ann, ben] = ['ann', 'ben'].map((name) => device(t, server, name).chat)
  await Promise.all([ann.connect(), ben.connect()])
  const { room } = await ann.direct('ben')
  assert.equal((await ben.direct('ann')).room, room)
  assert.deepEqual([ann.list.rows, ben.list.rows], [[], []])
  await ann.join(room)
  await ann.send(room, { text: 'hi' })
  await wait(() => ben.list.rows.length && ann.list.rows.length)
  assert.deepEqual([ben.list.get(room).with.id, ben.list.get(room).entry.body.text, ben.list.unread, ann.list.unread], ['ann', 'hi', 1, 0])
  assert.equal(ann.rooms.get(room).with.id, 'ben')

  const other = device(t, server, 'ben').chat
  await other.connect()
  assert.equal(other.list.unread, 1)
  await ben.join(room)
  await ben.read(room, 9)
  assert.equal(ben.list.unread, 0)
  await wait(() => other.list.unread === 0)

  await ben.set(room, { notify: false, top: true })
  await wait(() => other.list.get(room).top)
  await ann.send(room, { text: 'again' })
  await wait(() => other.list.get(room).unread === 1)
  assert.equal(other.list.unread, 0)
  await ben.set(room, { hide: true, clear: true })
  await wait(() => other.list.hidden.length === 1 && other.list.rows.length === 0)
})

test('messages answer, mention and are corrected', async (t) => {
  const server = await serve(t)
  const [ann, ben] = ['ann', 'ben'].map((name) => device(t, server, name).chat)
  await Promise.all([ann.connect(), ben.connect()])
  const { room } = await ann.create({ users: ['ben'] })
  await ann.join(room)
  const { seq } = await ann.send(room, { text: 'look' }, { reply: 1, mentions: ['ben'] })
  await wait(() => ben.list.get(room)?.mention === seq)
  await ben.join(room)
  const edited = when(ben, 'edited')
  await ann.edit(room, seq, { text: 'look here' })
  assert.deepEqual(await edited.then(({ target, body }) => [target, body.text]), [seq, 'look here'])
  const { entries } = await ben.history(room)
  const said = entries.find((entry) => entry.seq === seq)
  assert.deepEqual([said.body.text, said.reply, said.mentions], ['look here', 1, ['ben']])
  assert.ok(said.edited > seq)
  await assert.rejects(ben.edit(room, seq, { text: 'mine' }), { code: 'forbidden' })
})

// fresh returns the list as the server has it now: all its rows, and the sum.
async function fresh(t, server, name) {
  const { chat } = device(t, server, name, { limit: 200 })
  await chat.connect()
  await wait(() => chat.list.complete)
  const { rows, unread } = chat.list
  chat.close()
  return { rows, unread }
}

// Connections break, commands overtake each other, and the server is killed.
test('after random histories of two users with two devices each, every list is the one that is there', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32))
  t.diagnostic(`seed ${seed}`)
  const random = generator(seed)
  const below = (n) => Math.floor(random() * n)
  const server = await serve(t)
  const devices = ['ann', 'ben', 'ann', 'ben'].map((name, i) => device(t, server, name, i < 2 ? { limit: 2 } : undefined))
  await Promise.all(devices.map(({ chat }) => chat.connect()))
  const names = []
  const known = [] // what waits is known to fail: nothing of it may be unhandled
  for (let step = 0; step < 240; step++) {
    const at = devices[below(4)]
    const { chat, name } = at
    const other = name === 'ann' ? 'ben' : 'ann'
    const room = names[below(names.length)]
    const n = below(16)
    const made = (promise) => promise.then(({ room }) => names.includes(room) || names.push(room))
    const act = async () => {
      if (chat.state !== 'online') await chat.connect()
      if (!names.length || (n === 0 && names.length < 12)) return made(chat.create({ key: `${step}`, users: [other] }))
      if (n === 1) return made(chat.direct(other))
      if (n <= 7) {
        await chat.join(room)
        return chat.send(room, { text: `${step}` })
      }
      if (n === 8) return chat.leave(room)
      if (n === 9) return chat.read(room, 1 + below(40))
      if (n === 10) return chat.member(room, [['ann', 'ben'][below(2)]], ['none', 'member', 'admin'][below(3)])
      if (n === 11) return chat.info(room, { title: `${step}` })
      if (n === 12) return chat.set(room, [{ top: true }, { notify: false }, { hide: true }, { clear: true }, { top: false }, { notify: true }][below(6)])
      if (n === 13) return chat.recall(room, 1 + below(40))
      if (n === 14) return chat.list.more()
      at.break()
    }
    const done = act().catch(({ code }) => assert.ok(code, 'a refusal has a code'))
    known.push(done)
    if (below(3)) await done // others overtake it
    if (step % 100 === 60) {
      await server.stop('SIGKILL')
      await server.start()
    }
    if (step % 40 !== 39) continue
    await Promise.all(known.splice(0))
    for (const { chat, name } of devices) {
      await chat.connect()
      while (!chat.list.complete) await chat.list.more()
      let want
      let got
      await wait(async () => {
        want = await fresh(t, server, name)
        got = { rows: chat.list.rows, unread: chat.list.unread }
        return equal(got, want)
      }).catch(() => assert.deepEqual(got, want, `step ${step}, ${name}`))
    }
  }
})

function equal(a, b) {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}

// generator returns random numbers that the seed decides.
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}
