// Joining and resuming: entries are emitted once and in order, over any number of
// connections.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bo, Fixture, li, message, refusal, state } from './fixture.js'

const seqs = (fixture) => fixture.of('message').map(({ seq }) => seq)

// reconnect drops the connection and returns the next one, open but not welcomed.
function reconnect(fixture) {
  fixture.socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  return fixture.socket
}

test('hello names a room that was joined before connecting', async () => {
  const fixture = new Fixture()
  const joined = fixture.chat.join('tea')
  const again = fixture.chat.join('tea')
  const socket = fixture.welcome({ rooms: [state('tea', { entries: [message(4), message(5)], members: 3, unread: 2 })] })
  assert.deepEqual(socket.sent[0].rooms, [{ room: 'tea' }])
  assert.equal(socket.commands('join').length, 0)
  const room = await joined
  assert.equal(await again, room)
  assert.equal(room, fixture.chat.rooms.get('tea'))
  assert.deepEqual([room.epoch, room.seq, room.live, room.members, room.unread, room.write], ['e1', 5, true, 3, 2, true])
  assert.deepEqual(seqs(fixture), [4, 5])
  assert.equal(await fixture.chat.join('tea'), room)
  assert.equal(socket.sent.length, 1)
})

test('a room that is joined between hello and welcome is sent after welcome', () => {
  const fixture = new Fixture()
  fixture.chat.connect()
  fixture.socket.open()
  fixture.chat.join('tea')
  fixture.chat.join('tea')
  assert.equal(fixture.socket.commands('join').length, 0)
  fixture.welcome()
  assert.deepEqual(fixture.socket.commands('join'), [{ type: 'join', id: '2', room: 'tea' }])
})

test('live entries are emitted once, and counted as unread', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  const { room } = fixture.of('room')[0]
  assert.equal(room, 'tea')
  for (const seq of [2, 2, 1, 3, 3]) socket.receive(message(seq))
  assert.deepEqual(seqs(fixture), [1, 2, 3])
  assert.equal(fixture.chat.rooms.get('tea').unread, 3)
  socket.receive(message(1, { room: 'other' }))
  assert.deepEqual(seqs(fixture), [1, 2, 3])
})

test('live tells what was recorded after the join from what was there before', () => {
  const lives = (fixture) => ['message', 'recalled', 'notice'].flatMap((name) => fixture.of(name)).map(({ seq, live }) => [seq, live])
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1), { ...message(2), type: 'notice' }] })
  socket.receive(message(3))
  assert.deepEqual(lives(fixture), [[1, false], [3, true], [2, false]])

  fixture.events.length = 0 // missed meanwhile, then a gap: none of it is old
  reconnect(fixture)
  fixture.welcome({ rooms: [state('tea', { entries: [message(4)] })] })
  reconnect(fixture)
  fixture.welcome({ rooms: [state('tea', { gap: true, entries: [message(8)] })] })
  assert.deepEqual(lives(fixture), [[4, true], [8, true]])

  fixture.events.length = 0 // in another epoch the client cannot know
  reconnect(fixture)
  fixture.welcome({ rooms: [state('tea', { epoch: 'e2', entries: [message(1)] })] }).receive(message(2))
  assert.deepEqual(lives(fixture), [[1, false], [2, true]])

  fixture.events.length = 0 // left and joined again: a new beginning
  fixture.chat.leave('tea')
  fixture.joinRoom('tea', { epoch: 'e2', entries: [message(2), message(3)] })
  assert.deepEqual(lives(fixture), [[2, false], [3, false]])

  const later = new Fixture()
  later.chat.join('tea', { epoch: 'e1', after: 41 })
  later.welcome({ rooms: [state('tea', { entries: [message(42)] })] })
  assert.deepEqual(lives(later), [[42, true]])
})

