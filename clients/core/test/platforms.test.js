// What each platform provides: a transport with four events, storage, signals.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browser } from '../browser.js'
import { Client } from '../index.js'
import { node } from '../node.js'
import { taro } from '../taro.js'
import { uniapp } from '../uniapp.js'
import { wechat } from '../wechat.js'
import { FakeApi } from './miniprogram.js'
import { ticks } from './fixture.js'

// setGlobal defines a global for the duration of a test.
function setGlobal(t, name, value) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  t.after(() => {
    if (before) Object.defineProperty(globalThis, name, before)
    else delete globalThis[name]
  })
}

// recorder returns the four callbacks of a transport, and a list of their calls.
function recorder() {
  const calls = []
  const note = (name) => (what) => calls.push(name === 'message' ? `message ${what}` : name)
  return { calls, on: { open: (protocol) => calls.push(`open ${protocol}`), message: note('message'), error: note('error'), close: note('close') } }
}

const miniPrograms = [
  ['wechat', (t, api) => {
    setGlobal(t, 'wx', api)
    return wechat()
  }],
  ['uniapp', (t, api) => {
    setGlobal(t, 'uni', api)
    return uniapp()
  }],
  ['taro', (t, api) => {
    const { connectSocket } = api
    api.connectSocket = async (options) => connectSocket.call(api, options)
    return taro(api)
  }],
]

for (const [name, make] of miniPrograms) {
  test(`${name}: a SocketTask`, async (t) => {
    const api = new FakeApi()
    const { transport } = make(t, api)
    const { calls, on } = recorder()
    const socket = transport('wss://a/chat', ['chat.v1'], on)
    await ticks()
    const [task] = api.tasks
    assert.equal(task.options.url, 'wss://a/chat')
    assert.deepEqual(task.options.protocols, ['chat.v1']) // a string fails on Android
    task.listeners.Open({ header: { 'Sec-WebSocket-Protocol': 'chat.v1' } })
    task.listeners.Message({ data: 'hi' })
    task.listeners.Error({ errMsg: 'fail' })
    task.listeners.Close({ code: 1006 })
    assert.deepEqual(calls, ['open chat.v1', 'message hi', 'error', 'close'])

    socket.send('text')
    await ticks()
    assert.equal(task.sent[0].data, 'text')
    task.sent[0].fail({ errMsg: 'not connected' })
    task.options.fail({ errMsg: 'exceed max concurrent count' })
    assert.deepEqual(calls.slice(4), ['error', 'error'])

    socket.close()
    await ticks()
    assert.equal(task.closed, 1)
  })

  test(`${name}: the subprotocol is that of the header, if the host has one`, async (t) => {
    for (const [event, protocol] of [
      [undefined, 'undefined'], [{}, 'undefined'], [{ header: {} }, 'undefined'],
      [{ header: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'chat.v1' } }, 'chat.v1'],
      [{ header: { 'sec-websocket-protocol': 'chat.v1' } }, 'chat.v1'],
      [{ header: { Upgrade: 'websocket' } }, ''],
    ]) {
      const api = new FakeApi()
      const { calls, on } = recorder()
      make(t, api).transport('wss://a/chat', ['chat.v1'], on)
      await ticks()
      api.tasks[0].listeners.Open(event)
      assert.deepEqual(calls, [`open ${protocol}`], JSON.stringify(event))
    }
  })

  test(`${name}: a SocketTask that opens after close is closed again`, async (t) => {
    const api = new FakeApi()
    const chat = new Client({ url: 'wss://a/chat', ...make(t, api) })
    chat.connect()
    chat.close()
    await ticks()
    assert.equal(api.tasks[0].closed, 1)
    api.tasks[0].listeners.Open({})
    await ticks()
    assert.equal(api.tasks[0].closed, 2)
    assert.deepEqual(api.tasks[0].sent, [])
  })

  test(`${name}: storage`, (t) => {
    const api = new FakeApi()
    const { storage } = make(t, api)
    storage.setItem('a', 'x')
    assert.equal(storage.getItem('a'), 'x')
    assert.deepEqual([...api.stored], [['a', 'x']])
    storage.removeItem('a')
    assert.equal(api.stored.size, 0)
  })

  test(`${name}: its signals call suspend, resume and check`, (t) => {
    const api = new FakeApi()
    const seen = []
    const chat = { suspend: () => seen.push('suspend'), resume: () => seen.push('resume'), check: () => seen.push('check') }
    const stop = make(t, api).watch(chat)
    for (const name of ['AppHide', 'AppShow', 'NetworkStatusChange']) api.emit(name)
    assert.deepEqual(seen, ['suspend', 'resume', 'check'])
    stop()
    for (const name of ['AppHide', 'AppShow', 'NetworkStatusChange']) api.emit(name)
    assert.equal(seen.length, 3)
  })
}

