// What was said is sent once, in order, and outlives connections and the app.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeStorage, bo, li, refusal, said, Stage, state } from './stage.js'

const bodies = (socket) => socket.commands('send').map(({ body }) => body)
const fates = (stage) => stage.of('outbox').map(({ body, state, seq, code }) => [body, state, seq ?? code].filter(Boolean))

// ok answers the newest send.
const ok = (socket, seq, fields = {}) => socket.answer('send', { type: 'ok', room: 'tea', seq, at: 1_000 + seq, duplicate: false, ...fields })
const refuse = (socket, code, retry) => socket.answer('send', { type: 'error', code, message: code, retry })

function again(stage, rooms = [state('tea')]) {
  stage.socket.lose()
  stage.clock.pass(500)
  return stage.welcome({ rooms })
}

test('sending, then sent with its number', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  const body = { text: 'hello' }
  const sent = stage.chat.send('tea', body)
  body.text = 'changed afterwards'
  const { key } = stage.of('outbox')[0]
  assert.ok(key.length >= 22 && key.length <= 64)
  assert.deepEqual(socket.sent.at(-1), { type: 'send', id: '3', room: 'tea', key, body: { text: 'hello' } })
  assert.deepEqual(Object.keys(socket.sent.at(-1)).slice(0, 2), ['type', 'id'])
  assert.deepEqual(stage.chat.outbox.messages.map((message) => message.key), [key])
  ok(socket, 7)
  assert.deepEqual(await sent, { room: 'tea', key, body: { text: 'hello' }, at: 1_007, user: 'u-li', state: 'sent', seq: 7,
    code: undefined })
  assert.deepEqual(stage.of('outbox').map(({ state }) => state), ['sending', 'sent'])
  assert.deepEqual(stage.chat.outbox.messages, [])
  assert.equal(stage.storage.of('outbox'), undefined)
})

test('every message gets a key of its own, or the one that is given', () => {
  const stage = new Stage()
  stage.enter('tea')
  for (let i = 0; i < 100; i++) stage.chat.send('tea', i)
  assert.equal(new Set(stage.of('outbox').map(({ key }) => key)).size, 100)
  stage.chat.send('tea', 'x', { key: 'mine' })
  assert.equal(stage.of('outbox').at(-1).key, 'mine')
})

test('stored before it is sent, while offline and while online', () => {
  const stage = new Stage()
  stage.chat.join('tea')
  stage.chat.send('tea', 'one')
  assert.deepEqual(stage.storage.of('outbox').map(({ body }) => body), ['one'])
  const socket = stage.welcome({ rooms: [state('tea')] })
  ok(socket, 1)
  socket.send = (text) => {
    assert.deepEqual(stage.storage.of('outbox').map(({ body }) => body), ['two'])
    Object.getPrototypeOf(socket).send.call(socket, text)
  }
  stage.chat.send('tea', 'two')
  assert.deepEqual(bodies(socket), ['one', 'two'])
})

test('in a room the next goes when the one before is answered; rooms do not wait for each other', () => {
  const stage = new Stage()
  stage.enter('milk')
  const socket = stage.enter('tea')
  for (const body of ['a', 'b', 'c']) stage.chat.send('tea', body)
  stage.chat.send('milk', 'm')
  assert.deepEqual(bodies(socket), ['a', 'm'])
  const [a] = socket.commands('send')
  socket.say({ type: 'ok', id: a.id, room: 'tea', seq: 1, at: 1, duplicate: false })
  assert.deepEqual(bodies(socket), ['a', 'm', 'b'])
  refuse(socket, 'text_too_long', false)
  assert.deepEqual(bodies(socket), ['a', 'm', 'b', 'c'])
})

test('what got no answer is sent again after welcome, under the same key, in order', () => {
  const stage = new Stage()
  stage.enter('tea')
  for (const body of ['a', 'b']) stage.chat.send('tea', body)
  const [first] = stage.socket.commands('send')
  const socket = again(stage)
  stage.chat.send('tea', 'c')
  assert.equal(socket.commands('send')[0].key, first.key)
  for (const seq of [1, 2, 3]) ok(socket, seq, { duplicate: seq === 1 })
  assert.deepEqual(bodies(socket), ['a', 'b', 'c'])
  assert.deepEqual(fates(stage).slice(3), [['a', 'sent', 1], ['b', 'sent', 2], ['c', 'sent', 3]])
})