test('recalls and notices are entries; an entry of an unknown type is counted but not emitted', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1), { type: 'edit', room: 'tea', seq: 2, at: 2 }] })
  socket.receive({ type: 'recalled', room: 'tea', seq: 3, at: 3, from: bo, target: 1 })
  socket.receive({ type: 'reaction', room: 'tea', seq: 4, at: 4 })
  socket.receive({ type: 'delivered', room: 'tea', seq: 5 }) // not an entry: it has no time
  socket.receive({ type: 'notice', room: 'tea', seq: 5, at: 5, body: 'tea is ready' })
  assert.deepEqual(fixture.events.slice(2).map(([name, { seq }]) => [name, seq]),
    [['message', 1], ['room', 5], ['recalled', 3], ['notice', 5]])
  assert.equal(fixture.chat.rooms.get('tea').seq, 5)
  assert.equal(socket.commands('join').length, 1)
})

test('hello names every room with its epoch and last seq', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea', { entries: [message(1), message(2)] })
  fixture.joinRoom('milk', { epoch: 'm' })
  fixture.joinRoom('noise', { last: 44 }) // its entries did not fit
  fixture.chat.join('soon')
  const socket = reconnect(fixture)
  assert.deepEqual(socket.commands('hello')[0].rooms, [
    { room: 'tea', epoch: 'e1', after: 2 },
    { room: 'milk', epoch: 'm', after: 0 },
    { room: 'noise', epoch: 'e1', after: 44 },
    { room: 'soon' },
  ])
  fixture.welcome({ rooms: [state('tea', { entries: [message(3)] }), state('milk', { epoch: 'm' }),
    state('noise', { last: 44 }), state('soon')] })
  assert.deepEqual(seqs(fixture), [1, 2, 3])
  assert.equal(fixture.of('gap').length, 0)
})

test('after a long absence the entries come in batches, in welcome and in joined', async () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea', { entries: [message(1)] })
  const socket = reconnect(fixture)
  fixture.welcome({ rooms: [state('tea', { last: 6, more: true })] }) // none fitted into welcome
  assert.equal(fixture.chat.rooms.get('tea').live, false)
  assert.deepEqual(socket.commands('join'), [{ type: 'join', id: '2', room: 'tea', epoch: 'e1', after: 1 }])
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(2), message(3)], last: 6, more: true }) })
  assert.deepEqual(socket.commands('join')[1].after, 3)
  const live = fixture.chat.join('tea')
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(4), message(5), message(6)] }) })
  assert.equal(socket.commands('join').length, 2)
  assert.equal((await live).live, true)
  assert.deepEqual(seqs(fixture), [1, 2, 3, 4, 5, 6])
  assert.equal(fixture.of('room').length, 2)
})

test('a connection lost between two batches resumes after the last entry', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea', { entries: [message(1)] })
  reconnect(fixture)
  fixture.welcome({ rooms: [state('tea', { entries: [message(2)], last: 4, more: true })] })
  const socket = reconnect(fixture)
  assert.deepEqual(socket.commands('hello')[0].rooms, [{ room: 'tea', epoch: 'e1', after: 2 }])
  fixture.welcome({ rooms: [state('tea', { entries: [message(3), message(4)] })] })
  assert.deepEqual(seqs(fixture), [1, 2, 3, 4])
  assert.equal(socket.commands('join').length, 0)
})

for (const [what, fields] of [
  ['gap', { gap: true, epoch: 'e1' }],
  ['gap in another epoch', { gap: true, epoch: 'e2' }],
  ['another epoch', { gap: false, epoch: 'e2' }],
]) {
  test(`${what}: gap is emitted before the newest entries, and resuming starts from them`, () => {
    const fixture = new Fixture()
    fixture.joinRoom('tea', { entries: [message(7), message(8)] })
    reconnect(fixture)
    fixture.welcome({ rooms: [state('tea', { ...fields, entries: [message(3), message(4)] })] })
    fixture.socket.receive(message(5))
    assert.deepEqual(fixture.events.filter(([name]) => name === 'gap' || name === 'message').map(([name, { seq }]) => seq ?? name),
      [7, 8, 'gap', 3, 4, 5])
    assert.deepEqual(fixture.of('gap'), [{ room: 'tea', epoch: fields.epoch }])
    assert.deepEqual(reconnect(fixture).commands('hello')[0].rooms, [{ room: 'tea', epoch: fields.epoch, after: 5 }])
  })
}