test('a host that returns no SocketTask says why in fail', async (t) => {
  const api = new FakeApi()
  api.connectSocket = ({ fail }) => void setImmediate(() => fail({ errMsg: 'connectSocket:fail url not in domain list' }))
  setGlobal(t, 'wx', api)
  const causes = []
  wechat().transport('wss://a/chat', ['chat.v1'], { error: ({ errMsg }) => causes.push(errMsg) })
  await ticks()
  await ticks()
  assert.deepEqual(causes, ['connectSocket:fail url not in domain list'])
})

test('taro: a rejected connectSocket is an error event', async () => {
  const { transport } = taro({ connectSocket: () => Promise.reject(new Error('exceed max concurrent count')) })
  const { calls, on } = recorder()
  const socket = transport('wss://a/chat', ['chat.v1'], on)
  socket.send('x')
  socket.close()
  await ticks()
  assert.deepEqual(new Set(calls), new Set(['error']))
})

// FakeWebSocket is a fake of the standard WebSocket.
class FakeWebSocket {
  constructor(...args) {
    Object.assign(this, { args, sent: [], closed: 0 })
    FakeWebSocket.last = this
  }

  send(text) {
    this.sent.push(text)
  }

  close() {
    this.closed++
  }
}

for (const [name, make] of [
  ['browser', (t) => {
    setGlobal(t, 'WebSocket', FakeWebSocket)
    return browser()
  }],
  ['node', (t) => {
    setGlobal(t, 'WebSocket', FakeWebSocket)
    return node()
  }],
  ['node with ws', () => node(FakeWebSocket, { ca: 'pem' })],
]) {
  test(`${name}: a WebSocket`, (t) => {
    const { transport } = make(t)
    const { calls, on } = recorder()
    const socket = transport('wss://a/chat', ['chat.v1'], on)
    const { last } = FakeWebSocket
    assert.deepEqual(last.args.slice(0, 2), ['wss://a/chat', ['chat.v1']])
    if (name === 'node with ws') assert.deepEqual(last.args[2], { ca: 'pem' })
    last.protocol = 'chat.v1'
    last.onopen({})
    last.onmessage({ data: 'hi' })
    last.onerror({})
    last.onclose({ code: 1006 })
    assert.deepEqual(calls, ['open chat.v1', 'message hi', 'error', 'close'])
    socket.send('text')
    socket.close()
    assert.deepEqual([last.sent, last.closed], [['text'], 1])
  })
}

test('without a WebSocket, browser and node throw', (t) => {
  setGlobal(t, 'WebSocket', undefined)
  assert.throws(() => browser(), /no WebSocket/)
  assert.throws(() => node(), /node\(WebSocket\)/)
})

test('browser: tabs share the guest token, not the outbox', (t) => {
  const store = () => ({ texts: new Map(), getItem(k) { return this.texts.get(k) ?? null },
    setItem(k, v) { this.texts.set(k, v) }, removeItem(k) { this.texts.delete(k) } })
  setGlobal(t, 'WebSocket', FakeWebSocket)
  setGlobal(t, 'localStorage', store())
  setGlobal(t, 'sessionStorage', store())
  const chat = new Client({ url: 'wss://a/chat', transport: () => {}, storage: browser().storage })
  chat.store.set('token', 'g1')
  chat.join('tea')
  chat.send('tea', 'hi')
  assert.deepEqual([...localStorage.texts], [['caddy-chat wss://a/chat token', 'g1']])
  assert.deepEqual([...sessionStorage.texts.keys()], ['caddy-chat wss://a/chat outbox'])
  chat.forget()
  assert.equal(localStorage.texts.size + sessionStorage.texts.size, 0)
})

test('outside of a mini program, its platforms throw', (t) => {
  setGlobal(t, 'wx', undefined)
  setGlobal(t, 'uni', undefined)
  assert.throws(() => wechat(), /not a mini program/)
  assert.throws(() => uniapp(), /not a mini program/)
  assert.throws(() => taro(), /not a mini program/)
})

test('browser: the signals of a page that wakes up call check', (t) => {
  setGlobal(t, 'WebSocket', FakeWebSocket)
  setGlobal(t, 'self', new EventTarget())
  setGlobal(t, 'document', Object.assign(new EventTarget(), { visibilityState: 'visible' }))
  let checks = 0
  const stop = browser().watch({ check: () => checks++ })
  const signals = [[self, 'online'], [self, 'offline'], [self, 'pageshow'], [document, 'visibilitychange']]
  for (const [target, name] of signals) target.dispatchEvent(new Event(name))
  assert.equal(checks, 4)
  document.visibilityState = 'hidden'
  document.dispatchEvent(new Event('visibilitychange'))
  assert.equal(checks, 4)
  stop()
  document.visibilityState = 'visible'
  for (const [target, name] of signals) target.dispatchEvent(new Event(name))
  assert.equal(checks, 4)
})
