// Entries reach the listeners once and in order, whatever happens to connections.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bo, li, refusal, said, Stage, state } from './stage.js'

const seqs = (stage) => stage.of('message').map(({ seq }) => seq)

// again loses the connection and returns the next one, open and unwelcomed.
function again(stage) {
  stage.socket.lose()
  stage.clock.pass(500)
  stage.socket.open()
  return stage.socket
}

test('a room that is joined before the connection is named in hello', async () => {
  const stage = new Stage()
  const joined = stage.chat.join('tea')
  const again = stage.chat.join('tea')
  const socket = stage.welcome({ rooms: [state('tea', { entries: [said(4), said(5)], members: 3, unread: 2 })] })
  assert.deepEqual(socket.sent[0].rooms, [{ room: 'tea' }])
  assert.equal(socket.commands('join').length, 0)
  const room = await joined
  assert.equal(await again, room)
  assert.equal(room, stage.chat.rooms.get('tea'))
  assert.deepEqual([room.epoch, room.seq, room.live, room.members, room.unread, room.write], ['e1', 5, true, 3, 2, true])
  assert.deepEqual(seqs(stage), [4, 5])
  assert.equal(await stage.chat.join('tea'), room)
  assert.equal(socket.sent.length, 1)
})

test('a room that is joined between hello and welcome is joined behind it', () => {
  const stage = new Stage()
  stage.chat.connect()
  stage.socket.open()
  stage.chat.join('tea')
  stage.chat.join('tea')
  assert.equal(stage.socket.commands('join').length, 0)
  stage.welcome()
  assert.deepEqual(stage.socket.commands('join'), [{ type: 'join', id: '2', room: 'tea' }])
})

test('live entries are told once, and counted', () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1)] })
  const { room } = stage.of('room')[0]
  assert.equal(room, 'tea')
  for (const seq of [2, 2, 1, 3, 3]) socket.say(said(seq))
  assert.deepEqual(seqs(stage), [1, 2, 3])
  assert.equal(stage.chat.rooms.get('tea').unread, 3)
  socket.say(said(1, { room: 'elsewhere' }))
  assert.deepEqual(seqs(stage), [1, 2, 3])
})

test('recalls and notices are entries; one of an unknown type counts and is not told', () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1), { type: 'edit', room: 'tea', seq: 2, at: 2 }] })
  socket.say({ type: 'recalled', room: 'tea', seq: 3, at: 3, from: bo, target: 1 })
  socket.say({ type: 'reaction', room: 'tea', seq: 4, at: 4 })
  socket.say({ type: 'delivered', room: 'tea', seq: 5 }) // no entry: it has no time
  socket.say({ type: 'notice', room: 'tea', seq: 5, at: 5, body: 'tea is ready' })
  assert.deepEqual(stage.events.slice(2).map(([name, { seq }]) => [name, seq]),
    [['message', 1], ['room', 5], ['recalled', 3], ['notice', 5]])
  assert.equal(stage.chat.rooms.get('tea').seq, 5)
  assert.equal(socket.commands('join').length, 1)
})

test('hello names every room with the place in it', () => {
  const stage = new Stage()
  stage.enter('tea', { entries: [said(1), said(2)] })
  stage.enter('milk', { epoch: 'm' })
  stage.enter('noise', { last: 44 }) // its newest page did not fit
  stage.chat.join('soon')
  const socket = again(stage)
  assert.deepEqual(socket.commands('hello')[0].rooms, [
    { room: 'tea', epoch: 'e1', after: 2 },
    { room: 'milk', epoch: 'm', after: 0 },
    { room: 'noise', epoch: 'e1', after: 44 },
    { room: 'soon' },
  ])
  stage.welcome({ rooms: [state('tea', { entries: [said(3)] }), state('milk', { epoch: 'm' }),
    state('noise', { last: 44 }), state('soon')] })
  assert.deepEqual(seqs(stage), [1, 2, 3])
  assert.equal(stage.of('gap').length, 0)
})

