// Who the user is: the tokens of guests, tokens of the app, their replacement.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeStorage, refusal, Fixture, state, ticks, url } from './fixture.js'

// tokenFunction returns a token function that records its arguments in asked.
function tokenFunction(...tokens) {
  const getToken = async (why) => {
    getToken.asked.push(why)
    const token = tokens.shift()
    if (token instanceof Error) throw token
    return token
  }
  getToken.asked = []
  return getToken
}

async function connect(fixture) {
  fixture.chat.connect()
  await ticks()
  fixture.socket.open()
  return fixture.socket.commands('hello')[0].token
}

async function refuse(fixture, code) {
  fixture.socket.answer('hello', { type: 'error', code, message: '', retry: false })
  fixture.socket.receive({ type: 'bye', code, message: '', retry: false })
  fixture.clock.advance(500)
  await ticks()
}

test('a guest keeps the token and comes back as the same user', async () => {
  const storage = new FakeStorage()
  const fixture = new Fixture({ storage })
  assert.equal(await connect(fixture), undefined)
  fixture.welcome({ token: 'g1' })
  assert.deepEqual([...storage.texts], [[`caddy-chat ${url} token`, 'g1']])
  fixture.socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  assert.equal(fixture.socket.sent[0].token, 'g1')

  const later = new Fixture({ storage, url: `${url}?room=tea` })
  assert.equal(await connect(later), 'g1')
})

test('forget deletes everything about the user', async () => {
  const fixture = new Fixture()
  fixture.welcome({ token: 'g1' })
  fixture.joinRoom('tea')
  const sent = fixture.chat.send('tea', 'x')
  fixture.chat.forget()
  assert.equal(fixture.chat.state, 'closed')
  await assert.rejects(sent, refusal('discarded'))
  assert.equal(fixture.storage.texts.size, 0)
  assert.equal(fixture.chat.user, undefined)
  assert.equal(await connect(fixture), undefined)
  assert.deepEqual(fixture.socket.sent[0].rooms, [])
})

test('an empty token is not said: no server accepts one', async () => {
  const storage = new FakeStorage()
  storage.texts.set(`caddy-chat ${url} token`, '')
  for (const [what, options] of Object.entries({
    'a token': { token: '' }, 'a function that gives one': { token: () => '' }, 'one that gives none': { token: async () => null },
    'a stored token': { storage }, 'both': { token: () => '', storage },
  })) {
    const fixture = new Fixture(options)
    assert.equal(await connect(fixture), undefined, what)
    fixture.welcome({ token: 'g1' })
    fixture.chat.forget()
    assert.equal(await connect(fixture), undefined, `${what}, and then forgotten`)
  }
})

test('a guest whose token is refused is closed, and does not become another guest', async () => {
  const fixture = new Fixture()
  fixture.welcome({ token: 'g1' })
  fixture.socket.receive({ type: 'bye', code: 'bad_token', message: '', retry: false })
  assert.equal(fixture.chat.state, 'closed')
  assert.equal(await connect(fixture), 'g1')
  await refuse(fixture, 'bad_token')
  assert.equal(fixture.of('state').at(-1).code, 'bad_token')
  fixture.chat.forget()
  assert.equal(await connect(fixture), undefined)
})

test('the app is asked for a token once, and the token is reused while it is valid', async () => {
  const token = tokenFunction('t1')
  const fixture = new Fixture({ token })
  assert.equal(await connect(fixture), 't1')
  fixture.welcome()
  fixture.socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  assert.equal(fixture.socket.sent[0].token, 't1')
  assert.deepEqual(token.asked, [undefined])
  assert.equal(fixture.storage.texts.size, 0)
})

test('a token may be a string', async () => {
  const fixture = new Fixture({ token: 't' })
  assert.equal(await connect(fixture), 't')
})

test('without a token the user is a guest', async () => {
  const fixture = new Fixture({ token: tokenFunction(undefined) })
  assert.equal(await connect(fixture), undefined)
  fixture.welcome({ token: 'g1' })
  assert.equal(fixture.chat.state, 'online')
})

for (const code of ['expired', 'bad_token']) {
  test(`${code}: the app is asked for a new token, once`, async () => {
    const token = tokenFunction('t1', 't2', 't3')
    const fixture = new Fixture({ token })
    await connect(fixture)
    await refuse(fixture, code)
    assert.equal(fixture.chat.state, 'connecting')
    fixture.socket.open()
    assert.equal(fixture.socket.sent[0].token, 't2')
    await refuse(fixture, code)
    assert.equal(fixture.chat.state, 'closed')
    assert.deepEqual(fixture.of('state').at(-1).code, code)
    assert.deepEqual(token.asked, [undefined, code])

    assert.equal(await connect(fixture), 't3') // the user has signed in again
    assert.deepEqual(token.asked, [undefined, code, undefined])
  })
}

