// Messages are sent once, in order, and survive connections and the app.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bo, FakeStorage, Fixture, li, message, refusal, state } from './fixture.js'

const bodies = (socket) => socket.commands('send').map(({ body }) => body)
const changes = (fixture) => fixture.of('outbox').map(({ body, state, seq, code }) => [body, state, seq ?? code].filter(Boolean))

// ok answers the newest send.
const ok = (socket, seq, fields = {}) => socket.answer('send', { type: 'ok', room: 'tea', seq, at: 1_000 + seq, duplicate: false, ...fields })
const refuse = (socket, code, retry) => socket.answer('send', { type: 'error', code, message: code, retry })

// reconnect drops the connection and returns the next one, welcomed.
function reconnect(fixture, rooms = [state('tea')]) {
  fixture.socket.drop()
  fixture.clock.advance(500)
  return fixture.welcome({ rooms })
}

test('a message is sending, then sent with its seq', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const body = { text: 'hello' }
  const sent = fixture.chat.send('tea', body)
  body.text = 'changed afterwards'
  const { key } = fixture.of('outbox')[0]
  assert.ok(key.length >= 22 && key.length <= 64)
  assert.deepEqual(socket.sent.at(-1), { type: 'send', id: '3', room: 'tea', key, body: { text: 'hello' } })
  assert.deepEqual(Object.keys(socket.sent.at(-1)).slice(0, 2), ['type', 'id'])
  assert.deepEqual(fixture.chat.outbox.messages.map((message) => message.key), [key])
  ok(socket, 7)
  assert.deepEqual(await sent, { room: 'tea', key, body: { text: 'hello' }, at: 1_007, user: 'u-li', state: 'sent', seq: 7,
    code: undefined })
  assert.deepEqual(fixture.of('outbox').map(({ state }) => state), ['sending', 'sent'])
  assert.deepEqual(fixture.chat.outbox.messages, [])
  assert.equal(fixture.storage.of('outbox'), undefined)
})

test('every message gets a key of its own, or the given one', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  for (let i = 0; i < 100; i++) fixture.chat.send('tea', i)
  assert.equal(new Set(fixture.of('outbox').map(({ key }) => key)).size, 100)
  fixture.chat.send('tea', 'x', { key: 'mine' })
  assert.equal(fixture.of('outbox').at(-1).key, 'mine')
})

test('a message is stored before it is sent, offline and online', () => {
  const fixture = new Fixture()
  fixture.chat.join('tea')
  fixture.chat.send('tea', 'one')
  assert.deepEqual(fixture.storage.of('outbox').map(({ body }) => body), ['one'])
  const socket = fixture.welcome({ rooms: [state('tea')] })
  ok(socket, 1)
  socket.send = (text) => {
    assert.deepEqual(fixture.storage.of('outbox').map(({ body }) => body), ['two'])
    Object.getPrototypeOf(socket).send.call(socket, text)
  }
  fixture.chat.send('tea', 'two')
  assert.deepEqual(bodies(socket), ['one', 'two'])
})

test('one message per room is in flight; rooms do not wait for each other', () => {
  const fixture = new Fixture()
  fixture.joinRoom('milk')
  const socket = fixture.joinRoom('tea')
  for (const body of ['a', 'b', 'c']) fixture.chat.send('tea', body)
  fixture.chat.send('milk', 'm')
  assert.deepEqual(bodies(socket), ['a', 'm'])
  const [a] = socket.commands('send')
  socket.receive({ type: 'ok', id: a.id, room: 'tea', seq: 1, at: 1, duplicate: false })
  assert.deepEqual(bodies(socket), ['a', 'm', 'b'])
  refuse(socket, 'text_too_long', false)
  assert.deepEqual(bodies(socket), ['a', 'm', 'b', 'c'])
})

test('messages without an answer are sent again after welcome, with the same keys, in order', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  for (const body of ['a', 'b']) fixture.chat.send('tea', body)
  const [first] = fixture.socket.commands('send')
  const socket = reconnect(fixture)
  fixture.chat.send('tea', 'c')
  assert.equal(socket.commands('send')[0].key, first.key)
  for (const seq of [1, 2, 3]) ok(socket, seq, { duplicate: seq === 1 })
  assert.deepEqual(bodies(socket), ['a', 'b', 'c'])
  assert.deepEqual(changes(fixture).slice(3), [['a', 'sent', 1], ['b', 'sent', 2], ['c', 'sent', 3]])
})

