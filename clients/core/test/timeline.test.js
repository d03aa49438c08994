// Timeline, the list of a room's messages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { list } from '../list.js'
import { Timeline } from '../timeline.js'
import { bo, Fixture, li, message, refusal, state } from './fixture.js'

// watch creates a timeline, and a copy of its list that is built from the changes.
function watch(fixture, room = 'tea') {
  const copy = []
  const timeline = new Timeline(fixture.chat, room, (index, removed, added) => copy.splice(index, removed, ...added))
  copy.push(...timeline.items)
  const shown = () => {
    assert.deepEqual(copy, timeline.items)
    assert.equal(new Set(copy.map(({ id }) => id)).size, copy.length, 'duplicate id')
    return copy.map(({ seq, body, recalled, state, own }) =>
      `${own ? 'me: ' : ''}${recalled ? 'recalled' : body}${state === 'sent' ? ` ${seq}` : ` ${state}`}`)
  }
  return { timeline, shown }
}

// send sends a message and returns its key.
function send(fixture, body) {
  fixture.chat.send('tea', body)
  return fixture.of('outbox').at(-1).key
}

// answerHistory answers the newest history.
function answerHistory(fixture, entries, more, fields = {}) {
  fixture.socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries, more, ...fields })
}

test('messages and notices are in the order of seq', () => {
  const fixture = new Fixture()
  const { timeline, shown } = watch(fixture)
  fixture.chat.join('tea')
  fixture.welcome({ rooms: [state('tea', { entries: [message(4), message(5, { from: li })] })] })
  fixture.socket.receive({ type: 'notice', room: 'tea', seq: 6, at: 6, body: 'ready' })
  fixture.socket.receive(message(7))
  fixture.socket.receive(message(1, { room: 'milk' }))
  assert.deepEqual(shown(), ['4 4', 'me: 5 5', 'ready 6', '7 7'])
  assert.deepEqual(timeline.items.map(({ id }) => id), ['seq 4', 'seq 5', 'seq 6', 'seq 7'])
  timeline.close()
  fixture.socket.receive(message(8))
  assert.equal(timeline.items.length, 4)
})

test('the own message: sending, then sent, then at the index of its seq when its entry arrives', () => {
  const fixture = new Fixture()
  const { timeline, shown } = watch(fixture)
  const socket = fixture.joinRoom('tea')
  const key = send(fixture, 'hello')
  send(fixture, 'world')
  const { id } = timeline.items[0]
  assert.deepEqual(shown(), ['me: hello sending', 'me: world sending'])
  socket.answer('send', { type: 'ok', room: 'tea', seq: 2, at: 2, duplicate: false })
  assert.deepEqual(shown(), ['me: hello 2', 'me: world sending'])
  socket.receive(message(1))
  assert.deepEqual(shown(), ['1 1', 'me: hello 2', 'me: world sending'])
  socket.receive(message(2, { from: li, key, body: 'hello' }))
  socket.receive(message(3))
  assert.deepEqual(shown(), ['1 1', 'me: hello 2', '3 3', 'me: world sending'])
  assert.equal(timeline.placed, 3)
  assert.equal(timeline.items[1].id, id)
})

test('the entry of the own message before its answer', () => {
  const fixture = new Fixture()
  const { shown } = watch(fixture)
  const socket = fixture.joinRoom('tea')
  const key = send(fixture, 'hello')
  socket.receive(message(1, { from: li, key, body: 'hello' }))
  assert.deepEqual(shown(), ['me: hello 1'])
  socket.answer('send', { type: 'ok', room: 'tea', seq: 1, at: 2, duplicate: false })
  assert.deepEqual(shown(), ['me: hello 1'])
})

test('a message of another user with the same key replaces nothing', () => {
  const fixture = new Fixture()
  const { shown } = watch(fixture)
  const socket = fixture.joinRoom('tea')
  const key = send(fixture, 'hello')
  socket.receive(message(1, { from: bo, key }))
  assert.deepEqual(shown(), ['1 1', 'me: hello sending'])
})

