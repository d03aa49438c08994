// All transitions between the states of the client.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timer } from '../timer.js'
import { FakeClock } from './clock.js'
import { bo, Fixture, li, message, refusal, state, ticks, url } from './fixture.js'

test('offline until connect, then connecting, then online with welcome', async () => {
  const fixture = new Fixture({ device: 'd', name: 'Li' })
  assert.equal(fixture.chat.state, 'offline')
  assert.equal(fixture.sockets.length, 0)

  const online = fixture.chat.connect()
  assert.equal(fixture.chat.state, 'connecting')
  assert.equal(fixture.socket.url, url)
  assert.deepEqual(fixture.socket.protocols, ['chat.v1'])
  assert.equal(fixture.socket.sent.length, 0)

  fixture.socket.open()
  assert.equal(fixture.chat.state, 'connecting')
  assert.deepEqual(fixture.socket.sent, [{ type: 'hello', id: '1', device: 'd', name: 'Li', rooms: [] }])
  assert.deepEqual(Object.keys(fixture.socket.sent[0]).slice(0, 2), ['type', 'id'])

  fixture.welcome()
  assert.deepEqual(await online, li)
  assert.deepEqual(fixture.states, ['connecting', 'online'])
  assert.deepEqual(fixture.chat.user, li)
  assert.equal(fixture.chat.limits.recall, 120_000)
  assert.deepEqual(await fixture.chat.connect(), li)
  assert.equal(fixture.sockets.length, 1)
})

test('close closes the client, connect opens it again', async () => {
  const fixture = new Fixture()
  const online = fixture.chat.connect()
  fixture.chat.close()
  await assert.rejects(online, refusal('closed'))
  assert.equal(fixture.socket.closed, 1)
  assert.deepEqual(fixture.of('state').at(-1), { state: 'closed', code: 'closed', message: 'close was called', retry: false })
  fixture.clock.advance(3_600_000)
  assert.equal(fixture.sockets.length, 1)

  fixture.welcome()
  assert.equal(fixture.sockets.length, 2)
  assert.equal(fixture.chat.state, 'online')
})

for (const [how, end] of [
  ['a close event', (socket) => socket.on.close()],
  ['an error event', (socket) => socket.on.error({ errMsg: 'fail' })],
  ['an error and then a close event', (socket) => { socket.on.error(); socket.on.close() }],
  ['bye', (socket) => socket.receive({ type: 'bye', code: 'slow', message: '', retry: 0 })],
  ['bye and then a close event', (socket) => { socket.receive({ type: 'bye', code: 'slow', retry: 0 }); socket.on.close() }],
]) {
  test(`online, then ${how}: offline, and soon connecting again`, () => {
    const fixture = new Fixture()
    const first = fixture.welcome()
    end(first)
    assert.equal(fixture.chat.state, 'offline')
    assert.equal(first.closed, 1)
    assert.ok(fixture.of('state').at(-1).retry <= 500)
    fixture.clock.advance(500)
    assert.equal(fixture.sockets.length, 2)
    assert.deepEqual(fixture.states, ['connecting', 'online', 'offline', 'connecting'])
  })
}

test('a transport that throws, when called or on send, is a lost connection', () => {
  const fixture = new Fixture()
  fixture.connect = () => {
    throw new Error('exceed max concurrent count')
  }
  fixture.chat.connect()
  assert.equal(fixture.chat.state, 'offline')
  delete fixture.connect
  fixture.clock.advance(500)
  fixture.socket.send = () => {
    throw new Error('not open')
  }
  fixture.socket.open()
  assert.equal(fixture.chat.state, 'offline')
  assert.equal(fixture.socket.closed, 1)
})

for (const agreed of ['', 'chat.v2']) {
  test(`a connection that agreed on ${JSON.stringify(agreed)} instead of chat.v1 gets nothing, and is given up`, async () => {
    const fixture = new Fixture({ token: 'secret' })
    fixture.chat.connect()
    await ticks()
    const { socket } = fixture
    socket.opened = true
    socket.on.open(agreed)
    assert.deepEqual([socket.sent, socket.closed], [[], 1])
    const { state, code } = fixture.of('state').at(-1)
    assert.deepEqual([state, code], ['offline', 'no_protocol'])
    fixture.clock.advance(500)
    fixture.socket.open()
    assert.equal(fixture.socket.sent[0].token, 'secret')
  })
}

