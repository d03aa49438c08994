// Every way from one state to another.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bo, li, refusal, said, Stage, state, ticks, url } from './stage.js'

test('offline until connect, then connecting, then online by welcome', async () => {
  const stage = new Stage({ device: 'd', name: 'Li' })
  assert.equal(stage.chat.state, 'offline')
  assert.equal(stage.sockets.length, 0)

  const online = stage.chat.connect()
  assert.equal(stage.chat.state, 'connecting')
  assert.equal(stage.socket.url, url)
  assert.deepEqual(stage.socket.protocols, ['chat.v1'])
  assert.equal(stage.socket.sent.length, 0)

  stage.socket.open()
  assert.equal(stage.chat.state, 'connecting')
  assert.deepEqual(stage.socket.sent, [{ type: 'hello', id: '1', device: 'd', name: 'Li', rooms: [] }])
  assert.deepEqual(Object.keys(stage.socket.sent[0]).slice(0, 2), ['type', 'id'])

  stage.welcome()
  assert.deepEqual(await online, li)
  assert.deepEqual(stage.states, ['connecting', 'online'])
  assert.deepEqual(stage.chat.user, li)
  assert.equal(stage.chat.limits.recall, 120_000)
  assert.deepEqual(await stage.chat.connect(), li)
  assert.equal(stage.sockets.length, 1)
})

test('close ends it, connect begins again', async () => {
  const stage = new Stage()
  const online = stage.chat.connect()
  stage.chat.close()
  await assert.rejects(online, refusal('closed'))
  assert.equal(stage.socket.closed, 1)
  assert.deepEqual(stage.of('state').at(-1), { state: 'closed', code: 'closed', message: 'close was called', retry: false })
  stage.clock.pass(3_600_000)
  assert.equal(stage.sockets.length, 1)

  stage.welcome()
  assert.equal(stage.sockets.length, 2)
  assert.equal(stage.chat.state, 'online')
})

for (const [how, end] of [
  ['a close event', (socket) => socket.on.close()],
  ['an error event', (socket) => socket.on.error({ errMsg: 'fail' })],
  ['an error and then a close event', (socket) => { socket.on.error(); socket.on.close() }],
  ['bye', (socket) => socket.say({ type: 'bye', code: 'slow', message: '', retry: 0 })],
  ['bye and then a close event', (socket) => { socket.say({ type: 'bye', code: 'slow', retry: 0 }); socket.on.close() }],
]) {
  test(`online, ${how}: offline, and soon connecting again`, () => {
    const stage = new Stage()
    const first = stage.welcome()
    end(first)
    assert.equal(stage.chat.state, 'offline')
    assert.equal(first.closed, 1)
    assert.ok(stage.of('state').at(-1).retry <= 500)
    stage.clock.pass(500)
    assert.equal(stage.sockets.length, 2)
    assert.deepEqual(stage.states, ['connecting', 'online', 'offline', 'connecting'])
  })
}

test('a transport that throws, at once or on send, is a lost connection', () => {
  const stage = new Stage()
  stage.connect = () => {
    throw new Error('exceed max concurrent count')
  }
  stage.chat.connect()
  assert.equal(stage.chat.state, 'offline')
  delete stage.connect
  stage.clock.pass(500)
  stage.socket.send = () => {
    throw new Error('not open')
  }
  stage.socket.open()
  assert.equal(stage.chat.state, 'offline')
  assert.equal(stage.socket.closed, 1)
})

test('a transport that fails before it returns leaves no socket open', () => {
  const stage = new Stage()
  const { connect } = Stage.prototype
  stage.connect = function (url, protocols, on) {
    const socket = connect.call(this, url, protocols, on)
    on.error()
    return socket
  }
  stage.chat.connect()
  assert.equal(stage.chat.state, 'offline')
  assert.equal(stage.socket.closed, 1)
})