test('failed, retried as the newest, discarded', () => {
  const fixture = new Fixture()
  const { shown } = watch(fixture)
  const socket = fixture.joinRoom('tea')
  const key = send(fixture, 'a')
  send(fixture, 'b')
  socket.answer('send', { type: 'error', code: 'forbidden', message: '', retry: false })
  assert.deepEqual(shown(), ['me: a failed', 'me: b sending'])
  fixture.chat.retry(key)
  assert.deepEqual(shown(), ['me: b sending', 'me: a sending'])
  fixture.chat.discard(key)
  assert.deepEqual(shown(), ['me: b sending'])
})

test('a new timeline contains the messages in the outbox', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  send(fixture, 'a')
  fixture.chat.join('milk')
  fixture.chat.send('milk', 'm')
  assert.deepEqual(watch(fixture).shown(), ['me: a sending'])
})

test('after a gap, sent messages before the newest entries are removed: history has them', () => {
  const fixture = new Fixture()
  const { shown } = watch(fixture)
  fixture.joinRoom('tea', { entries: [message(1)] })
  send(fixture, 'a')
  send(fixture, 'b')
  fixture.socket.answer('send', { type: 'ok', room: 'tea', seq: 2, at: 2, duplicate: false })
  fixture.socket.drop()
  fixture.clock.advance(500)
  fixture.welcome({ rooms: [state('tea', { gap: true, entries: [message(8), message(9)] })] })
  assert.deepEqual(shown(), ['8 8', '9 9', 'me: b sending'])
  fixture.socket.answer('send', { type: 'ok', room: 'tea', seq: 3, at: 3, duplicate: true })
  assert.deepEqual(shown(), ['8 8', '9 9'])
})

test('recalled: the body is removed, also from history that is loaded later', async () => {
  const fixture = new Fixture()
  const { timeline, shown } = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [message(4), message(5)] })
  const older = timeline.older()
  socket.receive({ type: 'recalled', room: 'tea', seq: 6, at: 6, from: bo, target: 5 })
  socket.receive({ type: 'recalled', room: 'tea', seq: 7, at: 7, from: bo, target: 3 })
  assert.deepEqual(shown(), ['4 4', 'recalled 5'])
  assert.equal(timeline.items[1].body, undefined)
  // The server read this history before the recall, and its answer came after it.
  answerHistory(fixture, [message(2), message(3)], true)
  await older
  assert.deepEqual(shown(), ['2 2', 'recalled 3', '4 4', 'recalled 5'])
  const rest = timeline.older()
  answerHistory(fixture, [message(1, { body: undefined, recalled: true })], false)
  await rest
  assert.deepEqual(shown()[0], 'recalled 1')
})

test('older loads history until there is no more', async () => {
  const fixture = new Fixture()
  const { timeline, shown } = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [message(5), message(6)] })
  assert.equal(timeline.more, true)
  const older = timeline.older(2)
  assert.deepEqual(socket.sent.at(-1), { type: 'history', id: '3', room: 'tea', before: 5, limit: 2 })
  answerHistory(fixture, [message(3), { type: 'recalled', room: 'tea', seq: 4, at: 4, from: bo, target: 1 }], true)
  assert.equal(await older, 1)
  const rest = timeline.older()
  assert.equal(socket.sent.at(-1).before, 3)
  answerHistory(fixture, [message(2)], false) // the server no longer keeps the first entry
  await rest
  assert.equal(timeline.more, false)
  assert.deepEqual(shown(), ['2 2', '3 3', '5 5', '6 6'])
})

test('older continues before a batch that had only recalls', async () => {
  const fixture = new Fixture()
  const { timeline } = watch(fixture)
  fixture.joinRoom('tea', { entries: [message(5)] })
  const older = timeline.older()
  answerHistory(fixture, [{ type: 'recalled', room: 'tea', seq: 4, at: 4, from: bo, target: 1 }], true)
  assert.equal(await older, 0)
  timeline.older()
  assert.equal(fixture.socket.sent.at(-1).before, 4)
})

test('a list that begins with seq 1 has nothing older', () => {
  const fixture = new Fixture()
  const { timeline } = watch(fixture)
  fixture.joinRoom('tea', { entries: [message(1)] })
  assert.equal(timeline.more, false)
})

test('a timeline that was created after joining begins with the newest history', async () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea', { entries: [message(1), message(2)] })
  const { timeline, shown } = watch(fixture)
  const older = timeline.older()
  fixture.socket.receive(message(3))
  answerHistory(fixture, [message(1), message(2), message(3)], false)
  assert.equal(await older, 2)
  assert.deepEqual(shown(), ['1 1', '2 2', '3 3'])
})

