// A server that has lost entries in the middle of a room, and epochs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timeline } from '../timeline.js'
import { Fixture, message, state } from './fixture.js'

const seqs = (fixture) => fixture.of('message').map(({ seq }) => seq)
const shown = (timeline) => timeline.items.map(({ seq }) => seq)
const joined = (fields) => ({ type: 'joined', ...state('tea', fields) })

function answerHistory(fixture, entries, more) {
  fixture.socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries, more })
}

test('a page that jumps is taken as it is, and nothing is asked for again', () => {
  const fixture = new Fixture()
  const timeline = new Timeline(fixture.chat, 'tea')
  const socket = fixture.joinRoom('tea', { entries: [message(1), message(2), message(5), message(6)] })
  assert.equal(fixture.chat.rooms.get('tea').live, true)
  socket.receive(message(7))
  assert.deepEqual(seqs(fixture), [1, 2, 5, 6, 7])
  assert.deepEqual(shown(timeline), [1, 2, 5, 6, 7])
  assert.equal(socket.commands('join').length, 1)
  assert.equal(fixture.of('gap').length, 0)
})

test('a room is resumed behind a jump, over several pages', () => {
  const fixture = new Fixture()
  const timeline = new Timeline(fixture.chat, 'tea')
  fixture.joinRoom('tea', { entries: [message(1), message(2)] }).drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  fixture.welcome({ rooms: [state('tea', { entries: [message(5), message(6)], last: 12, more: true })] })
  assert.equal(fixture.socket.commands('join').at(-1).after, 6)
  fixture.socket.answer('join', joined({ entries: [message(9), message(12)] }))
  fixture.socket.receive(message(13))
  assert.deepEqual(seqs(fixture), [1, 2, 5, 6, 9, 12, 13])
  assert.deepEqual(shown(timeline), [1, 2, 5, 6, 9, 12, 13])
  assert.equal(fixture.socket.commands('join').length, 1)
})

test('a live entry behind a jump: the client asks once, and goes on with what there is', () => {
  const fixture = new Fixture()
  const timeline = new Timeline(fixture.chat, 'tea')
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  socket.receive(message(5))
  assert.deepEqual(socket.commands('join').slice(1).map(({ after }) => after), [1])
  socket.answer('join', joined({ entries: [message(4), message(5)] }))
  socket.receive(message(6))
  assert.deepEqual(seqs(fixture), [1, 4, 5, 6])
  assert.deepEqual(shown(timeline), [1, 4, 5, 6])
  assert.equal(socket.commands('join').length, 2)
})

test('a page that brings nothing, although there is more, is not asked for at once', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  socket.receive(message(9))
  for (const n of [2, 3, 4]) {
    assert.equal(socket.commands('join').length, n)
    socket.answer('join', joined({ last: 9, more: true }))
    assert.equal(socket.commands('join').length, n)
    fixture.clock.advance(1_000)
  }
  socket.answer('join', joined({ entries: [message(9)] }))
  assert.deepEqual(seqs(fixture), [1, 9])
  assert.equal(fixture.chat.rooms.get('tea').live, true)
})

test('an empty room of a welcome that had no space for more is asked for at once', () => {
  const fixture = new Fixture()
  fixture.chat.join('tea', { epoch: 'e1', after: 3 })
  const socket = fixture.welcome({ rooms: [state('tea', { last: 9, more: true })] })
  assert.deepEqual(socket.commands('join').map(({ after }) => after), [3])
})

test('older goes on behind a jump, also one just before the list', async () => {
  const fixture = new Fixture()
  const timeline = new Timeline(fixture.chat, 'tea')
  fixture.joinRoom('tea', { entries: [message(30)], last: 30 })
  const batches = [[[message(24), message(25), message(28)], 3], [[message(9)], 1], [[message(1), message(2)], 2]]
  for (const [entries, added] of batches) {
    const older = timeline.older()
    answerHistory(fixture, entries, entries[0].seq > 1)
    assert.equal(await older, added)
  }
  assert.deepEqual(shown(timeline), [1, 2, 9, 24, 25, 28, 30])
  assert.deepEqual(fixture.socket.commands('history').map(({ before }) => before), [30, 24, 9])
  assert.equal(timeline.more, false)
})

test('an empty batch ends the list, whatever the server says', async () => {
  const fixture = new Fixture()
  const timeline = new Timeline(fixture.chat, 'tea')
  fixture.joinRoom('tea', { entries: [message(30)], last: 30 })
  const older = timeline.older()
  answerHistory(fixture, [], true)
  assert.equal(await older, 0)
  assert.equal(timeline.more, false)
})

test('a batch from before the join, behind which entries are missing, is asked for again', async () => {
  const fixture = new Fixture()
  const timeline = new Timeline(fixture.chat, 'tea')
  fixture.welcome()
  const older = timeline.older()
  fixture.joinRoom('tea', { entries: [message(30)], last: 30 })
  answerHistory(fixture, [message(8), message(9)], true)
  assert.equal(await older, 0)
  assert.deepEqual([shown(timeline), timeline.more], [[30], true])
})

test('epochs are texts: one that begins like another is another one', () => {
  const fixture = new Fixture()
  const timeline = new Timeline(fixture.chat, 'tea')
  let epoch = 'k3xyz'
  fixture.joinRoom('tea', { epoch, entries: [message(1), message(2)] })
  for (const next of ['k3xyz.123', 'k3xyz.124', 'k3xyz', '0', '00', 'K3xyz']) {
    fixture.socket.drop()
    fixture.clock.advance(60_000)
    fixture.socket.open()
    assert.deepEqual(fixture.socket.commands('hello')[0].rooms, [{ room: 'tea', epoch, after: 2 }])
    fixture.welcome({ rooms: [state('tea', { epoch: next, entries: [message(1), message(2)] })] })
    assert.deepEqual(fixture.of('gap').at(-1), { room: 'tea', epoch: next })
    assert.deepEqual(shown(timeline), [1, 2])
    epoch = next
  }
  assert.equal(seqs(fixture).length, 14)
})
