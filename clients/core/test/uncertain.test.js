// Errors that are uncertain: the server may have carried out the command.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fixture, li, message, state } from './fixture.js'

const uncertain = { type: 'error', code: 'unavailable', message: 'the server can\'t do this just now', uncertain: true, retry: 2_000 }

// reconnect loses the connection, and joins tea again.
function reconnect(fixture) {
  fixture.socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  return fixture.welcome({ rooms: [state('tea')] })
}

test('a message is sent again with the same key, and before later ones', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom()
  const sent = fixture.chat.send('tea', 'one')
  fixture.chat.send('tea', 'two')
  const [{ key, body }] = socket.commands('send')
  socket.answer('send', uncertain)
  fixture.clock.advance(1_999)
  assert.equal(socket.commands('send').length, 1)
  assert.equal(fixture.of('outbox').at(-1).state, 'sending')
  fixture.clock.advance(1)
  assert.deepEqual(socket.commands('send').slice(1).map((command) => [command.key, command.body]), [[key, body]])
  socket.answer('send', { type: 'ok', room: 'tea', seq: 1, at: 1, duplicate: true })
  assert.equal((await sent).seq, 1)
  assert.equal(socket.commands('send').at(-1).body, 'two')
})

test('a message that was recorded all the same is sent, although its repetition is refused', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom()
  const sent = fixture.chat.send('tea', 'one')
  const [{ key }] = socket.commands('send')
  socket.answer('send', uncertain)
  fixture.clock.advance(2_000)
  socket.answer('send', { type: 'error', code: 'muted', message: 'you are muted', retry: false })
  await assert.rejects(sent)
  assert.equal(fixture.chat.outbox.messages.length, 1)
  socket.receive(message(1, { from: li, key }))
  assert.deepEqual(fixture.of('outbox').at(-1).state, 'sent')
  assert.equal(fixture.chat.outbox.messages.length, 0)
})

test('other commands are reported as perhaps done, and never repeated', async () => {
  for (const [type, call] of Object.entries({
    recall: (chat) => chat.recall('tea', 1),
    read: (chat) => chat.read('tea', 1),
    mute: (chat) => chat.request('mute', { room: 'tea', user: 'u', for: 1_000 }),
    send: (chat) => chat.request('send', { room: 'tea', body: 'without a key' }),
  })) {
    const fixture = new Fixture()
    const socket = fixture.joinRoom('tea', { entries: [message(1)], unread: 1 })
    const done = call(fixture.chat)
    socket.answer(type, uncertain)
    await assert.rejects(done, { name: 'ChatError', code: 'unavailable', retry: 2_000, uncertain: true }, type)
    fixture.clock.advance(5_000)
    assert.equal(socket.commands(type).length, 1, type)
    assert.equal(reconnect(fixture).commands(type).length, 0, type)
  }
})

test('a command whose answer was lost with the connection is uncertain, too', async () => {
  const fixture = new Fixture()
  fixture.joinRoom()
  const recall = fixture.chat.recall('tea', 1)
  assert.equal(reconnect(fixture).commands('recall').length, 0)
  await assert.rejects(recall, { code: 'lost', uncertain: true })
})

test('without uncertain, a refused command was certainly not carried out', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom()
  const recall = fixture.chat.recall('tea', 1)
  socket.answer('recall', { ...uncertain, uncertain: undefined })
  await assert.rejects(recall, { code: 'unavailable', uncertain: false })
  fixture.chat.close()
  await assert.rejects(fixture.chat.recall('tea', 1), { code: 'offline', uncertain: false })
})