test('nothing is sent before the room is joined again', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  fixture.chat.send('tea', 'a')
  const socket = reconnect(fixture, [{ room: 'tea', code: 'unavailable', message: '', retry: 2_000 }])
  assert.deepEqual(bodies(socket), [])
  fixture.clock.advance(2_000)
  socket.answer('join', { type: 'joined', ...state('tea') })
  assert.deepEqual(bodies(socket), ['a'])
})

test('messages are sent while the room still resumes', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea', { entries: [message(1)] })
  fixture.chat.send('tea', 'a')
  const socket = reconnect(fixture, [state('tea', { entries: [message(2)], last: 9, more: true })])
  assert.deepEqual(bodies(socket), ['a'])
})

test('an entry that arrives before the answer confirms the message', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const sent = fixture.chat.send('tea', 'a')
  fixture.chat.send('tea', 'b')
  const { key } = socket.commands('send')[0]
  socket.receive(message(1, { from: bo, key })) // another user's message with the same key
  assert.deepEqual(bodies(socket), ['a'])
  socket.receive(message(2, { from: li, key }))
  assert.equal((await sent).seq, 2)
  assert.deepEqual(bodies(socket), ['a', 'b'])
  socket.receive({ type: 'ok', id: socket.commands('send')[0].id, room: 'tea', seq: 2, at: 1, duplicate: false })
  assert.deepEqual(bodies(socket), ['a', 'b'])
  assert.deepEqual(changes(fixture), [['a', 'sending'], ['b', 'sending'], ['a', 'sent', 2]])
})

test('a message that is found in resumed entries or in history is not sent again', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  fixture.joinRoom('milk')
  fixture.chat.send('tea', 'a')
  fixture.chat.send('milk', 'm')
  const [{ key: a }, { key: m }] = fixture.socket.commands('send')
  const socket = reconnect(fixture, [state('tea', { entries: [message(1, { from: li, key: a })] }),
    { room: 'milk', code: 'unavailable', message: '', retry: 9_000 }])
  fixture.chat.history('milk')
  socket.answer('history', { type: 'history', room: 'milk', epoch: 'e1', more: false,
    entries: [message(5, { room: 'milk', from: li, key: m })] })
  assert.deepEqual(bodies(socket), [])
  assert.deepEqual(changes(fixture).slice(2), [['a', 'sent', 1], ['m', 'sent', 5]])
})

test('refused for good: the message fails, is kept, and can be retried', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const sent = fixture.chat.send('tea', 'a')
  fixture.chat.send('tea', 'b')
  const { key } = socket.commands('send')[0]
  await assert.rejects(fixture.chat.retry(key), refusal('not_found')) // it has not failed yet
  refuse(socket, 'forbidden', false)
  await assert.rejects(sent, refusal('forbidden'))
  assert.deepEqual(bodies(socket), ['a', 'b'])
  assert.deepEqual(fixture.storage.of('outbox').map(({ body, state, code }) => [body, state, code]),
    [['a', 'failed', 'forbidden'], ['b', 'sending', undefined]])
  reconnect(fixture)
  assert.deepEqual(bodies(fixture.socket), ['b'])

  const retried = fixture.chat.retry(key)
  assert.deepEqual(fixture.chat.outbox.messages.map(({ body }) => body), ['b', 'a'])
  ok(fixture.socket, 1)
  ok(fixture.socket, 2)
  assert.equal((await retried).seq, 2)
  assert.deepEqual(fixture.socket.commands('send').map(({ key }) => key)[1], key)
  assert.deepEqual(changes(fixture).slice(2), [['a', 'failed', 'forbidden'], ['a', 'sending'], ['b', 'sent', 1], ['a', 'sent', 2]])
})

test('discarded: deleted, and its answer is ignored', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const sent = fixture.chat.send('tea', 'a')
  fixture.chat.send('tea', 'b')
  fixture.chat.discard(socket.commands('send')[0].key)
  fixture.chat.discard('no such key')
  await assert.rejects(sent, refusal('discarded'))
  ok(socket, 1)
  assert.deepEqual(fixture.storage.of('outbox').map(({ body }) => body), ['b'])
  fixture.chat.send('tea', 'c')
  assert.deepEqual(bodies(socket), ['a', 'b'])
})

