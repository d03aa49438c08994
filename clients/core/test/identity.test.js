// Who the user is: guests' tokens, lent tokens, fresh ones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeStorage, refusal, Stage, state, ticks, url } from './stage.js'

// lender is a token function that notes why it was asked.
function lender(...tokens) {
  const lend = async (why) => {
    lend.asked.push(why)
    const token = tokens.shift()
    if (token instanceof Error) throw token
    return token
  }
  lend.asked = []
  return lend
}

async function connect(stage) {
  stage.chat.connect()
  await ticks()
  stage.socket.open()
  return stage.socket.commands('hello')[0].token
}

async function refuse(stage, code) {
  stage.socket.answer('hello', { type: 'error', code, message: '', retry: false })
  stage.socket.say({ type: 'bye', code, message: '', retry: false })
  stage.clock.pass(500)
  await ticks()
}

test('a guest keeps the token and comes back as the same user', async () => {
  const storage = new FakeStorage()
  const stage = new Stage({ storage })
  assert.equal(await connect(stage), undefined)
  stage.welcome({ token: 'g1' })
  assert.deepEqual([...storage.texts], [[`caddy-chat ${url} token`, 'g1']])
  stage.socket.lose()
  stage.clock.pass(500)
  stage.socket.open()
  assert.equal(stage.socket.sent[0].token, 'g1')

  const later = new Stage({ storage, url: `${url}?room=tea` })
  assert.equal(await connect(later), 'g1')
})

test('forget leaves nothing of the user', async () => {
  const stage = new Stage()
  stage.welcome({ token: 'g1' })
  stage.enter('tea')
  const sent = stage.chat.send('tea', 'x')
  stage.chat.forget()
  assert.equal(stage.chat.state, 'closed')
  await assert.rejects(sent, refusal('discarded'))
  assert.equal(stage.storage.texts.size, 0)
  assert.equal(stage.chat.user, undefined)
  assert.equal(await connect(stage), undefined)
  assert.deepEqual(stage.socket.sent[0].rooms, [])
})

test('a guest whose token is not accepted is closed, not made another', async () => {
  const stage = new Stage()
  stage.welcome({ token: 'g1' })
  stage.socket.say({ type: 'bye', code: 'bad_token', message: '', retry: false })
  assert.equal(stage.chat.state, 'closed')
  assert.equal(await connect(stage), 'g1')
  await refuse(stage, 'bad_token')
  assert.equal(stage.of('state').at(-1).code, 'bad_token')
  stage.chat.forget()
  assert.equal(await connect(stage), undefined)
})

test('a token is asked for once and used as long as it is good', async () => {
  const token = lender('t1')
  const stage = new Stage({ token })
  assert.equal(await connect(stage), 't1')
  stage.welcome()
  stage.socket.lose()
  stage.clock.pass(500)
  stage.socket.open()
  assert.equal(stage.socket.sent[0].token, 't1')
  assert.deepEqual(token.asked, [undefined])
  assert.equal(stage.storage.texts.size, 0)
})

test('a token may be a string', async () => {
  const stage = new Stage({ token: 't' })
  assert.equal(await connect(stage), 't')
})

test('no token makes a guest', async () => {
  const stage = new Stage({ token: lender(undefined) })
  assert.equal(await connect(stage), undefined)
  stage.welcome({ token: 'g1' })
  assert.equal(stage.chat.state, 'online')
})

for (const code of ['expired', 'bad_token']) {
  test(`${code}: a fresh token, once`, async () => {
    const token = lender('t1', 't2', 't3')
    const stage = new Stage({ token })
    await connect(stage)
    await refuse(stage, code)
    assert.equal(stage.chat.state, 'connecting')
    stage.socket.open()
    assert.equal(stage.socket.sent[0].token, 't2')
    await refuse(stage, code)
    assert.equal(stage.chat.state, 'closed')
    assert.deepEqual(stage.of('state').at(-1).code, code)
    assert.deepEqual(token.asked, [undefined, code])

    assert.equal(await connect(stage), 't3') // the user has signed in again
    assert.deepEqual(token.asked, [undefined, code, undefined])
  })
}