test('nothing is sent before the room is joined again', () => {
  const stage = new Stage()
  stage.enter('tea')
  stage.chat.send('tea', 'a')
  const socket = again(stage, [{ room: 'tea', code: 'unavailable', message: '', retry: 2_000 }])
  assert.deepEqual(bodies(socket), [])
  stage.clock.pass(2_000)
  socket.answer('join', { type: 'joined', ...state('tea') })
  assert.deepEqual(bodies(socket), ['a'])
})

test('a room that is catching up takes messages', () => {
  const stage = new Stage()
  stage.enter('tea', { entries: [said(1)] })
  stage.chat.send('tea', 'a')
  const socket = again(stage, [state('tea', { entries: [said(2)], last: 9, more: true })])
  assert.deepEqual(bodies(socket), ['a'])
})

test('the message itself, when it comes first, is as good as the answer', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  const sent = stage.chat.send('tea', 'a')
  stage.chat.send('tea', 'b')
  const { key } = socket.commands('send')[0]
  socket.say(said(1, { from: bo, key })) // somebody else's copy of the key
  assert.deepEqual(bodies(socket), ['a'])
  socket.say(said(2, { from: li, key }))
  assert.equal((await sent).seq, 2)
  assert.deepEqual(bodies(socket), ['a', 'b'])
  socket.say({ type: 'ok', id: socket.commands('send')[0].id, room: 'tea', seq: 2, at: 1, duplicate: false })
  assert.deepEqual(bodies(socket), ['a', 'b'])
  assert.deepEqual(fates(stage), [['a', 'sending'], ['b', 'sending'], ['a', 'sent', 2]])
})

test('a message that is found on coming back, or in history, is not sent again', () => {
  const stage = new Stage()
  stage.enter('tea')
  stage.enter('milk')
  stage.chat.send('tea', 'a')
  stage.chat.send('milk', 'm')
  const [{ key: a }, { key: m }] = stage.socket.commands('send')
  const socket = again(stage, [state('tea', { entries: [said(1, { from: li, key: a })] }),
    { room: 'milk', code: 'unavailable', message: '', retry: 9_000 }])
  stage.chat.history('milk')
  socket.answer('history', { type: 'history', room: 'milk', epoch: 'e1', more: false,
    entries: [said(5, { room: 'milk', from: li, key: m })] })
  assert.deepEqual(bodies(socket), [])
  assert.deepEqual(fates(stage).slice(2), [['a', 'sent', 1], ['m', 'sent', 5]])
})

test('failed for good: told, kept, and said again on demand', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  const sent = stage.chat.send('tea', 'a')
  stage.chat.send('tea', 'b')
  const { key } = socket.commands('send')[0]
  await assert.rejects(stage.chat.retry(key), refusal('not_found')) // it has not failed
  refuse(socket, 'forbidden', false)
  await assert.rejects(sent, refusal('forbidden'))
  assert.deepEqual(bodies(socket), ['a', 'b'])
  assert.deepEqual(stage.storage.of('outbox').map(({ body, state, code }) => [body, state, code]),
    [['a', 'failed', 'forbidden'], ['b', 'sending', undefined]])
  again(stage)
  assert.deepEqual(bodies(stage.socket), ['b'])

  const retried = stage.chat.retry(key)
  assert.deepEqual(stage.chat.outbox.messages.map(({ body }) => body), ['b', 'a'])
  ok(stage.socket, 1)
  ok(stage.socket, 2)
  assert.equal((await retried).seq, 2)
  assert.deepEqual(stage.socket.commands('send').map(({ key }) => key)[1], key)
  assert.deepEqual(fates(stage).slice(2), [['a', 'failed', 'forbidden'], ['a', 'sending'], ['b', 'sent', 1], ['a', 'sent', 2]])
})

test('discarded: forgotten, and what comes of it is of no interest', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  const sent = stage.chat.send('tea', 'a')
  stage.chat.send('tea', 'b')
  stage.chat.discard(socket.commands('send')[0].key)
  stage.chat.discard('no such key')
  await assert.rejects(sent, refusal('discarded'))
  ok(socket, 1)
  assert.deepEqual(stage.storage.of('outbox').map(({ body }) => body), ['b'])
  stage.chat.send('tea', 'c')
  assert.deepEqual(bodies(socket), ['a', 'b'])
})

