// Pings and probes: connections that fail silently, and apps that are suspended.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fixture, message, refusal, state } from './fixture.js'

const pings = (socket) => socket.commands('ping').length

test('a client that sent nothing for a ping interval sends ping', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.clock.advance(24_999)
  assert.equal(pings(socket), 0)
  fixture.clock.advance(1)
  assert.equal(pings(socket), 1)
  socket.receive({ type: 'pong' })
  fixture.clock.advance(24_999)
  assert.equal(pings(socket), 1)
  fixture.chat.typing('tea') // resets the interval
  fixture.clock.advance(24_999)
  assert.equal(pings(socket), 1)
  fixture.clock.advance(1)
  assert.equal(pings(socket), 2)
})

test('a connection without a frame for 10 s after a ping is dead', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.clock.advance(34_999)
  assert.equal(fixture.chat.state, 'online')
  fixture.clock.advance(1)
  assert.equal(fixture.chat.state, 'offline')
  assert.equal(fixture.of('state').at(-1).code, 'dead')
  assert.equal(socket.closed, 1)
})

test('commands sent after the ping do not postpone the deadline', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  fixture.clock.advance(30_000)
  fixture.chat.send('tea', 'are you there?')
  fixture.clock.advance(4_000)
  fixture.chat.typing('tea')
  fixture.clock.advance(1_000)
  assert.equal(fixture.chat.state, 'offline')
})

test('a server that answers pings but no command is dead after 60 s: every promise settles', async () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  const { socket } = fixture
  const refused = [fixture.chat.who('tea'), fixture.chat.history('tea')]
  const sent = fixture.chat.send('tea', 'x')
  const tick = () => {
    fixture.clock.advance(1_000)
    for (const { id } of socket.commands('ping').splice(-1)) socket.receive({ type: 'pong', ...(id && { id }) })
  }
  for (let i = 0; i < 50; i++) tick()
  socket.answer('who', { type: 'who', room: 'tea', users: [], members: 1 })
  await refused[0]
  for (let i = 0; i < 59; i++) tick()
  assert.equal(fixture.chat.state, 'online') // one answer is progress
  tick()
  assert.deepEqual([fixture.chat.state, fixture.of('state').at(-1).code], ['offline', 'dead'])
  await assert.rejects(refused[1], refusal('lost', 0))
  fixture.clock.advance(500)
  fixture.welcome({ rooms: [state('tea')] })
  fixture.socket.answer('send', { type: 'ok', room: 'tea', seq: 1, at: 1, duplicate: false })
  assert.equal((await sent).seq, 1)
})

test('any frame from the server answers a ping', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.clock.advance(34_999)
  socket.receive(message(1))
  fixture.clock.advance(24_999)
  assert.equal(fixture.chat.state, 'online')
  assert.equal(pings(socket), 1)
  fixture.clock.advance(1)
  assert.equal(pings(socket), 2)
})

test('a ping timer that runs late means the app was suspended: a probe of 3 s', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.clock.sleep(60_000)
  fixture.clock.advance(0)
  assert.equal(pings(socket), 1)
  socket.receive(message(1)) // it may have been received before the suspension
  fixture.clock.advance(2_999)
  assert.equal(fixture.chat.state, 'online')
  fixture.clock.advance(1)
  assert.equal(fixture.chat.state, 'offline')
})

test('a probe after a late ping timer that is answered changes no state', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.clock.sleep(60_000)
  fixture.clock.advance(0)
  socket.answer('ping', { type: 'pong' })
  fixture.clock.advance(24_999)
  assert.equal(pings(socket), 1)
  fixture.clock.advance(1)
  assert.equal(pings(socket), 2)
  assert.equal(fixture.chat.state, 'online')
  assert.deepEqual(fixture.states, ['connecting', 'online'])
})

test('a probe deadline that runs late gives the server another 3 s, once', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.clock.advance(25_000)
  fixture.clock.sleep(60_000) // the pong may be there but unread
  fixture.clock.advance(0)
  assert.equal(fixture.chat.state, 'online')
  assert.equal(pings(socket), 2)
  fixture.clock.sleep(60_000)
  fixture.clock.advance(0)
  assert.equal(fixture.chat.state, 'online')
  assert.equal(pings(socket), 3)
  fixture.clock.sleep(60_000)
  fixture.clock.advance(0)
  assert.equal(fixture.chat.state, 'offline')
})

test('a timer that is at most 5 s late does not mean suspension', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.clock.sleep(30_000)
  fixture.clock.advance(0)
  assert.deepEqual(socket.sent.at(-1), { type: 'ping' })
})