test('an error with retry: the message is sent again after that time, the others after it', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.send('tea', 'a')
  refuse(socket, 'too_fast', 1_200)
  fixture.chat.send('tea', 'b')
  fixture.clock.advance(1_199)
  assert.deepEqual(bodies(socket), ['a'])
  fixture.clock.advance(1)
  ok(socket, 1)
  assert.deepEqual(bodies(socket), ['a', 'a', 'b'])
  assert.equal(new Set(socket.commands('send').slice(0, 2).map(({ key }) => key)).size, 1)
})

test('retry is still respected after a reconnect', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  fixture.chat.send('tea', 'a')
  refuse(fixture.socket, 'unavailable', 2_000)
  const socket = reconnect(fixture) // takes 500 ms
  assert.deepEqual(bodies(socket), [])
  fixture.clock.advance(1_499)
  assert.deepEqual(bodies(socket), [])
  fixture.clock.advance(1)
  assert.deepEqual(bodies(socket), ['a'])
})

test('messages wait for the end of a mute, however long, and go out when it is lifted', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.send('tea', 'a')
  refuse(socket, 'muted', 365 * 86_400_000)
  fixture.chat.send('tea', 'b')
  fixture.clock.advance(1_000)
  assert.deepEqual(bodies(socket), ['a'])
  socket.receive({ type: 'muted', room: 'tea', for: 1_000 })
  assert.deepEqual(bodies(socket), ['a'])
  socket.receive({ type: 'muted', room: 'tea', for: 0 })
  ok(socket, 1)
  assert.deepEqual(bodies(socket), ['a', 'a', 'b'])
})

test('close leaves no timer behind', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  fixture.chat.send('tea', 'a')
  refuse(fixture.socket, 'muted', 86_400_000)
  fixture.chat.close()
  assert.equal(fixture.clock.timers.size, 0)
})

test('send refuses without join; messages of a room that removes the user fail', async () => {
  const fixture = new Fixture()
  await assert.rejects(fixture.chat.send('tea', 'a'), refusal('not_joined'))
  assert.deepEqual(fixture.chat.outbox.messages, [])
  const socket = fixture.joinRoom('tea')
  const sent = [fixture.chat.send('tea', 'a'), fixture.chat.send('tea', 'b')]
  socket.receive({ type: 'removed', room: 'tea', code: 'kicked', message: '', retry: false })
  for (const promise of sent) await assert.rejects(promise, refusal('kicked'))
  assert.deepEqual(changes(fixture).slice(2), [['a', 'failed', 'kicked'], ['b', 'failed', 'kicked']])
})

test('a message that crosses with removed waits until the room is joined again', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.send('tea', 'a')
  socket.receive({ type: 'removed', room: 'tea', code: 'unavailable', message: '', retry: 2_000 })
  refuse(socket, 'not_joined', false)
  fixture.chat.send('tea', 'b')
  fixture.clock.advance(2_000)
  socket.answer('join', { type: 'joined', ...state('tea') })
  ok(socket, 1)
  ok(socket, 2)
  assert.deepEqual(bodies(socket), ['a', 'a', 'b'])
  assert.deepEqual(changes(fixture).slice(2), [['a', 'sent', 1], ['b', 'sent', 2]])
})

test('messages of a room that was left fail; one in flight has the outcome that its answer says', async () => {
  for (const [what, answer, outcome] of [
    ['recorded', (socket) => ok(socket, 1), 'sent'],
    ['refused for now', (socket) => refuse(socket, 'too_fast', 100), 'left'],
    ['not joined any more', (socket) => refuse(socket, 'not_joined', false), 'left'],
    ['no answer', (socket) => socket.drop(), 'left'],
  ]) {
    const fixture = new Fixture()
    const socket = fixture.joinRoom('tea')
    const a = fixture.chat.send('tea', 'a').then(({ state }) => state, ({ code }) => code)
    const b = fixture.chat.send('tea', 'b')
    fixture.chat.leave('tea')
    await assert.rejects(b, refusal('left'))
    answer(socket)
    assert.equal(await a, outcome, what)
    fixture.clock.advance(500)
    fixture.joinRoom('tea')
    assert.deepEqual(bodies(fixture.socket), fixture.socket === socket ? ['a'] : [], what)
  }
})