test('an error with retry: the same again after that time, and the others behind it', () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  stage.chat.send('tea', 'a')
  refuse(socket, 'too_fast', 1_200)
  stage.chat.send('tea', 'b')
  stage.clock.pass(1_199)
  assert.deepEqual(bodies(socket), ['a'])
  stage.clock.pass(1)
  ok(socket, 1)
  assert.deepEqual(bodies(socket), ['a', 'a', 'b'])
  assert.equal(new Set(socket.commands('send').slice(0, 2).map(({ key }) => key)).size, 1)
})

test('retry is obeyed over the end of the connection', () => {
  const stage = new Stage()
  stage.enter('tea')
  stage.chat.send('tea', 'a')
  refuse(stage.socket, 'unavailable', 2_000)
  const socket = again(stage) // takes 500 ms
  assert.deepEqual(bodies(socket), [])
  stage.clock.pass(1_499)
  assert.deepEqual(bodies(socket), [])
  stage.clock.pass(1)
  assert.deepEqual(bodies(socket), ['a'])
})

test('a mute of a year is waited for, and its lifting ends it', () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  stage.chat.send('tea', 'a')
  refuse(socket, 'muted', 365 * 86_400_000)
  stage.chat.send('tea', 'b')
  stage.clock.pass(1_000)
  assert.deepEqual(bodies(socket), ['a'])
  socket.say({ type: 'muted', room: 'tea', for: 1_000 })
  assert.deepEqual(bodies(socket), ['a'])
  socket.say({ type: 'muted', room: 'tea', for: 0 })
  ok(socket, 1)
  assert.deepEqual(bodies(socket), ['a', 'a', 'b'])
})

test('close leaves no timer behind', () => {
  const stage = new Stage()
  stage.enter('tea')
  stage.chat.send('tea', 'a')
  refuse(stage.socket, 'muted', 86_400_000)
  stage.chat.close()
  assert.equal(stage.clock.timers.size, 0)
})

test('to a room that was not joined nothing is said; one that is lost fails what waits', async () => {
  const stage = new Stage()
  await assert.rejects(stage.chat.send('tea', 'a'), refusal('not_joined'))
  assert.deepEqual(stage.chat.outbox.messages, [])
  const socket = stage.enter('tea')
  const sent = [stage.chat.send('tea', 'a'), stage.chat.send('tea', 'b')]
  socket.say({ type: 'removed', room: 'tea', code: 'kicked', message: '', retry: false })
  for (const promise of sent) await assert.rejects(promise, refusal('kicked'))
  assert.deepEqual(fates(stage).slice(2), [['a', 'failed', 'kicked'], ['b', 'failed', 'kicked']])
})

test('said while the server was taking the user out of a room: it waits until the room is joined again', () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  stage.chat.send('tea', 'a')
  socket.say({ type: 'removed', room: 'tea', code: 'unavailable', message: '', retry: 2_000 })
  refuse(socket, 'not_joined', false)
  stage.chat.send('tea', 'b')
  stage.clock.pass(2_000)
  socket.answer('join', { type: 'joined', ...state('tea') })
  ok(socket, 1)
  ok(socket, 2)
  assert.deepEqual(bodies(socket), ['a', 'a', 'b'])
  assert.deepEqual(fates(stage).slice(2), [['a', 'sent', 1], ['b', 'sent', 2]])
})

test('a room that was left keeps what waits until it is joined again', () => {
  const stage = new Stage()
  stage.enter('tea')
  stage.chat.send('tea', 'a')
  stage.chat.send('tea', 'b')
  stage.chat.leave('tea')
  const socket = stage.socket
  socket.say({ type: 'ok', id: socket.commands('send')[0].id, room: 'tea', seq: 1, at: 1, duplicate: false })
  assert.deepEqual(stage.chat.outbox.messages.map(({ body }) => body), ['b'])
  stage.enter('tea')
  assert.deepEqual(bodies(socket), ['a', 'b'])
})

test('a frame that the server would close for is refused here', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  const letter = '信'.repeat(21_840) // 65,520 bytes, with its frame more than 65,536
  const sent = stage.chat.send('tea', letter)
  stage.chat.send('tea', letter.slice(0, -100))
  await assert.rejects(sent, refusal('too_large'))
  assert.equal(bodies(socket).length, 1)
  assert.ok(Buffer.byteLength(JSON.stringify(socket.sent.at(-1))) <= 65_536)
})

