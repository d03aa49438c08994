// A server, or something else, that does not say what PROTOCOL.md says: one clear error,
// no loop, and the token is not told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fixture, li, message, refusal, state, ticks } from './fixture.js'

const welcome = { type: 'welcome', session: 's', at: 1, user: li, ping: 25_000, limits: { message: 65536 }, rooms: [] }

for (const [what, frame] of Object.entries({
  'of another type': { type: 'pong' },
  'without a user': { ...welcome, user: undefined },
  'whose user has no id': { ...welcome, user: {} },
  'without limits': { ...welcome, limits: null },
  'without ping': { ...welcome, ping: undefined },
  'whose ping is a text': { ...welcome, ping: 'soon' },
  'without a time': { ...welcome, at: undefined },
  'whose rooms are no list': { ...welcome, rooms: 7 },
})) {
  test(`a welcome ${what} closes the client, and says so`, async () => {
    const fixture = new Fixture()
    const online = fixture.chat.connect()
    fixture.socket.open()
    fixture.socket.answer('hello', frame)
    assert.deepEqual([fixture.chat.state, fixture.of('state').at(-1).code], ['closed', 'bad_answer'])
    await assert.rejects(online, refusal('bad_answer'))
    fixture.clock.advance(3_600_000)
    assert.equal(fixture.sockets.length, 1)
  })
}

for (const [what, fields] of Object.entries({
  'without an epoch': { epoch: undefined },
  'without last': { last: undefined },
  'whose entries are no list': { entries: 7, last: 0 },
  'with an entry that is null': { entries: [null], last: 1 },
  'with an entry without a seq': { entries: [message(undefined)], last: 1 },
  'with a message of nobody': { entries: [message(1, { from: undefined })], last: 1 },
})) {
  test(`a room ${what} is given up, and the others stay`, async () => {
    const fixture = new Fixture()
    fixture.joinRoom('milk')
    const joined = fixture.chat.join('tea')
    fixture.socket.answer('join', { type: 'joined', ...state('tea'), ...fields })
    await assert.rejects(joined, refusal('bad_answer'))
    assert.deepEqual(fixture.of('removed').map(({ room, code, retry }) => [room, code, retry]), [['tea', 'bad_answer', false]])
    fixture.clock.advance(20_000)
    assert.equal(fixture.socket.commands('join').length, 2)
    assert.equal(fixture.chat.rooms.get('milk').live, true)
  })
}

test('a send that is answered without a seq fails, and is not sent again by itself', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const sent = fixture.chat.send('tea', 'a')
  socket.answer('send', { type: 'ok', room: 'tea' })
  await assert.rejects(sent, { code: 'bad_answer', uncertain: true })
  fixture.clock.advance(60_000)
  assert.equal(socket.commands('send').length, 1)
  assert.deepEqual(fixture.chat.outbox.messages.map(({ state }) => state), ['failed'])
})

test('a history without entries and a read mark without a number are refused', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const history = fixture.chat.history('tea')
  socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1' })
  await assert.rejects(history, refusal('bad_answer'))
  const read = fixture.chat.read('tea', 1)
  socket.answer('read', { type: 'ok', room: 'tea' })
  await assert.rejects(read, refusal('bad_answer'))
  assert.equal(fixture.chat.rooms.get('tea').read, 0)
})

test('damaged frames that nobody asked for are reported once, and ignored', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  const bad = [message(1, { from: null }), { type: 'read', room: 'tea', seq: 'x', unread: 1 }, '{"type"', 'hello', 'null',
    { type: 'presence', room: 'tea', members: 2 }, { type: 'typing', room: 'tea' }]
  for (const frame of bad) socket.receive(frame)
  assert.deepEqual(fixture.of('error').map(({ code }) => code), ['bad_answer'])
  assert.equal(fixture.chat.state, 'online')
  assert.deepEqual(['presence', 'typing', 'message', 'read'].flatMap((name) => fixture.of(name)), [])
  socket.receive(message(1))
  assert.equal(fixture.of('message').length, 1)
})

test('fields that are null are absent', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  socket.receive({ id: null, ...message(1, { key: null, body: null }) })
  socket.receive({ id: null, type: 'recalled', room: 'tea', seq: 2, at: 2, from: null, target: 1 })
  assert.deepEqual([fixture.of('message').length, fixture.of('recalled').length], [1, 1])
})