test('a token that ends in mid-conversation is replaced, as often as it ends', async () => {
  const token = lender('t1', 't2', 't3')
  const stage = new Stage({ token })
  await connect(stage)
  for (const next of ['t2', 't3']) {
    stage.welcome()
    stage.socket.say({ type: 'bye', code: 'expired', message: '', retry: false })
    stage.clock.pass(500)
    await ticks()
    stage.socket.open()
    assert.equal(stage.socket.sent[0].token, next)
  }
})

test('a token that cannot be had is tried again', async () => {
  const stage = new Stage({ token: lender(new Error('no network'), 't2') })
  stage.chat.connect()
  await ticks()
  assert.equal(stage.chat.state, 'offline')
  assert.deepEqual(stage.of('error').map(({ code, message }) => [code, message]), [['no_token', 'no token: no network']])
  assert.equal(stage.sockets.length, 0)
  stage.clock.pass(500)
  await ticks()
  stage.socket.open()
  assert.equal(stage.socket.sent[0].token, 't2')
})

test('a token that comes too late opens nothing, but is used', async () => {
  let lend
  const stage = new Stage({ token: () => new Promise((resolve) => { lend = resolve }) })
  stage.chat.connect()
  await ticks()
  stage.clock.pass(20_000)
  assert.equal(stage.chat.state, 'offline')
  lend('t1')
  await ticks()
  assert.equal(stage.sockets.length, 0)
  stage.clock.pass(500)
  await ticks()
  stage.socket.open()
  assert.equal(stage.socket.sent[0].token, 't1')
})

test('expiring: the app is asked for a fresh token, which is renewed', async () => {
  const token = lender('t1', 't2')
  const stage = new Stage({ token })
  await connect(stage)
  const socket = stage.welcome({ rooms: [] })
  socket.say({ type: 'expiring', expires: 5 })
  await ticks()
  assert.deepEqual(socket.commands('renew'), [{ type: 'renew', id: '2', token: 't2' }])
  socket.answer('renew', { type: 'ok', expires: 9 })
  await ticks()
  assert.deepEqual(token.asked, [undefined, 'expiring'])
  assert.equal(stage.chat.state, 'online')
  socket.lose()
  stage.clock.pass(500)
  stage.socket.open()
  assert.equal(stage.socket.sent[0].token, 't2')
})

test('expiring: what goes wrong is told, and the old token stays', async () => {
  const stage = new Stage({ token: lender('t1', new Error('no network'), 't3') })
  await connect(stage)
  const socket = stage.welcome({ rooms: [state('tea')] })
  socket.say({ type: 'expiring', expires: 5 })
  await ticks()
  socket.say({ type: 'expiring', expires: 5 })
  await ticks()
  socket.answer('renew', { type: 'error', code: 'bad_token', message: 'another user', retry: false })
  await ticks()
  assert.deepEqual(stage.of('error').map(({ message }) => message), ['no token: no network', 'no token: another user'])
  assert.equal(stage.chat.token, 't1')
})

test('expiring without a token function is for the app', async () => {
  const stage = new Stage({ token: undefined })
  const socket = stage.welcome()
  socket.say({ type: 'expiring', expires: 5 })
  await ticks()
  assert.deepEqual(stage.of('expiring').map(({ expires }) => expires), [5])
  const renewed = stage.chat.renew('t2')
  socket.answer('renew', { type: 'ok', expires: 9 })
  assert.equal((await renewed).expires, 9)
})

test('a device is the same over reconnects, and another in another client', () => {
  const one = new Stage()
  const other = new Stage()
  other.clock.random()
  const devices = [one, one, new Stage({ device: 'phone' })].map((stage) => {
    if (stage.chat.state === 'online') stage.socket.lose()
    stage.clock.pass(500)
    stage.welcome()
    return stage.socket.sent[0].device
  })
  assert.equal(devices[0], devices[1])
  assert.ok(devices[0].length >= 22)
  assert.equal(devices[2], 'phone')
})