test('a token that expires while connected is replaced, every time', async () => {
  const token = tokenFunction('t1', 't2', 't3')
  const fixture = new Fixture({ token })
  await connect(fixture)
  for (const next of ['t2', 't3']) {
    fixture.welcome()
    fixture.socket.receive({ type: 'bye', code: 'expired', message: '', retry: false })
    fixture.clock.advance(500)
    await ticks()
    fixture.socket.open()
    assert.equal(fixture.socket.sent[0].token, next)
  }
})

test('if the token function fails, it is called again later', async () => {
  const fixture = new Fixture({ token: tokenFunction(new Error('no network'), 't2') })
  fixture.chat.connect()
  await ticks()
  assert.equal(fixture.chat.state, 'offline')
  assert.deepEqual(fixture.of('error').map(({ code, message }) => [code, message]), [['no_token', 'no token: no network']])
  assert.equal(fixture.sockets.length, 0)
  fixture.clock.advance(500)
  await ticks()
  fixture.socket.open()
  assert.equal(fixture.socket.sent[0].token, 't2')
})

test('a token that comes too late opens no connection, but the next one uses it', async () => {
  let resolveToken
  const fixture = new Fixture({ token: () => new Promise((resolve) => { resolveToken = resolve }) })
  fixture.chat.connect()
  await ticks()
  fixture.clock.advance(20_000)
  assert.equal(fixture.chat.state, 'offline')
  resolveToken('t1')
  await ticks()
  assert.equal(fixture.sockets.length, 0)
  fixture.clock.advance(500)
  await ticks()
  fixture.socket.open()
  assert.equal(fixture.socket.sent[0].token, 't1')
})

test('expiring: the app is asked for a new token, and renew sends it', async () => {
  const token = tokenFunction('t1', 't2')
  const fixture = new Fixture({ token })
  await connect(fixture)
  const socket = fixture.welcome({ rooms: [] })
  socket.receive({ type: 'expiring', expires: 5 })
  await ticks()
  assert.deepEqual(socket.commands('renew'), [{ type: 'renew', id: '2', token: 't2' }])
  socket.answer('renew', { type: 'ok', expires: 9 })
  await ticks()
  assert.deepEqual(token.asked, [undefined, 'expiring'])
  assert.equal(fixture.chat.state, 'online')
  socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  assert.equal(fixture.socket.sent[0].token, 't2')
})

test('expiring: failures are emitted as errors, and the old token stays', async () => {
  const fixture = new Fixture({ token: tokenFunction('t1', new Error('no network'), 't3') })
  await connect(fixture)
  const socket = fixture.welcome({ rooms: [state('tea')] })
  socket.receive({ type: 'expiring', expires: 5 })
  await ticks()
  socket.receive({ type: 'expiring', expires: 5 })
  await ticks()
  socket.answer('renew', { type: 'error', code: 'bad_token', message: 'another user', retry: false })
  await ticks()
  assert.deepEqual(fixture.of('error').map(({ message }) => message), ['no token: no network', 'no token: another user'])
  fixture.socket.drop()
  fixture.clock.advance(500)
  fixture.socket.open()
  assert.equal(fixture.socket.sent[0].token, 't1')
})

test('expiring without a token function: the app may call renew', async () => {
  const fixture = new Fixture({ token: undefined })
  const socket = fixture.welcome()
  socket.receive({ type: 'expiring', expires: 5 })
  await ticks()
  assert.deepEqual(fixture.of('expiring').map(({ expires }) => expires), [5])
  const renewed = fixture.chat.renew('t2')
  socket.answer('renew', { type: 'ok', expires: 9 })
  assert.equal((await renewed).expires, 9)
})

test('the device stays the same over reconnects; another client has another one', () => {
  const one = new Fixture()
  const other = new Fixture()
  other.clock.random()
  const devices = [one, one, new Fixture({ device: 'phone' })].map((fixture) => {
    if (fixture.chat.state === 'online') fixture.socket.drop()
    fixture.clock.advance(500)
    fixture.welcome()
    return fixture.socket.sent[0].device
  })
  assert.equal(devices[0], devices[1])
  assert.ok(devices[0].length >= 22)
  assert.equal(devices[2], 'phone')
})