for (const [what, options] of [
  ['no url', { url: undefined }], ['a url without scheme', { url: 'chat.test/chat' }], ['http', { url: 'http://chat.test/chat' }],
  ['a url without a host', { url: 'wss:///chat' }], ['a url with a space', { url: 'wss://chat.test/a b' }],
  ['a url with a fragment', { url: 'wss://chat.test/chat#tea' }], ['no transport', { transport: undefined }],
]) {
  test(`${what} throws at once`, () => assert.throws(() => new Fixture(options), TypeError))
}

test('a first connection that fails again and again says what to look at, once', () => {
  const fixture = new Fixture({ url: `${url}?key=secret` })
  const fail = () => {
    fixture.socket.drop()
    fixture.clock.advance(20_000)
  }
  fixture.chat.connect()
  fail()
  fail()
  assert.deepEqual(fixture.of('error'), [])
  for (let i = 0; i < 5; i++) fail()
  const [error, ...more] = fixture.of('error')
  assert.deepEqual([error.code, error.retry, more], ['unreachable', 0, []])
  assert.ok(error.message.includes(`${url}: `) && error.message.includes('origins') && !error.message.includes('secret'), error.message)

  fixture.chat.close()
  fixture.chat.connect()
  fail()
  assert.equal(fixture.of('error').length, 2)
})

test('a connection that worked once and then fails gives no hint', () => {
  const fixture = new Fixture()
  fixture.welcome()
  for (let i = 0; i < 5; i++) {
    fixture.socket.drop()
    fixture.clock.advance(20_000)
  }
  assert.deepEqual(fixture.of('error'), [])
})

test('a transport that fails before it returns leaves no socket open', () => {
  const fixture = new Fixture()
  const { connect } = Fixture.prototype
  fixture.connect = function (url, protocols, on) {
    const socket = connect.call(this, url, protocols, on)
    on.error()
    return socket
  }
  fixture.chat.connect()
  assert.equal(fixture.chat.state, 'offline')
  assert.equal(fixture.socket.closed, 1)
})

test('bye with retry false closes the client, with its code', async () => {
  const fixture = new Fixture()
  const socket = fixture.welcome()
  socket.receive({ type: 'bye', code: 'replaced', message: 'another device', retry: false })
  socket.drop()
  assert.deepEqual(fixture.of('state').at(-1), { state: 'closed', code: 'replaced', message: 'another device', retry: false })
  fixture.clock.advance(3_600_000)
  fixture.chat.check()
  fixture.chat.resume()
  assert.equal(fixture.sockets.length, 1)
  fixture.welcome()
  assert.equal(fixture.chat.state, 'online')
})

test('after a refused hello the client closes or reconnects, depending on retry', async () => {
  const fixture = new Fixture()
  const online = fixture.chat.connect()
  fixture.socket.open()
  fixture.socket.answer('hello', { type: 'error', code: 'too_many_sessions', message: '', retry: 30_000 })
  fixture.socket.receive({ type: 'bye', code: 'too_many_sessions', message: '', retry: 30_000 })
  assert.equal(fixture.chat.state, 'offline')
  fixture.clock.advance(29_999)
  assert.equal(fixture.sockets.length, 1)
  fixture.clock.advance(501)
  assert.equal(fixture.sockets.length, 2)
  fixture.socket.open()
  fixture.socket.answer('hello', { type: 'error', code: 'banned', message: '', retry: false })
  assert.equal(fixture.chat.state, 'closed')
  await assert.rejects(online, refusal('banned'))
})

test('a socket that does not open within 20 s, or gets no welcome within 10 s, is given up', () => {
  const fixture = new Fixture()
  fixture.chat.connect()
  fixture.clock.advance(19_999)
  assert.equal(fixture.chat.state, 'connecting')
  fixture.clock.advance(1)
  assert.equal(fixture.chat.state, 'offline')
  assert.equal(fixture.of('state').at(-1).code, 'dead')
  fixture.clock.advance(500)
  fixture.socket.open()
  fixture.clock.advance(9_999)
  assert.equal(fixture.chat.state, 'connecting')
  fixture.clock.advance(1)
  assert.equal(fixture.chat.state, 'offline')
  assert.ok(fixture.sockets.every(({ closed }) => closed === 1))
})