test('a long absence comes in pages, from welcome and from join', async () => {
  const stage = new Stage()
  stage.enter('tea', { entries: [said(1)] })
  const socket = again(stage)
  stage.welcome({ rooms: [state('tea', { last: 6, more: true })] }) // none fitted into welcome
  assert.equal(stage.chat.rooms.get('tea').live, false)
  assert.deepEqual(socket.commands('join'), [{ type: 'join', id: '2', room: 'tea', epoch: 'e1', after: 1 }])
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [said(2), said(3)], last: 6, more: true }) })
  assert.deepEqual(socket.commands('join')[1].after, 3)
  const live = stage.chat.join('tea')
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [said(4), said(5), said(6)] }) })
  assert.equal(socket.commands('join').length, 2)
  assert.equal((await live).live, true)
  assert.deepEqual(seqs(stage), [1, 2, 3, 4, 5, 6])
  assert.equal(stage.of('room').length, 2)
})

test('a connection lost between two pages goes on behind the last', () => {
  const stage = new Stage()
  stage.enter('tea', { entries: [said(1)] })
  again(stage)
  stage.welcome({ rooms: [state('tea', { entries: [said(2)], last: 4, more: true })] })
  const socket = again(stage)
  assert.deepEqual(socket.commands('hello')[0].rooms, [{ room: 'tea', epoch: 'e1', after: 2 }])
  stage.welcome({ rooms: [state('tea', { entries: [said(3), said(4)] })] })
  assert.deepEqual(seqs(stage), [1, 2, 3, 4])
  assert.equal(socket.commands('join').length, 0)
})

for (const [what, fields] of [
  ['gap', { gap: true, epoch: 'e1' }],
  ['gap in another epoch', { gap: true, epoch: 'e2' }],
  ['another epoch', { gap: false, epoch: 'e2' }],
]) {
  test(`${what}: told ahead of the newest page, and counting begins there`, () => {
    const stage = new Stage()
    stage.enter('tea', { entries: [said(7), said(8)] })
    again(stage)
    stage.welcome({ rooms: [state('tea', { ...fields, entries: [said(3), said(4)] })] })
    stage.socket.say(said(5))
    assert.deepEqual(stage.events.filter(([name]) => name === 'gap' || name === 'message').map(([name, { seq }]) => seq ?? name),
      [7, 8, 'gap', 3, 4, 5])
    assert.deepEqual(stage.of('gap'), [{ room: 'tea', epoch: fields.epoch }])
    assert.deepEqual(again(stage).commands('hello')[0].rooms, [{ room: 'tea', epoch: fields.epoch, after: 5 }])
  })
}

test('a gap whose page did not fit goes on live', () => {
  const stage = new Stage()
  stage.enter('tea', { entries: [said(1)] })
  again(stage)
  stage.welcome({ rooms: [state('tea', { gap: true, epoch: 'e2', last: 9 })] })
  stage.socket.say(said(10))
  assert.deepEqual(seqs(stage), [1, 10])
  assert.equal(stage.socket.commands('join').length, 0)
})

test('a hole is asked for once, and filled in order', () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1)] })
  socket.say(said(4))
  socket.say(said(3))
  socket.say(said(5))
  assert.deepEqual(seqs(stage), [1])
  assert.deepEqual(socket.commands('join').slice(1), [{ type: 'join', id: '3', room: 'tea', epoch: 'e1', after: 1 }])
  socket.say(said(2)) // it was only late
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [said(2), said(3), said(4), said(5)] }) })
  socket.say(said(6))
  assert.deepEqual(seqs(stage), [1, 2, 3, 4, 5, 6])
  assert.equal(socket.commands('join').length, 2)
})

