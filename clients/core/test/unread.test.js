// What counts as unread: the server's number, and what arrives after it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bo, Fixture, li, message, state } from './fixture.js'

// count returns the read mark and the number of unread messages.
const count = (fixture) => {
  const { read, unread } = fixture.chat.rooms.get('tea')
  return [read, unread]
}

const at = 1_700_000_000_000
const notice = (seq, fields) => ({ type: 'notice', room: 'tea', seq, at, body: 'ready', ...fields })
const recalled = (seq, fields) => ({ type: 'recalled', room: 'tea', seq, at, from: bo, target: 1, ...fields })

test('messages and notices of others count, and nothing else', () => {
  for (const [what, entry, unread] of [
    ['a message', message(3), 3],
    ['a message of a raw client', message(3, { from: { id: 'raw', name: '', guest: true } }), 3],
    ['a notice', notice(3), 3],
    ['a quiet message', message(3, { quiet: true }), 2],
    ['a quiet notice', notice(3, { quiet: true }), 2],
    ['a recall', recalled(3), 2],
    ['a recall by the operator', recalled(3, { from: undefined }), 2],
    ['the own recall', recalled(3, { from: li }), 2],
    ['a type that the client does not know', { type: 'edited', room: 'tea', seq: 3, at, from: bo, target: 1, body: '' }, 2],
  ]) {
    const fixture = new Fixture()
    const socket = fixture.joinRoom('tea', { entries: [message(1), message(2)], unread: 2 })
    socket.receive(entry)
    assert.deepEqual(count(fixture), [0, unread], what)
    assert.equal(fixture.chat.rooms.get('tea').seq, 3, what)
    socket.receive(entry)
    assert.deepEqual(count(fixture), [0, unread], `${what}, twice`)
  }
})

test('to send is to read: the own message moves the mark, from this device or another', () => {
  for (const fields of [{ key: 'k' }, {}, { quiet: true }]) {
    const fixture = new Fixture()
    const socket = fixture.joinRoom('tea', { entries: [message(1)], unread: 1 })
    socket.receive(message(2))
    socket.receive(message(3, { from: li, ...fields }))
    assert.deepEqual(count(fixture), [3, 0])
    assert.deepEqual(fixture.of('read'), [{ room: 'tea', seq: 3, unread: 0 }])
    assert.deepEqual(fixture.events.map(([name]) => name).slice(-2), ['message', 'read'])
    socket.receive(message(4))
    assert.deepEqual(count(fixture), [3, 1])
    assert.equal(socket.commands('read').length, 0) // the server moves its mark by itself
  }
})

test('what a service says in the name of the user is not read', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  socket.receive(message(1, { from: li, via: 'orders' }))
  assert.deepEqual(count(fixture), [0, 1])
})

test('the mark of the server follows the own message later, and does not move the mark back', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1), message(2)], unread: 2 })
  socket.receive(message(3, { from: li, key: 'k' }))
  socket.receive({ type: 'read', room: 'tea', seq: 2, unread: 1 })
  const read = fixture.chat.read('tea', 1)
  socket.answer('read', { type: 'ok', room: 'tea', seq: 2, unread: 1 })
  assert.equal((await read).seq, 2)
  assert.deepEqual(count(fixture), [3, 0])
  socket.receive(message(4))
  socket.receive({ type: 'read', room: 'tea', seq: 3, unread: 1 })
  assert.deepEqual(count(fixture), [3, 1])
  socket.receive({ type: 'read', room: 'tea', seq: 4, unread: 0 })
  assert.deepEqual(count(fixture), [4, 0])
})

test('what the server says in a state counts, also about the user\'s own messages', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1, { from: li }), message(2)], read: 1, unread: 1 })
  assert.deepEqual(count(fixture), [1, 1])
  socket.receive(message(3, { from: li }))
  socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  fixture.welcome({ rooms: [state('tea', { entries: [message(4), recalled(5), message(6)], last: 7, read: 3, unread: 2, more: true })] })
  assert.deepEqual(count(fixture), [3, 2])
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [notice(7)], read: 3, unread: 3 }) })
  assert.deepEqual(count(fixture), [3, 3])
  assert.deepEqual(fixture.of('read').length, 1)
})

test('in a new epoch the mark begins anew', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)], unread: 1 })
  socket.receive(message(2, { from: li }))
  socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  fixture.welcome({ rooms: [state('tea', { epoch: 'e2', gap: true, entries: [message(1)], read: 0, unread: 1 })] })
  assert.deepEqual(count(fixture), [0, 1])
})