test('suspended: no pings are sent, frames are received; a pong after resume makes it online', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.suspend()
  assert.equal(fixture.chat.state, 'suspended')
  fixture.clock.advance(3_600_000)
  assert.equal(pings(socket), 0)
  socket.receive(message(1))
  assert.equal(fixture.of('message').length, 1)

  fixture.chat.resume()
  assert.equal(fixture.chat.state, 'suspended')
  fixture.clock.advance(2_999)
  socket.answer('ping', { type: 'pong' })
  assert.equal(fixture.chat.state, 'online')
  assert.equal(fixture.sockets.length, 1)
  assert.deepEqual(fixture.states, ['connecting', 'online', 'suspended', 'online'])
  fixture.clock.advance(25_000)
  assert.equal(pings(socket), 2)
})

test('suspended: a connection that does not answer within 3 s of resume is replaced', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.suspend()
  fixture.chat.resume()
  fixture.clock.advance(1_000)
  socket.receive({ type: 'pong' }) // the answer to an older ping
  fixture.chat.resume()
  fixture.clock.advance(2_000)
  assert.equal(socket.closed, 1)
  assert.equal(fixture.chat.state, 'offline')
  fixture.clock.advance(500)
  assert.equal(fixture.chat.state, 'connecting')
  assert.equal(pings(socket), 1)
})

test('suspended again during the probe: its result is ignored', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.suspend()
  fixture.chat.resume()
  fixture.chat.suspend()
  fixture.clock.advance(10_000)
  socket.answer('ping', { type: 'pong' })
  assert.equal(fixture.chat.state, 'suspended')
  fixture.chat.resume()
  fixture.clock.advance(3_000)
  assert.equal(fixture.chat.state, 'offline')
})

test('suspended: a connection that ended is reopened on resume, not before', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea').drop()
  fixture.chat.suspend()
  fixture.clock.advance(3_600_000)
  assert.equal(fixture.sockets.length, 1)
  fixture.chat.resume()
  assert.equal(fixture.chat.state, 'connecting')
  assert.equal(fixture.sockets.length, 2)

  fixture.welcome()
  fixture.chat.suspend()
  fixture.socket.drop()
  assert.equal(fixture.chat.state, 'suspended')
  fixture.clock.advance(3_600_000)
  assert.equal(fixture.sockets.length, 2)
  fixture.chat.resume()
  assert.equal(fixture.sockets.length, 3)
})

test('suspended while connecting: replaced on resume, unless its welcome arrived', () => {
  const fixture = new Fixture()
  fixture.chat.connect()
  fixture.chat.suspend()
  fixture.clock.advance(3_600_000)
  fixture.chat.resume()
  assert.equal(fixture.sockets.length, 2)
  assert.equal(fixture.sockets[0].closed, 1)

  fixture.chat.suspend()
  fixture.welcome()
  assert.equal(fixture.chat.state, 'suspended')
  fixture.clock.advance(60_000)
  assert.equal(pings(fixture.socket), 0)
  fixture.chat.resume()
  fixture.socket.answer('ping', { type: 'pong' })
  assert.equal(fixture.chat.state, 'online')
  assert.equal(fixture.sockets.length, 2)
})

test('suspended, then closed: resume does nothing', () => {
  const fixture = new Fixture()
  fixture.welcome()
  fixture.chat.suspend()
  fixture.chat.close()
  assert.equal(fixture.chat.state, 'closed')
  fixture.chat.resume()
  fixture.chat.suspend()
  assert.equal(fixture.chat.state, 'closed')
  assert.equal(fixture.sockets.length, 1)
})

test('suspended: connect resumes', () => {
  const fixture = new Fixture()
  fixture.welcome()
  fixture.chat.suspend()
  fixture.chat.connect()
  fixture.socket.answer('ping', { type: 'pong' })
  assert.equal(fixture.chat.state, 'online')
})

test('check probes the connection, and changes no state if it answers', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.check()
  fixture.chat.check()
  assert.equal(pings(socket), 1)
  socket.answer('ping', { type: 'pong' })
  assert.deepEqual(fixture.states, ['connecting', 'online'])
  fixture.chat.check()
  fixture.clock.advance(3_000)
  assert.equal(fixture.chat.state, 'offline')
})

test('an error answers a probe, too', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea')
  fixture.chat.check()
  socket.answer('ping', { type: 'error', code: 'too_fast', message: '', retry: 1_000 })
  fixture.clock.advance(3_000)
  assert.equal(fixture.chat.state, 'online')
})

test('a back-off that ended while the app was suspended connects', () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea').drop()
  fixture.clock.sleep(3_600_000)
  fixture.clock.advance(0)
  assert.equal(fixture.chat.state, 'connecting')
  fixture.welcome({ rooms: [state('tea')] })
  assert.equal(fixture.chat.state, 'online')
})