test('a hole within a page is asked for too', () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1), said(3)] })
  assert.equal(stage.chat.rooms.get('tea').live, false)
  assert.equal(socket.commands('join')[1].after, 1)
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [said(2), said(3)] }) })
  assert.deepEqual(seqs(stage), [1, 2, 3])
  assert.equal(stage.chat.rooms.get('tea').live, true)
})

test('the next page is asked for again when the server says', () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1)] })
  socket.say(said(3))
  socket.answer('join', { type: 'error', code: 'too_fast', message: '', retry: 1_200 })
  assert.equal(stage.of('removed').length, 0)
  assert.equal(stage.chat.rooms.get('tea').live, true)
  stage.clock.pass(1_199)
  assert.equal(socket.commands('join').length, 2)
  stage.clock.pass(1)
  assert.equal(socket.commands('join').length, 3)
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [said(2), said(3)] }) })
  assert.deepEqual(seqs(stage), [1, 2, 3])
})

test('a room that is refused for good is given up', async () => {
  const stage = new Stage()
  const inHello = stage.chat.join('secret')
  stage.welcome({ rooms: [{ room: 'secret', code: 'forbidden', message: 'you may not', retry: false }] })
  await assert.rejects(inHello, refusal('forbidden'))
  const joined = stage.chat.join('secret')
  stage.socket.answer('join', { type: 'error', code: 'banned', message: '', retry: false })
  await assert.rejects(joined, refusal('banned'))
  assert.deepEqual(stage.of('removed').map(({ room, code, retry }) => [room, code, retry]),
    [['secret', 'forbidden', false], ['secret', 'banned', false]])
  assert.equal(stage.chat.rooms.size, 0)
  assert.deepEqual(again(stage).commands('hello')[0].rooms, [])
})

test('a room that is full is joined when the server says', async () => {
  const stage = new Stage()
  const joined = stage.chat.join('tea')
  stage.welcome({ rooms: [{ room: 'tea', code: 'room_full', message: '', retry: 30_000 }] })
  assert.deepEqual(stage.of('removed').map(({ code, retry }) => [code, retry]), [['room_full', 30_000]])
  stage.clock.pass(29_999)
  assert.equal(stage.socket.commands('join').length, 0)
  stage.clock.pass(1)
  stage.socket.answer('join', { type: 'joined', ...state('tea') })
  assert.equal((await joined).live, true)
})

test('removed: for good, or until the server says', () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1)] })
  stage.enter('milk', {})
  socket.say({ type: 'removed', room: 'tea', code: 'unavailable', message: '', retry: 2_000 })
  socket.say({ type: 'removed', room: 'milk', code: 'kicked', message: 'a moderator', retry: false })
  socket.say(said(2)) // cannot be
  assert.equal(stage.chat.rooms.get('milk'), undefined)
  assert.equal(stage.chat.rooms.get('tea').live, false)
  assert.deepEqual(stage.of('removed').map(({ room, code, retry }) => [room, code, retry]),
    [['tea', 'unavailable', 2_000], ['milk', 'kicked', false]])
  stage.clock.pass(2_000)
  assert.deepEqual(socket.commands('join').at(-1), { type: 'join', id: '4', room: 'tea', epoch: 'e1', after: 1 })
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [said(2)] }) })
  assert.deepEqual(seqs(stage), [1, 2])
})

test('one bad name in hello costs that room only', async () => {
  const stage = new Stage()
  const good = stage.chat.join('tea')
  const bad = stage.chat.join('a\u0007b')
  stage.chat.connect()
  stage.socket.open()
  stage.socket.answer('hello', { type: 'error', code: 'bad_room', field: 'rooms[1].room', message: '', retry: false })
  assert.deepEqual(stage.socket.commands('hello')[1].rooms, [{ room: 'tea' }])
  stage.welcome({ rooms: [state('tea')] })
  await assert.rejects(bad, refusal('bad_room'))
  await good
})