test('bye that forbids to come back closes, with its code', async () => {
  const stage = new Stage()
  const socket = stage.welcome()
  socket.say({ type: 'bye', code: 'replaced', message: 'elsewhere', retry: false })
  socket.lose()
  assert.deepEqual(stage.of('state').at(-1), { state: 'closed', code: 'replaced', message: 'elsewhere', retry: false })
  stage.clock.pass(3_600_000)
  stage.chat.check()
  stage.chat.resume()
  assert.equal(stage.sockets.length, 1)
  stage.welcome()
  assert.equal(stage.chat.state, 'online')
})

test('a refused hello closes or comes back, as its error says', async () => {
  const stage = new Stage()
  const online = stage.chat.connect()
  stage.socket.open()
  stage.socket.answer('hello', { type: 'error', code: 'too_many_sessions', message: '', retry: 30_000 })
  stage.socket.say({ type: 'bye', code: 'too_many_sessions', message: '', retry: 30_000 })
  assert.equal(stage.chat.state, 'offline')
  stage.clock.pass(29_999)
  assert.equal(stage.sockets.length, 1)
  stage.clock.pass(501)
  assert.equal(stage.sockets.length, 2)
  stage.socket.open()
  stage.socket.answer('hello', { type: 'error', code: 'banned', message: '', retry: false })
  assert.equal(stage.chat.state, 'closed')
  await assert.rejects(online, refusal('banned'))
})

test('a socket that does not open in 20 s, or gets no welcome in 10 s, is given up', () => {
  const stage = new Stage()
  stage.chat.connect()
  stage.clock.pass(19_999)
  assert.equal(stage.chat.state, 'connecting')
  stage.clock.pass(1)
  assert.equal(stage.chat.state, 'offline')
  assert.equal(stage.of('state').at(-1).code, 'dead')
  stage.clock.pass(500)
  stage.socket.open()
  stage.clock.pass(9_999)
  assert.equal(stage.chat.state, 'connecting')
  stage.clock.pass(1)
  assert.equal(stage.chat.state, 'offline')
  assert.ok(stage.sockets.every(({ closed }) => closed === 1))
})

test('the back-off is a random part of 0.5 s doubled up to 20 s, and begins anew with welcome only', () => {
  const stage = new Stage()
  stage.clock.random = () => 1
  stage.chat.clock.random = () => 1
  stage.chat.connect()
  const waits = () => {
    stage.socket.lose()
    return stage.of('state').at(-1).retry
  }
  const seen = []
  for (let i = 0; i < 8; i++) {
    seen.push(waits())
    stage.clock.pass(seen.at(-1) - 1)
    assert.equal(stage.chat.state, 'offline')
    stage.clock.pass(1)
    assert.equal(stage.chat.state, 'connecting')
    if (i === 4) stage.socket.open() // to be open is not to be welcome
  }
  assert.deepEqual(seen, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000])
  stage.welcome()
  assert.equal(waits(), 500)
  stage.chat.clock.random = () => 0.25
  stage.clock.pass(500)
  assert.equal(waits(), 250)
  stage.chat.failures = 5_000 // half a day without a network
  stage.clock.pass(500)
  assert.equal(waits(), 5_000)
})

test('retry of a bye is waited for, and what wakes the client does not cut it short', () => {
  const stage = new Stage()
  stage.welcome().say({ type: 'bye', code: 'shutdown', message: '', retry: 1_840 })
  const { retry } = stage.of('state').at(-1)
  assert.ok(retry >= 1_840 && retry <= 2_340, `${retry}`)
  stage.chat.check()
  stage.chat.suspend()
  stage.chat.resume()
  stage.chat.connect()
  stage.clock.pass(1_839)
  assert.equal(stage.sockets.length, 1)
  stage.clock.pass(1)
  assert.equal(stage.sockets.length, 2)
})

test('a clock that was put back does not keep the client waiting', () => {
  const stage = new Stage()
  stage.welcome().say({ type: 'bye', code: 'shutdown', message: '', retry: 1_000 })
  stage.clock.time -= 3_600_000
  stage.chat.suspend()
  stage.chat.resume()
  stage.clock.pass(1_000)
  assert.equal(stage.sockets.length, 2)
})