test('offline, a message of a room that is left fails, and is not sent when the room is joined again', async () => {
  const fixture = new Fixture()
  fixture.chat.join('tea')
  const sent = fixture.chat.send('tea', 'said in anger')
  fixture.chat.leave('tea')
  await assert.rejects(sent, refusal('left'))
  assert.deepEqual(bodies(fixture.joinRoom('tea')), [])
  assert.deepEqual(fixture.storage.of('outbox').map(({ state, code }) => [state, code]), [['failed', 'left']])
  fixture.chat.leave('tea')
  const [{ key }] = fixture.chat.outbox.messages
  await assert.rejects(fixture.chat.retry(key), refusal('not_joined'))
})

test('a frame above the limit of the server is not sent: the message fails', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const letter = '信'.repeat(21_840) // 65,520 bytes; the whole frame has more than 65,536
  const sent = fixture.chat.send('tea', letter)
  fixture.chat.send('tea', letter.slice(0, -100))
  await assert.rejects(sent, refusal('too_large'))
  assert.equal(bodies(socket).length, 1)
  assert.ok(Buffer.byteLength(JSON.stringify(socket.sent.at(-1))) <= 65_536)
})

test('half a surrogate pair becomes the replacement character', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const texts = []
  const { send } = Object.getPrototypeOf(socket)
  socket.send = (text) => {
    texts.push(text)
    send.call(socket, text)
  }
  fixture.chat.send('tea', { text: 'tea 🍵'.slice(0, -1), '\udc00': '\\ud83d', whole: '🍵\u0007"\\' })
  assert.ok(!/[^\\]\\ud/.test(texts[0]), texts[0])
  assert.deepEqual(socket.sent.at(-1).body, { text: 'tea \ufffd', '\ufffd': '\\ud83d', whole: '🍵\u0007"\\' })
})

test('the outbox survives the app', async () => {
  const storage = new FakeStorage()
  const before = new Fixture({ storage })
  before.joinRoom('tea')
  before.chat.send('tea', 'failed')
  refuse(before.socket, 'forbidden', false)
  before.chat.send('tea', 'a')
  before.chat.send('tea', 'b')

  const after = new Fixture({ storage })
  after.chat.join('tea')
  assert.deepEqual(after.chat.outbox.messages.map(({ body, state }) => [body, state]),
    [['failed', 'failed'], ['a', 'sending'], ['b', 'sending']])
  const socket = after.welcome({ rooms: [state('tea', { entries: [message(1)] })] })
  assert.deepEqual(bodies(socket), ['a'])
  assert.equal(socket.commands('send')[0].key, before.socket.commands('send')[1].key)
  ok(socket, 2)
  ok(socket, 3)
  assert.deepEqual(after.chat.outbox.messages.map(({ body }) => body), ['failed'])
})

test('messages of another user are not sent', () => {
  const storage = new FakeStorage()
  const before = new Fixture({ storage })
  before.joinRoom('tea')
  before.chat.send('tea', 'mine')
  const after = new Fixture({ storage })
  after.chat.join('tea')
  after.chat.send('tea', 'written before the user was known')
  const socket = after.welcome({ user: bo, rooms: [state('tea')] })
  assert.deepEqual(bodies(socket), ['written before the user was known'])
  assert.deepEqual(changes(after).slice(2), [['mine', 'failed', 'other_user']])
})

for (const [what, rooms] of [['different rooms', ['tea', 'milk']], ['one room', ['tea', 'tea']]]) {
  test(`clients with one storage, in ${what}: neither loses a message, and each takes those of its room`, () => {
    const storage = new FakeStorage()
    for (const [i, room] of rooms.entries()) {
      const { chat } = new Fixture({ storage })
      chat.join(room)
      chat.send(room, `in ${room}`, { key: `k${i}` })
      chat.close()
    }
    const both = rooms.map((room) => `in ${room}`)
    assert.deepEqual(storage.of('outbox').map(({ body }) => body), both)
    for (const room of new Set(rooms)) {
      const { chat } = new Fixture({ storage })
      chat.join(room)
      assert.deepEqual(chat.outbox.messages.map(({ body }) => body), both.filter((body) => body === `in ${room}`))
    }
  })
}