test('history from before the join stays if the joined entries follow it', async () => {
  for (const { epoch, entries, want } of [
    { epoch: 'e1', entries: [message(4), message(5)], want: ['2 2', '3 3', '4 4', '5 5'] },
    { epoch: 'e1', entries: [message(3), message(4)], want: ['2 2', '3 3', '4 4'] },
    { epoch: 'e1', entries: [message(5), message(6)], want: ['5 5', '6 6'] }, // 4 is missing
    { epoch: 'e2', entries: [message(4), message(5)], want: ['4 4', '5 5'] }, // another epoch
  ]) {
    const fixture = new Fixture()
    fixture.welcome()
    const { timeline, shown } = watch(fixture)
    const older = timeline.older()
    answerHistory(fixture, [message(2), message(3)], false)
    assert.equal(await older, 2)
    fixture.joinRoom('tea', { epoch, entries })
    assert.deepEqual(shown(), want)
    assert.equal(timeline.more, want[0] !== '2 2')
  }
})

test('empty history from before the join does not mean that the list is complete', async () => {
  const fixture = new Fixture()
  fixture.welcome()
  const { timeline } = watch(fixture)
  const older = timeline.older()
  answerHistory(fixture, [], false)
  await older
  fixture.joinRoom('tea', { entries: [message(5)] })
  assert.equal(timeline.more, true)
})

test('history of two epochs is not mixed', async () => {
  const fixture = new Fixture()
  fixture.welcome()
  const { timeline, shown } = watch(fixture)
  const older = timeline.older()
  answerHistory(fixture, [message(8), message(9)], true)
  await older
  const another = timeline.older()
  answerHistory(fixture, [message(1), message(2)], false, { epoch: 'e2' })
  assert.equal(await another, 0)
  assert.deepEqual(shown(), [])
  assert.equal(timeline.more, true)
})

test('history that does not reach the list is ignored', async () => {
  const fixture = new Fixture()
  fixture.welcome()
  const { timeline, shown } = watch(fixture)
  const older = timeline.older()
  fixture.joinRoom('tea', { last: 4 })
  fixture.socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries: [message(1), message(2)], more: false })
  fixture.socket.receive(message(5))
  assert.equal(await older, 0)
  assert.deepEqual(shown(), ['5 5'])
  assert.equal(timeline.more, true)
})

test('after leaving and joining again the list continues, or restarts if entries are missing', () => {
  for (const [entries, want] of [
    [[message(3)], ['1 1', '2 2', '3 3']],
    [[message(8), message(9)], ['8 8', '9 9']],
    [[], []], // entries from the meantime are unknown
  ]) {
    const fixture = new Fixture()
    const { shown } = watch(fixture)
    fixture.joinRoom('tea', { entries: [message(1), message(2)] })
    fixture.chat.leave('tea')
    fixture.joinRoom('tea', { last: 9, entries })
    assert.deepEqual(shown(), want)
  }
})

test('another listener may leave the room before the timeline gets the entry', () => {
  const fixture = new Fixture()
  for (const name of ['message', 'room']) fixture.chat.on(name, ({ room }) => fixture.chat.leave(room))
  const { timeline, shown } = watch(fixture)
  fixture.joinRoom('tea', { entries: [message(1), message(2)] })
  assert.deepEqual(shown(), ['1 1'])
  fixture.joinRoom('tea')
  assert.deepEqual(fixture.of('error'), [])
  assert.equal(timeline.items.length, 1)
})

test('a gap restarts the list, and history requested before it is ignored', async () => {
  const fixture = new Fixture()
  const { timeline, shown } = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [message(5), message(6)] })
  const older = timeline.older()
  socket.receive(message(8)) // 7 is missing, and the server no longer keeps it
  socket.answer('join', { type: 'joined', ...state('tea', { gap: true, entries: [message(8), message(9)] }) })
  answerHistory(fixture, [message(4)], true)
  assert.equal(await older, 0)
  assert.deepEqual(shown(), ['8 8', '9 9'])
  assert.equal(timeline.more, true)
  const another = timeline.older()
  answerHistory(fixture, [message(1)], false, { epoch: 'e9' })
  assert.equal(await another, 0)
})