test('check ends the wait of the back-off, but opens nothing by itself', () => {
  const stage = new Stage()
  stage.chat.check()
  assert.equal(stage.sockets.length, 0)
  stage.welcome().lose()
  stage.chat.check()
  assert.equal(stage.sockets.length, 2)
})

test('check doubts a connection that is long in opening, not a young one', () => {
  const stage = new Stage()
  stage.chat.connect()
  stage.clock.pass(2_999)
  stage.chat.check()
  assert.equal(stage.sockets.length, 1)
  stage.clock.pass(1)
  stage.chat.check()
  assert.equal(stage.sockets.length, 2)
  assert.equal(stage.sockets[0].closed, 1)
})

test('an old socket is not heard, whatever it says', () => {
  const stage = new Stage()
  const old = stage.enter('tea')
  stage.clock.pass(35_000) // no pong: it died without a word
  stage.clock.pass(500)
  const socket = stage.welcome({ rooms: [state('tea', { entries: [said(1)] })] })
  assert.notEqual(socket, old)
  const { length } = stage.events
  old.say(said(2))
  old.say({ type: 'bye', code: 'banned', retry: false })
  old.on.open()
  old.on.error()
  old.on.close()
  assert.equal(stage.events.length, length)
  assert.equal(stage.chat.state, 'online')
  assert.equal(socket.closed, 0)
  assert.equal(old.commands('hello').length, 1)
})

test('what the server says that is no frame, or of no known type, is passed over', () => {
  const stage = new Stage()
  const socket = stage.enter('tea')
  for (const text of ['', '{', 'null', '7', '[]', '"bye"', '{"type":"toString"}', '{"type":"__proto__"}', '{}',
    '{"type":"dance","room":"tea"}', '{"type":"ok","id":"99"}', '{"type":"presence","room":"elsewhere"}']) {
    socket.say(text)
  }
  assert.equal(stage.chat.state, 'online')
  assert.deepEqual(stage.events.map(([name]) => name), ['state', 'state', 'room'])
})

test('a listener that throws hinders neither the others nor the client', async (t) => {
  const caught = []
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (err) => caught.push(err.message))
  t.after(() => {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  })
  const stage = new Stage()
  const stop = stage.chat.on('message', () => {
    throw new Error('a page has a bug')
  })
  const heard = []
  stage.chat.on('message', ({ seq }) => heard.push(seq))
  const socket = stage.enter('tea')
  socket.say(said(1))
  stop()
  socket.say(said(2))
  await ticks()
  assert.deepEqual(heard, [1, 2])
  assert.deepEqual(caught, ['a page has a bug'])
})

test('a platform is watched from connect to close', () => {
  const seen = []
  const stage = new Stage({ watch: (chat) => {
    seen.push(['watch', chat === stage.chat])
    return () => seen.push(['unwatch'])
  } })
  stage.chat.connect()
  stage.welcome()
  stage.chat.close()
  stage.chat.close()
  assert.deepEqual(seen, [['watch', true], ['unwatch']])
})

test('listeners may close and connect from inside any event', () => {
  for (const name of ['state', 'room', 'message', 'gap', 'outbox', 'read', 'presence']) {
    const stage = new Stage()
    let times = 0
    stage.chat.on(name, () => {
      if (times++ > 3) return
      stage.chat.close()
      stage.chat.connect()
    })
    for (let round = 0; round < 3; round++) {
      stage.chat.join('tea')
      stage.chat.send('tea', 'hello')
      stage.chat.connect()
      const { socket } = stage
      socket.open()
      if (!socket.commands('hello').length) continue
      stage.welcome({ rooms: [state('tea', { entries: [said(1), said(2)], gap: round > 0 })] })
      socket.say({ type: 'presence', room: 'tea', joined: [bo], left: [], members: 2 })
      socket.say({ type: 'read', room: 'tea', seq: 1, unread: 1 })
      stage.chat.close()
    }
    assert.equal(stage.chat.state, 'closed')
    assert.ok(stage.sockets.every(({ closed }) => closed === 1), `${name}: ${stage.sockets.map(({ closed }) => closed)}`)
    assert.equal(stage.clock.timers.size, 0)
  }
})