test('the back-off is a random part of 0.5 s, doubled up to 20 s; only a welcome resets it', () => {
  const fixture = new Fixture()
  fixture.clock.random = () => 1
  fixture.chat.clock.random = () => 1
  fixture.chat.connect()
  const waits = () => {
    fixture.socket.drop()
    return fixture.of('state').at(-1).retry
  }
  const seen = []
  for (let i = 0; i < 8; i++) {
    seen.push(waits())
    fixture.clock.advance(seen.at(-1) - 1)
    assert.equal(fixture.chat.state, 'offline')
    fixture.clock.advance(1)
    assert.equal(fixture.chat.state, 'connecting')
    if (i === 4) fixture.socket.open() // an open socket is not yet a welcome
  }
  assert.deepEqual(seen, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000])
  fixture.welcome()
  assert.equal(waits(), 500)
  fixture.chat.clock.random = () => 0.25
  fixture.clock.advance(500)
  assert.equal(waits(), 250)
  for (let i = 0; i < 2_000; i++) { // half a day without a network
    fixture.clock.advance(20_000)
    fixture.socket.drop()
  }
  fixture.clock.advance(500)
  assert.equal(waits(), 5_000)
})

test('the client waits for the retry of a bye, whatever wakes it up', () => {
  const fixture = new Fixture()
  fixture.welcome().receive({ type: 'bye', code: 'shutdown', message: '', retry: 1_840 })
  const { retry } = fixture.of('state').at(-1)
  assert.ok(retry >= 1_840 && retry <= 2_340, `${retry}`)
  fixture.chat.check()
  fixture.chat.suspend()
  fixture.chat.resume()
  fixture.chat.connect()
  fixture.clock.advance(1_839)
  assert.equal(fixture.sockets.length, 1)
  fixture.clock.advance(1)
  assert.equal(fixture.sockets.length, 2)
})

for (const jump of [-3_600_000, 3_600_000]) {
  test(`a clock that was set ${jump} ms ahead changes no wait, and not what time it is`, () => {
    const fixture = new Fixture()
    fixture.welcome({ at: 5_000_000 }).receive({ type: 'bye', code: 'shutdown', message: '', retry: 1_000 })
    fixture.clock.jump(jump)
    fixture.chat.check()
    fixture.chat.suspend()
    fixture.chat.resume()
    assert.equal(fixture.chat.now(), 5_000_000)
    fixture.clock.advance(999)
    assert.equal(fixture.sockets.length, 1)
    fixture.clock.advance(1)
    assert.equal(fixture.sockets.length, 2)
    fixture.joinRoom('tea')
    fixture.clock.jump(-jump)
    fixture.clock.advance(60_000 - 1)
    assert.notEqual(fixture.chat.state, 'closed')
  })
}

for (const skew of [-300_000, 0, 300_000]) {
  test(`now is the server's time, also if the device's clock is ${skew} ms ahead`, () => {
    const fixture = new Fixture()
    const server = fixture.clock.now()
    fixture.clock.jump(skew)
    fixture.welcome({ at: server })
    fixture.clock.advance(1_000)
    assert.equal(fixture.chat.now(), server + 1_000)
    fixture.joinRoom('tea')
    fixture.chat.send('tea', 'x')
    assert.equal(fixture.of('outbox')[0].at, server + 1_000)
  })
}

test('a timer of 60 days runs after 60 days, though setTimeout takes at most 24', () => {
  const clock = new FakeClock()
  const delays = []
  const timer = new Timer({ ...clock, setTimeout: (run, delay) => delays.push(delay) && clock.setTimeout(run, delay) })
  let runs = 0
  const day = 86_400_000
  timer.set(60 * day, () => runs++)
  clock.advance(60 * day - 1)
  assert.equal(runs, 0)
  clock.advance(1)
  assert.equal(runs, 1)
  assert.ok(delays.every((delay) => delay < 2 ** 31), String(delays))
  timer.set(60 * day, () => runs++)
  clock.advance(30 * day)
  timer.clear()
  clock.advance(60 * day)
  assert.equal(runs, 1)
})

