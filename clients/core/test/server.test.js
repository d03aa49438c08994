// Two clients against the real server, over the package ws.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import WebSocket from 'ws'
import { Server } from '../../test/server.js'
import { Client } from '../index.js'
import { node } from '../node.js'
import { Timeline } from '../timeline.js'

// user creates a client that records its messages.
function user(t, url, options, socket) {
  const memory = new Map()
  const storage = {
    getItem: (name) => memory.get(name),
    setItem: (name, text) => memory.set(name, text),
    removeItem: (name) => memory.delete(name),
  }
  const chat = new Client({ url, storage, ...node(WebSocket, socket), ...options })
  t.after(() => chat.close())
  const messages = []
  chat.on('message', ({ seq, body }) => messages.push(`${seq} ${body.text}`))
  return { chat, messages, storage }
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

async function serve(t, chat) {
  const server = new Server({ chat })
  t.after(() => server.remove())
  await server.start()
  return server
}

test('two users chat, over ws and wss', async (t) => {
  const server = await serve(t)
  const li = user(t, server.ws, { name: 'Li' })
  const bo = user(t, server.wss, { name: 'Bo' }, { ca: server.ca })
  const me = await li.chat.connect()
  assert.equal(me.name, 'Li')
  assert.equal(me.guest, true)
  await li.chat.join('tea')
  const arrived = when(li.chat, 'presence', ({ joined }) => joined[0]?.name === 'Bo')
  await bo.chat.connect()
  await bo.chat.join('tea')
  await arrived

  const answer = await li.chat.send('tea', { text: 'hello' })
  assert.equal(answer.seq, 1)
  const typing = when(li.chat, 'typing')
  bo.chat.typing('tea')
  assert.equal((await typing).from.name, 'Bo')
  const { users, members } = await li.chat.who('tea')
  assert.deepEqual([users.map(({ name }) => name).sort(), members], [['Bo', 'Li'], 2])
  assert.equal((await bo.chat.read('tea', 1)).unread, 0)
  await bo.chat.send('tea', { text: 'hi' })
  const recalled = when(bo.chat, 'recalled')
  await li.chat.recall('tea', 1)
  assert.equal((await recalled).target, 1)
  const { entries } = await bo.chat.history('tea')
  assert.deepEqual(entries.map(({ type, recalled }) => [type, recalled]), [['message', true], ['message', undefined], ['recalled', undefined]])
  assert.deepEqual(bo.messages, ['1 hello', '2 hi'])
  assert.deepEqual(li.messages, bo.messages)
})

test('after the server was killed no message is lost or duplicated', async (t) => {
  const server = await serve(t)
  const li = user(t, server.ws, { name: 'Li' })
  const bo = user(t, server.ws, { name: 'Bo' })
  const first = await li.chat.connect()
  await bo.chat.connect()
  await Promise.all([li.chat.join('tea'), bo.chat.join('tea')])
  const list = new Timeline(bo.chat, 'tea')
  let n = 0
  const sent = []
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 50; i++) sent.push(li.chat.send('tea', { text: `${n++}` }))
    await sent.at(-25)
    await server.stop('SIGKILL')
    for (let i = 0; i < 10; i++) sent.push(li.chat.send('tea', { text: `${n++}` })) // they wait in the outbox
    await server.start()
  }
  await Promise.all(sent)
  const arrived = [bo, li].map(({ chat }) => when(chat, 'message', ({ body }) => body.text === 'the end'))
  await li.chat.send('tea', { text: 'the end' })
  await Promise.all(arrived)
  const want = Array.from({ length: n }, (_, i) => `${i + 1} ${i}`).concat(`${n + 1} the end`)
  assert.deepEqual(bo.messages, want)
  assert.deepEqual(li.messages, want)
  assert.deepEqual(list.items.map(({ seq, body }) => `${seq} ${body.text}`), want)
  assert.equal(li.chat.user.id, first.id, 'the guest came back as another')
  assert.deepEqual(server.errors(), [])
})

test('a refused token closes the client, and does not make the user a guest', async (t) => {
  const server = await serve(t)
  const asked = []
  const li = user(t, server.ws, { token: (why) => (asked.push(why), 'no.such.token') })
  await assert.rejects(li.chat.connect(), { code: 'bad_token', retry: false })
  assert.equal(li.chat.state, 'closed')
  assert.deepEqual(asked, [undefined, 'bad_token'])
})

// moderatorToken returns a token that lets its user moderate every room.
function moderatorToken(secret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const rights = { read: ['*'], write: ['*'], moderate: ['*'] }
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'u-mo', name: 'Mo', exp: Math.floor(Date.now() / 1000) + 3600, chat: rights })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

test('a moderator mutes, kicks and bans, for a while and not', async (t) => {
  const secret = 'a secret of at least thirty-two bytes'
  const server = await serve(t, `auth jwt {\nsecret "${secret}"\n}\nauth guest\npolicy * {\nread anyone\nwrite anyone\n}`)
  const li = user(t, server.ws, { name: 'Li' })
  const mo = user(t, server.ws, { token: moderatorToken(secret) })
  const { id } = await li.chat.connect()
  await mo.chat.connect()
  await li.chat.join('tea')
  assert.equal((await mo.chat.join('tea')).moderate, true)

  const muted = when(li.chat, 'muted')
  assert.equal((await mo.chat.mute('tea', id, 600_000)).room, 'tea')
  assert.equal((await muted).for, 600_000)
  const sent = li.chat.send('tea', { text: 'late' })
  const lifted = when(li.chat, 'muted')
  await mo.chat.mute('tea', id, 0)
  await lifted
  assert.equal((await sent).seq, 1) // it waited

  const kicked = when(li.chat, 'removed')
  await mo.chat.kick('tea', id)
  assert.equal((await kicked).code, 'kicked')
  await li.chat.join('tea')
  const banned = when(li.chat, 'removed')
  await mo.chat.ban('tea', id, 600_000)
  assert.equal((await banned).code, 'banned')
  await mo.chat.ban('tea', id, 0)
  await li.chat.join('tea')

  await assert.rejects(li.chat.ban('tea', mo.chat.user.id), { code: 'forbidden' })
  await assert.rejects(mo.chat.kick(undefined, id), { code: 'bad_room' })
  const closed = when(li.chat, 'state', ({ state }) => state === 'closed')
  await mo.chat.ban(null, id)
  assert.equal((await closed).code, 'banned')
})