test('after a gap whose entries did not fit the room is live', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea', { entries: [message(1)] })
  reconnect(fixture)
  fixture.welcome({ rooms: [state('tea', { gap: true, epoch: 'e2', last: 9 })] })
  fixture.socket.receive(message(10))
  assert.deepEqual(seqs(fixture), [1, 10])
  assert.equal(fixture.socket.commands('join').length, 0)
})

test('missing entries are requested once, and emitted in order', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  socket.receive(message(4))
  socket.receive(message(3))
  socket.receive(message(5))
  assert.deepEqual(seqs(fixture), [1])
  assert.deepEqual(socket.commands('join').slice(1), [{ type: 'join', id: '3', room: 'tea', epoch: 'e1', after: 1 }])
  socket.receive(message(2)) // it was only delayed
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(2), message(3), message(4), message(5)] }) })
  socket.receive(message(6))
  assert.deepEqual(seqs(fixture), [1, 2, 3, 4, 5, 6])
  assert.equal(socket.commands('join').length, 2)
})

test('a refused batch is requested again after retry', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  socket.receive(message(3))
  socket.answer('join', { type: 'error', code: 'too_fast', message: '', retry: 1_200 })
  assert.equal(fixture.of('removed').length, 0)
  assert.equal(fixture.chat.rooms.get('tea').live, true)
  fixture.clock.advance(1_199)
  assert.equal(socket.commands('join').length, 2)
  fixture.clock.advance(1)
  assert.equal(socket.commands('join').length, 3)
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(2), message(3)] }) })
  assert.deepEqual(seqs(fixture), [1, 2, 3])
})

test('a room that is refused for good is removed', async () => {
  const fixture = new Fixture()
  const inHello = fixture.chat.join('secret')
  fixture.welcome({ rooms: [{ room: 'secret', code: 'forbidden', message: 'you may not', retry: false }] })
  await assert.rejects(inHello, refusal('forbidden'))
  const joined = fixture.chat.join('secret')
  fixture.socket.answer('join', { type: 'error', code: 'banned', message: '', retry: false })
  await assert.rejects(joined, refusal('banned'))
  assert.deepEqual(fixture.of('removed').map(({ room, code, retry }) => [room, code, retry]),
    [['secret', 'forbidden', false], ['secret', 'banned', false]])
  assert.equal(fixture.chat.rooms.size, 0)
  assert.deepEqual(reconnect(fixture).commands('hello')[0].rooms, [])
})

test('a room that is full is joined again after retry', async () => {
  const fixture = new Fixture()
  const joined = fixture.chat.join('tea')
  fixture.welcome({ rooms: [{ room: 'tea', code: 'room_full', message: '', retry: 30_000 }] })
  assert.deepEqual(fixture.of('removed').map(({ code, retry }) => [code, retry]), [['room_full', 30_000]])
  fixture.clock.advance(29_999)
  assert.equal(fixture.socket.commands('join').length, 0)
  fixture.clock.advance(1)
  fixture.socket.answer('join', { type: 'joined', ...state('tea') })
  assert.equal((await joined).live, true)
})

test('removed: for good, or until retry', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  fixture.joinRoom('milk', {})
  socket.receive({ type: 'removed', room: 'tea', code: 'unavailable', message: '', retry: 2_000 })
  socket.receive({ type: 'removed', room: 'milk', code: 'kicked', message: 'a moderator', retry: false })
  socket.receive(message(2)) // a server would not send this
  assert.equal(fixture.chat.rooms.get('milk'), undefined)
  assert.equal(fixture.chat.rooms.get('tea').live, false)
  assert.deepEqual(fixture.of('removed').map(({ room, code, retry }) => [room, code, retry]),
    [['tea', 'unavailable', 2_000], ['milk', 'kicked', false]])
  fixture.clock.advance(2_000)
  assert.deepEqual(socket.commands('join').at(-1), { type: 'join', id: '4', room: 'tea', epoch: 'e1', after: 1 })
  socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(2)] }) })
  assert.deepEqual(seqs(fixture), [1, 2])
})