test('check ends a back-off, but opens no connection before connect', () => {
  const fixture = new Fixture()
  fixture.chat.check()
  assert.equal(fixture.sockets.length, 0)
  fixture.welcome().drop()
  fixture.chat.check()
  assert.equal(fixture.sockets.length, 2)
})

test('check replaces a connection that takes long to open, not a young one', () => {
  const fixture = new Fixture()
  fixture.chat.connect()
  fixture.clock.advance(2_999)
  fixture.chat.check()
  assert.equal(fixture.sockets.length, 1)
  fixture.clock.advance(1)
  fixture.chat.check()
  assert.equal(fixture.sockets.length, 2)
  assert.equal(fixture.sockets[0].closed, 1)
})

test('events and frames of an old socket are ignored', () => {
  const fixture = new Fixture()
  const old = fixture.joinRoom('tea')
  fixture.clock.advance(35_000) // no pong: the connection failed silently
  fixture.clock.advance(500)
  const socket = fixture.welcome({ rooms: [state('tea', { entries: [message(1)] })] })
  assert.notEqual(socket, old)
  const { length } = fixture.events
  old.receive(message(2))
  old.receive({ type: 'bye', code: 'banned', retry: false })
  old.on.open()
  old.on.error()
  old.on.close()
  assert.equal(fixture.events.length, length)
  assert.equal(fixture.chat.state, 'online')
  assert.equal(socket.closed, 0)
  assert.equal(old.commands('hello').length, 1)
})

test('frames of unknown types are ignored; of invalid ones the app hears once', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  for (const text of ['', '{', 'null', '7', '[]', '"bye"', '{"type":"toString"}', '{"type":"__proto__"}', '{}',
    '{"type":"dance","room":"tea"}', '{"type":"ok","id":"99"}', '{"type":"presence","room":"elsewhere"}']) {
    socket.receive(text)
  }
  assert.equal(fixture.chat.state, 'online')
  assert.deepEqual(fixture.events.map(([name]) => name), ['state', 'state', 'room', 'error'])
  assert.equal(fixture.of('error')[0].code, 'bad_answer')
})

test('a listener that throws stops neither the other listeners nor the client', async (t) => {
  const caught = []
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (err) => caught.push(err.message))
  t.after(() => {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  })
  const fixture = new Fixture()
  const stop = fixture.chat.on('message', () => {
    throw new Error('a listener has a bug')
  })
  const received = []
  fixture.chat.on('message', ({ seq }) => received.push(seq))
  const socket = fixture.joinRoom('tea')
  socket.receive(message(1))
  stop()
  socket.receive(message(2))
  await ticks()
  assert.deepEqual(received, [1, 2])
  assert.deepEqual(caught, ['a listener has a bug'])
})

test('watch is called by connect, and ended by close', () => {
  const seen = []
  const fixture = new Fixture({ watch: (chat) => {
    seen.push(['watch', chat === fixture.chat])
    return () => seen.push(['unwatch'])
  } })
  fixture.chat.connect()
  fixture.welcome()
  fixture.chat.close()
  fixture.chat.close()
  assert.deepEqual(seen, [['watch', true], ['unwatch']])
})

test('listeners may call close and connect during any event', () => {
  for (const name of ['state', 'room', 'message', 'gap', 'outbox', 'read', 'presence']) {
    const fixture = new Fixture()
    let times = 0
    fixture.chat.on(name, () => {
      if (times++ > 3) return
      fixture.chat.close()
      fixture.chat.connect()
    })
    for (let round = 0; round < 3; round++) {
      fixture.chat.join('tea')
      fixture.chat.send('tea', 'hello')
      fixture.chat.connect()
      const { socket } = fixture
      socket.open()
      if (!socket.commands('hello').length) continue
      fixture.welcome({ rooms: [state('tea', { entries: [message(1), message(2)], gap: round > 0 })] })
      socket.receive({ type: 'presence', room: 'tea', joined: [bo], left: [], members: 2 })
      socket.receive({ type: 'read', room: 'tea', seq: 1, unread: 1 })
      fixture.chat.close()
    }
    assert.equal(fixture.chat.state, 'closed')
    assert.ok(fixture.sockets.every(({ closed }) => closed === 1), `${name}: ${fixture.sockets.map(({ closed }) => closed)}`)
    assert.equal(fixture.clock.timers.size, 0)
  }
})