test('half a surrogate pair becomes the replacement character', () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  const texts = []
  const { send } = Object.getPrototypeOf(socket)
  socket.send = (text) => {
    texts.push(text)
    send.call(socket, text)
  }
  stage.chat.send('tea', { text: 'tea 🍵'.slice(0, -1), '\udc00': '\\ud83d', whole: '🍵\u0007"\\' })
  assert.ok(!/[^\\]\\ud/.test(texts[0]), texts[0])
  assert.deepEqual(socket.sent.at(-1).body, { text: 'tea \ufffd', '\ufffd': '\\ud83d', whole: '🍵\u0007"\\' })
})

test('the outbox outlives the app', async () => {
  const storage = new FakeStorage()
  const before = new Stage({ storage })
  before.enter('tea')
  before.chat.send('tea', 'failed')
  refuse(before.socket, 'forbidden', false)
  before.chat.send('tea', 'a')
  before.chat.send('tea', 'b')

  const after = new Stage({ storage })
  assert.deepEqual(after.chat.outbox.messages.map(({ body, state }) => [body, state]),
    [['failed', 'failed'], ['a', 'sending'], ['b', 'sending']])
  after.chat.join('tea')
  const socket = after.welcome({ rooms: [state('tea', { entries: [said(1)] })] })
  assert.deepEqual(bodies(socket), ['a'])
  assert.equal(socket.commands('send')[0].key, before.socket.commands('send')[1].key)
  ok(socket, 2)
  ok(socket, 3)
  assert.deepEqual(after.chat.outbox.messages.map(({ body }) => body), ['failed'])
})

test('nobody speaks for another user', () => {
  const storage = new FakeStorage()
  const before = new Stage({ storage })
  before.enter('tea')
  before.chat.send('tea', 'mine')
  const after = new Stage({ storage })
  after.chat.join('tea')
  after.chat.send('tea', 'before anybody knew who this is')
  const socket = after.welcome({ user: bo, rooms: [state('tea')] })
  assert.deepEqual(bodies(socket), ['before anybody knew who this is'])
  assert.deepEqual(fates(after).slice(1), [['mine', 'failed', 'other_user']])
})

test('no more than 500 wait', async () => {
  const stage = new Stage()
  stage.chat.join('tea')
  for (let i = 0; i < 500; i++) stage.chat.send('tea', i)
  await assert.rejects(stage.chat.send('tea', 500), refusal('outbox_full'))
  assert.equal(stage.chat.outbox.messages.length, 500)
})

test('what waits fits under one key of WeChat, which takes 1 MB', async () => {
  const stage = new Stage()
  stage.chat.join('tea')
  const { messages } = stage.chat.outbox
  const say = () => stage.chat.send('tea', { text: '茶'.repeat(2500) })
  for (let before = -1; messages.length > before;) {
    before = messages.length
    say()
  }
  await assert.rejects(say(), refusal('outbox_full'))
  const size = Buffer.byteLength(JSON.stringify(stage.storage.of('outbox')))
  assert.ok(size > 800_000 && size < 1_000_000, `${size} bytes`)

  const other = new Stage()
  other.chat.join('tea')
  other.chat.send('tea', 'x'.repeat(400_000)) // the one message that waits may be longer
  assert.equal(other.chat.outbox.messages.length, 1)
})

for (const [what, broken] of [
  ['cannot be written', { setItem() { throw new Error('quota exceeded') }, removeItem() { throw new Error('quota exceeded') } }],
  ['cannot be read', { getItem() { throw new Error('access denied') } }],
  ['holds nonsense', { getItem: () => '{"half":' }],
  ['holds something else', { getItem: () => '7' }],
  ['is not there', undefined],
]) {
  test(`storage that ${what} hinders nothing`, async () => {
    const storage = broken && Object.assign(new FakeStorage(), broken)
    const stage = new Stage({ storage })
    stage.chat.join('tea')
    const first = stage.chat.send('tea', 'a')
    stage.chat.connect()
    stage.socket.open()
    stage.welcome({ token: 'guest', rooms: [state('tea')] })
    ok(stage.socket, 1)
    assert.equal((await first).seq, 1)
    again(stage)
    assert.equal(stage.socket.sent[0].token, 'guest')
    stage.chat.forget()
    const codes = new Set(stage.of('error').map(({ code }) => code))
    assert.deepEqual([...codes], broken ? ['storage'] : [])
  })
}