test('leave: at once here, then there; what still comes is not told', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1)] })
  const left = stage.chat.leave('tea')
  socket.say(said(2))
  socket.say({ type: 'presence', room: 'tea', joined: [bo], left: [], members: 2 })
  socket.answer('leave', { type: 'ok', room: 'tea' })
  await left
  await stage.chat.leave('tea')
  assert.deepEqual(seqs(stage), [1])
  assert.equal(stage.of('presence').length, 0)
  assert.equal(socket.commands('leave').length, 1)
  assert.deepEqual(again(stage).commands('hello')[0].rooms, [])
})

test('leave while the hello that names the room is under way', async () => {
  const stage = new Stage()
  const joined = stage.chat.join('tea')
  stage.chat.connect()
  stage.socket.open()
  await stage.chat.leave('tea')
  await assert.rejects(joined, refusal('left'))
  stage.welcome({ rooms: [state('tea', { entries: [said(1)] })] })
  assert.deepEqual(stage.socket.sent.at(-1), { type: 'leave', room: 'tea' })
  assert.deepEqual(seqs(stage), [])
})

test('leave and join again: the old answer is not the new one', () => {
  const stage = new Stage()
  const socket = stage.welcome()
  stage.chat.join('tea')
  stage.chat.leave('tea')
  stage.chat.join('tea')
  socket.say({ type: 'joined', id: '2', ...state('tea', { entries: [said(1)] }) })
  socket.say(said(2))
  assert.deepEqual(seqs(stage), [])
  socket.say({ type: 'ok', id: '3', room: 'tea' })
  socket.say({ type: 'joined', id: '4', ...state('tea', { entries: [said(1), said(2)] }) })
  assert.deepEqual(seqs(stage), [1, 2])
})

test('a listener that leaves in the middle of a page hears no more of it', () => {
  for (const name of ['message', 'gap']) {
    const stage = new Stage()
    stage.enter('tea', { entries: [said(1)] })
    again(stage)
    stage.chat.on(name, () => stage.chat.leave('tea'))
    stage.welcome({ rooms: [state('tea', { gap: true, epoch: 'e2', entries: [said(5), said(6)] })] })
    assert.deepEqual(seqs(stage), name === 'gap' ? [1] : [1, 5])
    assert.deepEqual(stage.of('room').length, 1)
  }
})

test('a place that the app has kept is gone on from', () => {
  const stage = new Stage()
  stage.chat.join('tea', { epoch: 'e1', after: 41 })
  const socket = stage.welcome({ rooms: [state('tea', { entries: [said(42)] })] })
  assert.deepEqual(socket.sent[0].rooms, [{ room: 'tea', epoch: 'e1', after: 41 }])
  assert.deepEqual(seqs(stage), [42])
  assert.equal(stage.of('gap').length, 0)
})

test('no more rooms than a hello can name', async () => {
  const stage = new Stage()
  for (let i = 0; i < 1000; i++) stage.chat.join(`${i}`)
  await assert.rejects(stage.chat.join('one more'), refusal('too_many_rooms'))
})

test('rooms that do not fit into a hello are joined behind welcome', () => {
  const stage = new Stage()
  const name = (i) => `${i}`.padEnd(128, '.')
  for (let i = 0; i < 500; i++) stage.chat.join(name(i))
  stage.chat.connect()
  stage.socket.open()
  const [hello] = stage.socket.commands('hello')
  assert.ok(JSON.stringify(hello).length < 65_536 - 8_192)
  assert.ok(hello.rooms.length >= 125)
  stage.welcome({ rooms: hello.rooms.map(({ room }) => state(room)) })
  const named = [...hello.rooms, ...stage.socket.commands('join')].map(({ room }) => room)
  assert.deepEqual(named, Array.from({ length: 500 }, (_, i) => name(i)))
})