test('an invalid name in hello removes that room only', async () => {
  const fixture = new Fixture()
  const good = fixture.chat.join('tea')
  const bad = fixture.chat.join('a\u0007b')
  fixture.chat.connect()
  fixture.socket.open()
  fixture.socket.answer('hello', { type: 'error', code: 'bad_room', field: 'rooms[1].room', message: '', retry: false })
  assert.deepEqual(fixture.socket.commands('hello')[1].rooms, [{ room: 'tea' }])
  fixture.welcome({ rooms: [state('tea')] })
  await assert.rejects(bad, refusal('bad_room'))
  await good
})

test('leave takes effect at once; later frames of the room are ignored', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  const left = fixture.chat.leave('tea')
  socket.receive(message(2))
  socket.receive({ type: 'presence', room: 'tea', joined: [bo], left: [], members: 2 })
  socket.answer('leave', { type: 'ok', room: 'tea' })
  await left
  await fixture.chat.leave('tea')
  assert.deepEqual(seqs(fixture), [1])
  assert.equal(fixture.of('presence').length, 0)
  assert.equal(socket.commands('leave').length, 1)
  assert.deepEqual(reconnect(fixture).commands('hello')[0].rooms, [])
})

test('leave after the hello that names the room: the client leaves after welcome', async () => {
  const fixture = new Fixture()
  const joined = fixture.chat.join('tea')
  fixture.chat.connect()
  fixture.socket.open()
  await fixture.chat.leave('tea')
  await assert.rejects(joined, refusal('left'))
  fixture.welcome({ rooms: [state('tea', { entries: [message(1)] })] })
  assert.deepEqual(fixture.socket.sent.at(-1), { type: 'leave', room: 'tea' })
  assert.deepEqual(seqs(fixture), [])
})

test('leave and join again: the answer to the first join is ignored', () => {
  const fixture = new Fixture()
  const socket = fixture.welcome()
  fixture.chat.join('tea')
  fixture.chat.leave('tea')
  fixture.chat.join('tea')
  socket.receive({ type: 'joined', id: '2', ...state('tea', { entries: [message(1)] }) })
  socket.receive(message(2))
  assert.deepEqual(seqs(fixture), [])
  socket.receive({ type: 'ok', id: '3', room: 'tea' })
  socket.receive({ type: 'joined', id: '4', ...state('tea', { entries: [message(1), message(2)] }) })
  assert.deepEqual(seqs(fixture), [1, 2])
})

test('a listener that leaves during a batch gets no more entries of it', () => {
  for (const name of ['message', 'gap']) {
    const fixture = new Fixture()
    fixture.joinRoom('tea', { entries: [message(1)] })
    reconnect(fixture)
    fixture.chat.on(name, () => fixture.chat.leave('tea'))
    fixture.welcome({ rooms: [state('tea', { gap: true, epoch: 'e2', entries: [message(5), message(6)] })] })
    assert.deepEqual(seqs(fixture), name === 'gap' ? [1] : [1, 5])
    assert.deepEqual(fixture.of('room').length, 1)
  }
})

test('join resumes from an epoch and seq that the app has stored', () => {
  const fixture = new Fixture()
  fixture.chat.join('tea', { epoch: 'e1', after: 41 })
  const socket = fixture.welcome({ rooms: [state('tea', { entries: [message(42)] })] })
  assert.deepEqual(socket.sent[0].rooms, [{ room: 'tea', epoch: 'e1', after: 41 }])
  assert.deepEqual(seqs(fixture), [42])
  assert.equal(fixture.of('gap').length, 0)
})