for (const retry of ['soon', null, undefined, -5, {}]) {
  test(`a retry that is ${JSON.stringify(retry)} makes no loop`, async () => {
    const fixture = new Fixture()
    const socket = fixture.joinRoom('tea')
    fixture.chat.send('tea', 'a')
    socket.answer('send', { type: 'error', code: 'too_fast', message: '', retry })
    let seq = 0
    const pass = (ms) => {
      for (; ms > 0; ms -= 10_000) {
        fixture.clock.advance(10_000)
        socket.receive(message(++seq)) // the connection is alive
      }
    }
    pass(20_000)
    assert.equal(socket.commands('send').length, 1)
    pass(40_000)
    assert.equal(socket.commands('send').length, 2) // nor does it wait for ever
    socket.receive({ type: 'removed', room: 'tea', code: 'unavailable', message: '', retry })
    fixture.clock.advance(2_000)
    assert.equal(socket.commands('join').length, 1)
    for (let i = 0; i < 100; i++) {
      fixture.socket.receive({ type: 'bye', code: 'slow', message: '', retry })
      fixture.clock.advance(100)
    }
    assert.ok(fixture.sockets.length < 15, `${fixture.sockets.length} connections in 10 s`)
  })
}

test('a platform that cannot tell the subprotocol: a hello without the token finds out', async () => {
  const fixture = new Fixture({ token: 'secret' })
  fixture.chat.connect()
  await ticks()
  fixture.socket.opened = true
  fixture.socket.on.open()
  const [hello] = fixture.socket.sent
  assert.deepEqual(hello, { type: 'hello', id: '1', rooms: [{ room: '' }] })
  fixture.socket.answer('hello', { type: 'error', code: 'bad_room', field: 'rooms[0].room', message: '', retry: false })
  assert.equal(fixture.socket.sent[1].token, 'secret')
  fixture.socket.answer('hello', welcome)
  assert.equal(fixture.chat.state, 'online')
})

for (const [what, answer] of Object.entries({
  'ends the connection': (socket) => socket.drop(),
  'says it to everybody, also back': (socket) => socket.receive(JSON.stringify(socket.sent[0])),
  'is silent': () => {},
})) {
  test(`a server of another protocol that ${what} does not hear the token`, async () => {
    const fixture = new Fixture({ token: 'secret' })
    fixture.chat.connect()
    await ticks()
    for (let i = 0; i < 4; i++) {
      const { socket } = fixture
      socket.opened = true
      socket.on.open()
      answer(socket)
      fixture.clock.advance(10_000)
      fixture.clock.advance(20_000)
    }
    assert.ok(fixture.sockets.length >= 4)
    assert.ok(!JSON.stringify(fixture.sockets.map(({ sent }) => sent)).includes('secret'))
    assert.deepEqual(fixture.of('error').map(({ code }) => code), ['unreachable'])
  })
}

test('the reason that the platform gives is passed on', () => {
  for (const cause of [{ errMsg: 'url not in domain list' }, new Error('url not in domain list')]) {
    const fixture = new Fixture()
    fixture.chat.connect()
    fixture.socket.on.error(cause)
    assert.equal(fixture.of('state').at(-1).message, 'url not in domain list')
  }
  const fixture = new Fixture({ transport() { throw new Error('mixed content') } })
  fixture.chat.connect()
  for (let i = 0; i < 3; i++) fixture.clock.advance(20_000)
  assert.match(fixture.of('error')[0].message, /: mixed content\. Check its address/)
})

test('messages that have failed do not fill the outbox for good: the oldest make room', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  for (let i = 0; i < 500; i++) {
    fixture.chat.send('tea', i)
    socket.answer('send', { type: 'error', code: 'forbidden', message: '', retry: false })
  }
  const sent = fixture.chat.send('tea', 'new')
  socket.answer('send', { type: 'ok', room: 'tea', seq: 1, at: 1, duplicate: false })
  assert.equal((await sent).seq, 1)
  assert.deepEqual(fixture.of('outbox').filter(({ state }) => state === 'discarded').map(({ body }) => body), [0])
  assert.equal(fixture.storage.of('outbox').length, 499)

  // Those of a room that is not joined are not held by this client, only stored.
  fixture.chat.leave('tea')
  const later = new Fixture({ storage: fixture.storage })
  later.chat.join('milk')
  for (let i = 0; i < 3; i++) later.chat.send('milk', i)
  assert.deepEqual(fixture.storage.of('outbox').map(({ body }) => body).slice(-4), [499, 0, 1, 2])
  assert.equal(fixture.storage.of('outbox').length, 500)
})