test('presence, typing, read marks and mutes are told', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea', { entries: [said(1), said(2), said(3)], unread: 3 })
  const room = stage.chat.rooms.get('tea')
  const frames = [
    { type: 'presence', room: 'tea', joined: [bo], left: [], members: 2 },
    { type: 'typing', room: 'tea', from: bo },
    { type: 'muted', room: 'tea', for: 1_000 },
    { type: 'expiring', expires: 5 },
  ]
  for (const frame of frames) socket.say(frame)
  for (const frame of frames) assert.deepEqual(stage.of(frame.type), [frame])
  assert.equal(room.members, 2)

  socket.say({ type: 'read', room: 'tea', seq: 1, unread: 2 })
  assert.deepEqual([room.read, room.unread], [1, 2])
  const read = stage.chat.read('tea', 3)
  // The server has counted an entry that is still on its way.
  socket.answer('read', { type: 'ok', room: 'tea', seq: 3, unread: 1 })
  assert.equal((await read).seq, 3)
  assert.deepEqual([room.read, room.unread], [3, 0])
  socket.say(said(4))
  assert.equal(room.unread, 1)
  assert.deepEqual(stage.of('read'), [{ room: 'tea', seq: 1, unread: 2 }, { room: 'tea', seq: 3, unread: 0 }])
  // Entries that are no longer kept are not unread.
  socket.say({ type: 'read', room: 'tea', seq: 2, unread: 0 })
  assert.equal(room.unread, 0)
})

test('typing is said every 3 s at most, and only in a room', () => {
  const stage = new Stage()
  stage.chat.typing('tea')
  const socket = stage.enter('tea')
  stage.chat.typing('elsewhere')
  for (let i = 0; i < 60; i++) {
    stage.chat.typing('tea')
    stage.clock.pass(100)
  }
  assert.deepEqual(socket.commands('typing'), [{ type: 'typing', room: 'tea' }, { type: 'typing', room: 'tea' }])
})

test('promises settle by the answer with the same id, in any order', async () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  const recall = stage.chat.recall('tea', 4)
  const who = stage.chat.who('tea')
  const history = stage.chat.history('tea', { before: 9, limit: 5 })
  const mute = stage.chat.request('mute', { room: 'tea', user: 'u', for: 1_000 })
  assert.deepEqual(socket.sent.slice(-4), [
    { type: 'recall', id: '3', room: 'tea', seq: 4 },
    { type: 'who', id: '4', room: 'tea' },
    { type: 'history', id: '5', room: 'tea', before: 9, limit: 5 },
    { type: 'mute', id: '6', room: 'tea', user: 'u', for: 1_000 },
  ])
  socket.say({ type: 'ok', id: '6', room: 'tea' })
  socket.say({ type: 'history', id: '5', room: 'tea', epoch: 'e1', entries: [said(8)], more: false })
  socket.say({ type: 'who', id: '4', room: 'tea', users: [li], members: 1 })
  socket.say({ type: 'error', id: '3', code: 'too_late', message: 'the time is over', retry: false })
  await mute
  assert.deepEqual((await history).entries, [said(8)])
  assert.deepEqual((await who).users, [li])
  await assert.rejects(recall, { code: 'too_late', message: 'the time is over' })
})

test('without a connection a command is refused, and with it lost', async () => {
  const stage = new Stage()
  await assert.rejects(stage.chat.who('tea'), refusal('offline', 0))
  const socket = stage.enter('tea')
  const who = stage.chat.who('tea')
  const left = stage.chat.leave('tea')
  socket.lose()
  await assert.rejects(who, refusal('lost', 0))
  await assert.rejects(left, refusal('lost', 0))
})

test('what nobody waits for may fail without a trace', async () => {
  const stage = new Stage()
  stage.chat.read('tea', 1)
  stage.chat.history('tea')
  stage.chat.renew('t')
  stage.chat.send('tea', 'hi')
  stage.chat.retry('k')
  stage.chat.connect()
  stage.chat.close()
  await new Promise(setImmediate) // an unhandled rejection would fail the test
})