test('a client has at most as many rooms as one hello can name', async () => {
  const fixture = new Fixture()
  for (let i = 0; i < 1000; i++) fixture.chat.join(`${i}`)
  await assert.rejects(fixture.chat.join('one more'), refusal('too_many_rooms'))
})

test('rooms that do not fit into hello are joined after welcome', () => {
  const fixture = new Fixture()
  const name = (i) => `${i}`.padEnd(128, '.')
  for (let i = 0; i < 500; i++) fixture.chat.join(name(i))
  fixture.chat.connect()
  fixture.socket.open()
  const [hello] = fixture.socket.commands('hello')
  assert.ok(JSON.stringify(hello).length < 65_536 - 8_192)
  assert.ok(hello.rooms.length >= 125)
  fixture.welcome({ rooms: hello.rooms.map(({ room }) => state(room)) })
  const named = [...hello.rooms, ...fixture.socket.commands('join')].map(({ room }) => room)
  assert.deepEqual(named, Array.from({ length: 500 }, (_, i) => name(i)))
})

test('presence, typing, read marks and mutes are emitted', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1), message(2), message(3)], unread: 3 })
  const room = fixture.chat.rooms.get('tea')
  const frames = [
    { type: 'presence', room: 'tea', joined: [bo], left: [], members: 2 },
    { type: 'typing', room: 'tea', from: bo },
    { type: 'muted', room: 'tea', for: 1_000 },
    { type: 'expiring', expires: 5 },
  ]
  for (const frame of frames) socket.receive(frame)
  for (const frame of frames) assert.deepEqual(fixture.of(frame.type), [frame])
  assert.equal(room.members, 2)

  socket.receive({ type: 'read', room: 'tea', seq: 1, unread: 2 })
  assert.deepEqual([room.read, room.unread], [1, 2])
  const read = fixture.chat.read('tea', 3)
  // The server has counted an entry that has not arrived yet.
  socket.answer('read', { type: 'ok', room: 'tea', seq: 3, unread: 1 })
  assert.equal((await read).seq, 3)
  assert.deepEqual([room.read, room.unread], [3, 0])
  socket.receive(message(4))
  assert.equal(room.unread, 1)
  assert.deepEqual(fixture.of('read'), [{ room: 'tea', seq: 1, unread: 2 }, { room: 'tea', seq: 3, unread: 0 }])
  // Messages that are no longer kept are not unread.
  socket.receive({ type: 'read', room: 'tea', seq: 3, unread: 0 })
  assert.equal(room.unread, 0)
})

test('typing is sent at most every 3 s, and only in a joined room', () => {
  const fixture = new Fixture()
  fixture.chat.typing('tea')
  const socket = fixture.joinRoom('tea')
  fixture.chat.typing('other')
  for (let i = 0; i < 60; i++) {
    fixture.chat.typing('tea')
    fixture.clock.advance(100)
  }
  assert.deepEqual(socket.commands('typing'), [{ type: 'typing', room: 'tea' }, { type: 'typing', room: 'tea' }])
})

test('typing is sent again after the clock was set back', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.typing('tea')
  fixture.clock.jump(-3_600_000)
  fixture.clock.advance(3_000)
  fixture.chat.typing('tea')
  assert.equal(socket.commands('typing').length, 2)
})