test('a list is emptied when the user clears the history, on whatever device', async () => {
  const fixture = new Fixture({ list: list() })
  const { timeline, shown } = watch(fixture)
  const row = { room: 'tea', size: 2, epoch: 'e1', last: 6, at: 6, count: 2, role: 'member', read: 0, unread: 2, notify: true, top: false, entry: message(6) }
  fixture.welcome({ list: { at: 't1', all: true, live: true, rows: [row], more: false, unread: 2 } })
  const joined = fixture.chat.join('tea')
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { last: 6, entries: [message(5), message(6)] }) })
  await joined
  assert.deepEqual(shown(), ['5 5', '6 6'])
  fixture.socket.receive({ type: 'row', ...row, top: true })
  assert.deepEqual(shown(), ['5 5', '6 6'])
  fixture.socket.receive({ type: 'row', ...row, entry: undefined, unread: 0, read: 6 })
  assert.deepEqual(shown(), [])
  const older = timeline.older()
  answerHistory(fixture, [], false)
  assert.equal(await older, 0)

  // What comes after it stays, though its head comes later.
  fixture.socket.receive(message(7))
  fixture.socket.receive({ type: 'row', ...row, room: 'milk' })
  assert.deepEqual(shown(), ['7 7'])
  fixture.socket.receive({ type: 'head', room: 'tea', last: 7, at: 7, count: 3, entry: message(7) })
  assert.deepEqual(shown(), ['7 7'])
})

test('trim removes the oldest items, which can be loaded again', async () => {
  const fixture = new Fixture()
  const { timeline, shown } = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [1, 2, 3, 4].map((seq) => message(seq)) })
  send(fixture, 'a')
  timeline.trim(9)
  timeline.trim(2)
  assert.deepEqual(shown(), ['3 3', '4 4', 'me: a sending'])
  assert.equal(timeline.more, true)
  const older = timeline.older()
  assert.equal(socket.sent.at(-1).before, 3)
  answerHistory(fixture, [message(1), message(2)], false)
  await older
  assert.deepEqual(shown(), ['1 1', '2 2', '3 3', '4 4', 'me: a sending'])
  timeline.trim(0)
  assert.deepEqual(shown(), ['me: a sending'])
  timeline.older()
  assert.equal(socket.sent.at(-1).before, undefined)
})

test('history requested before a trim is ignored', async () => {
  const fixture = new Fixture()
  const { timeline, shown } = watch(fixture)
  fixture.joinRoom('tea', { entries: [3, 4, 5, 6].map((seq) => message(seq)) })
  const older = timeline.older()
  timeline.trim(1)
  answerHistory(fixture, [message(1), message(2)], false)
  assert.equal(await older, 0)
  assert.deepEqual(shown(), ['6 6'])
  assert.equal(timeline.more, true)
})

test('older rejects as history does', async () => {
  const fixture = new Fixture()
  await assert.rejects(watch(fixture).timeline.older(), refusal('offline', 0))
})

test('of a user who was erased the id stays, and nothing else', () => {
  const fixture = new Fixture()
  const copy = []
  const timeline = new Timeline(fixture.chat, 'tea', (index, removed, added) => copy.splice(index, removed, ...added), ['member'])
  const socket = fixture.joinRoom('tea')
  const eve = { id: 'eve', name: 'Eve', avatar: 'https://pictures/eve', guest: true }
  socket.receive(message(1, { from: eve }))
  socket.receive(message(2))
  socket.receive({ type: 'member', room: 'tea', seq: 3, at: 3, from: bo, users: [eve, bo], role: 'member', owner: eve })
  const before = timeline.items[1]
  socket.receive({ type: 'erased', room: 'milk', user: 'eve' })
  assert.equal(JSON.stringify(copy).match(/Eve/g).length, 5)
  socket.receive({ type: 'erased', room: 'tea', user: 'eve' })
  assert.equal(timeline.items[1], before)
  assert.deepEqual(timeline.items[0].from, { id: 'eve', name: '', avatar: undefined, guest: true })
  assert.deepEqual(copy[2].entry.users.map(({ name }) => name), ['', bo.name])
  assert.ok(!/Eve|pictures/.test(JSON.stringify(copy)), JSON.stringify(copy))
  assert.equal(timeline.items[0].body, copy[0].body)
})