test('a client that sends or discards its messages leaves those of other clients stored', () => {
  const storage = new FakeStorage()
  const [a, b, c] = ['a', 'b', 'c'].map((room) => {
    const fixture = new Fixture({ storage })
    fixture.joinRoom(room)
    fixture.chat.send(room, room, { key: room })
    return fixture
  })
  ok(a.socket, 1)
  b.chat.discard(b.chat.outbox.messages[0].key)
  assert.deepEqual(storage.of('outbox').map(({ body }) => body), ['c'])
  ok(c.socket, 1)
  assert.equal(storage.texts.size, 0)
})

test('stored messages of another user are neither taken nor deleted', () => {
  const storage = new FakeStorage()
  const before = new Fixture({ storage })
  before.joinRoom('tea')
  before.chat.send('tea', 'by Li')
  const after = new Fixture({ storage })
  after.welcome({ user: bo })
  after.chat.join('tea')
  assert.deepEqual(after.chat.outbox.messages, [])
  after.chat.forget()
  assert.deepEqual(storage.of('outbox').map(({ body }) => body), ['by Li'])
})

test('a message that was said before the user was known is stored with the user, once known', () => {
  const fixture = new Fixture()
  fixture.chat.join('tea')
  fixture.chat.send('tea', 'x')
  fixture.welcome()
  assert.deepEqual(fixture.storage.of('outbox').map(({ user }) => user), ['u-li'])
})

test('forget deletes the stored messages of rooms that are not joined, too', () => {
  const storage = new FakeStorage()
  const before = new Fixture({ storage })
  before.joinRoom('tea')
  before.chat.send('tea', 'x')
  new Fixture({ storage }).chat.forget()
  assert.equal(storage.texts.size, 0)
})

test('the outbox holds 500 messages', async () => {
  const fixture = new Fixture()
  fixture.chat.join('tea')
  for (let i = 0; i < 500; i++) fixture.chat.send('tea', i)
  await assert.rejects(fixture.chat.send('tea', 500), refusal('outbox_full'))
  assert.equal(fixture.chat.outbox.messages.length, 500)
})

test('the stored outbox fits under one key of WeChat, which takes 1 MB', async () => {
  const fixture = new Fixture()
  fixture.chat.join('tea')
  const { messages } = fixture.chat.outbox
  const send = () => fixture.chat.send('tea', { text: '茶'.repeat(2500) })
  for (let before = -1; messages.length > before;) {
    before = messages.length
    send()
  }
  await assert.rejects(send(), refusal('outbox_full'))
  const size = Buffer.byteLength(JSON.stringify(fixture.storage.of('outbox')))
  assert.ok(size > 800_000 && size < 1_000_000, `${size} bytes`)

  const other = new Fixture()
  other.chat.join('tea')
  other.chat.send('tea', 'x'.repeat(400_000)) // a single message may be longer
  assert.equal(other.chat.outbox.messages.length, 1)
})

for (const [what, broken] of [
  ['cannot be written', { setItem() { throw new Error('quota exceeded') }, removeItem() { throw new Error('quota exceeded') } }],
  ['cannot be read', { getItem() { throw new Error('access denied') } }],
  ['holds invalid JSON', { getItem: () => '{"half":' }],
  ['holds something else', { getItem: () => '7' }],
  ['does not exist', undefined],
]) {
  test(`storage that ${what} does not stop the client`, async () => {
    const storage = broken && Object.assign(new FakeStorage(), broken)
    const fixture = new Fixture({ storage })
    fixture.chat.join('tea')
    const first = fixture.chat.send('tea', 'a')
    fixture.chat.connect()
    fixture.socket.open()
    fixture.welcome({ token: 'guest', rooms: [state('tea')] })
    ok(fixture.socket, 1)
    assert.equal((await first).seq, 1)
    reconnect(fixture)
    assert.equal(fixture.socket.sent[0].token, 'guest')
    fixture.chat.forget()
    const codes = new Set(fixture.of('error').map(({ code }) => code))
    assert.deepEqual([...codes], broken ? ['storage'] : [])
  })
}