test('a promise settles with the answer of the same id, in any order', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const recall = fixture.chat.recall('tea', 4)
  const who = fixture.chat.who('tea')
  const history = fixture.chat.history('tea', { before: 9, limit: 5 })
  const mute = fixture.chat.request('mute', { room: 'tea', user: 'u', for: 1_000 })
  assert.deepEqual(socket.sent.slice(-4), [
    { type: 'recall', id: '3', room: 'tea', seq: 4 },
    { type: 'who', id: '4', room: 'tea' },
    { type: 'history', id: '5', room: 'tea', before: 9, limit: 5 },
    { type: 'mute', id: '6', room: 'tea', user: 'u', for: 1_000 },
  ])
  socket.receive({ type: 'ok', id: '6', room: 'tea' })
  socket.receive({ type: 'history', id: '5', room: 'tea', epoch: 'e1', entries: [message(8)], more: false })
  socket.receive({ type: 'who', id: '4', room: 'tea', users: [li], members: 1 })
  socket.receive({ type: 'error', id: '3', code: 'too_late', message: 'the time is over', retry: false })
  await mute
  assert.deepEqual((await history).entries, [message(8)])
  assert.deepEqual((await who).users, [li])
  await assert.rejects(recall, { code: 'too_late', message: 'the time is over' })
})

test('moderation: a room, or null for the whole hub, and for how long', async () => {
  const fixture = new Fixture()
  const { chat } = fixture
  const socket = fixture.joinRoom('tea')
  const done = [chat.mute('tea', 'u', 600_000), chat.mute(null, 'u'), chat.mute('tea', 'u', 0), chat.kick('tea', 'u'), chat.ban('tea', 'u', 1),
    chat.ban(undefined, 'u')]
  const commands = socket.sent.slice(-6).map(({ id, ...command }) => command)
  assert.deepEqual(commands, [
    { type: 'mute', room: 'tea', user: 'u', for: 600_000 }, { type: 'mute', room: null, user: 'u' },
    { type: 'mute', room: 'tea', user: 'u', for: 0 }, { type: 'kick', room: 'tea', user: 'u' }, { type: 'ban', room: 'tea', user: 'u', for: 1 },
    { type: 'ban', room: '', user: 'u' }, // the server refuses it
  ])
  for (const { id } of socket.sent.slice(-6)) socket.receive({ type: 'ok', id })
  await Promise.all(done)
})

test('introduce: a new connection says the new name, and messages go on', async () => {
  const fixture = new Fixture({ name: 'Li' })
  fixture.chat.introduce({ name: 'Lee' })
  assert.equal(fixture.sockets.length, 0)
  fixture.joinRoom('tea', { entries: [message(1)] })
  const sent = fixture.chat.send('tea', 'a')
  fixture.chat.introduce({ name: 'Li Wei', avatar: 'https://example.com/li.png' })
  const socket = fixture.welcome({ rooms: [state('tea')] })
  const { name, avatar, rooms } = socket.sent[0]
  assert.deepEqual([fixture.sockets.length, name, avatar, rooms[0].after], [2, 'Li Wei', 'https://example.com/li.png', 1])
  socket.answer('send', { type: 'ok', room: 'tea', seq: 2, at: 2, duplicate: false })
  assert.equal((await sent).seq, 2)

  fixture.chat.suspend()
  fixture.chat.introduce({ name: 'Lee' })
  assert.deepEqual([fixture.chat.state, fixture.sockets.length], ['suspended', 2])
  fixture.chat.resume()
  fixture.socket.open()
  assert.equal(fixture.socket.sent[0].name, 'Lee')
})

test('a command fails with offline without a connection, and with lost if it ends', async () => {
  const fixture = new Fixture()
  await assert.rejects(fixture.chat.who('tea'), refusal('offline', 0))
  const socket = fixture.joinRoom('tea')
  const who = fixture.chat.who('tea')
  const left = fixture.chat.leave('tea')
  socket.drop()
  await assert.rejects(who, refusal('lost', 0))
  await assert.rejects(left, refusal('lost', 0))
})

test('promises that nobody awaits may reject without an unhandled rejection', async () => {
  const fixture = new Fixture()
  fixture.chat.read('tea', 1)
  fixture.chat.history('tea')
  fixture.chat.renew('t')
  fixture.chat.send('tea', 'hi')
  fixture.chat.retry('k')
  fixture.chat.connect()
  fixture.chat.close()
  await new Promise(setImmediate) // an unhandled rejection would fail the test
})
