// What each platform lends: sockets of four events, storage, and its signals.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browser } from '../browser.js'
import { Client } from '../index.js'
import { node } from '../node.js'
import { taro } from '../taro.js'
import { uniapp } from '../uniapp.js'
import { wechat } from '../wechat.js'
import { FakeApi } from './miniprogram.js'
import { ticks } from './stage.js'

// global makes a name global for a test.
function global(t, name, value) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  t.after(() => {
    if (before) Object.defineProperty(globalThis, name, before)
    else delete globalThis[name]
  })
}

// notes returns the four events and a list of what they were told.
function notes() {
  const heard = []
  const note = (name) => (what) => heard.push(name === 'message' ? `message ${what}` : name)
  return { heard, on: { open: note('open'), message: note('message'), error: note('error'), close: note('close') } }
}

const miniPrograms = [
  ['wechat', (t, api) => {
    global(t, 'wx', api)
    return wechat()
  }],
  ['uniapp', (t, api) => {
    global(t, 'uni', api)
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
    const { heard, on } = notes()
    const socket = transport('wss://a/chat', ['chat.v1'], on)
    await ticks()
    const [task] = api.tasks
    assert.equal(task.options.url, 'wss://a/chat')
    assert.deepEqual(task.options.protocols, ['chat.v1']) // a string fails on Android
    task.hears.Open({ header: {} })
    task.hears.Message({ data: 'hi' })
    task.hears.Error({ errMsg: 'fail' })
    task.hears.Close({ code: 1006 })
    assert.deepEqual(heard, ['open', 'message hi', 'error', 'close'])

    socket.send('text')
    await ticks()
    assert.equal(task.sent[0].data, 'text')
    task.sent[0].fail({ errMsg: 'not connected' })
    task.options.fail({ errMsg: 'exceed max concurrent count' })
    assert.deepEqual(heard.slice(4), ['error', 'error'])

    socket.close()
    await ticks()
    assert.equal(task.closed, 1)
  })

  test(`${name}: a task that opens after it was closed is closed again`, async (t) => {
    const api = new FakeApi()
    const { transport } = make(t, api)
    const { heard, on } = notes()
    const socket = transport('wss://a/chat', ['chat.v1'], on)
    socket.close()
    await ticks()
    api.tasks[0].hears.Open({})
    assert.equal(api.tasks[0].closed, 2)
    assert.deepEqual(heard, [])
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

  test(`${name}: its signals suspend, resume and check`, (t) => {
    const api = new FakeApi()
    const seen = []
    const chat = { suspend: () => seen.push('suspend'), resume: () => seen.push('resume'), check: () => seen.push('check') }
    const stop = make(t, api).watch(chat)
    for (const name of ['AppHide', 'AppShow', 'NetworkStatusChange']) api.tell(name)
    assert.deepEqual(seen, ['suspend', 'resume', 'check'])
    stop()
    for (const name of ['AppHide', 'AppShow', 'NetworkStatusChange']) api.tell(name)
    assert.equal(seen.length, 3)
  })
}

test('taro: a socket that cannot be had is an error', async () => {
  const { transport } = taro({ connectSocket: () => Promise.reject(new Error('exceed max concurrent count')) })
  const { heard, on } = notes()
  const socket = transport('wss://a/chat', ['chat.v1'], on)
  socket.send('x')
  socket.close()
  await ticks()
  assert.deepEqual(new Set(heard), new Set(['error']))
})

// FakeWebSocket is a browser's or Node's.
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
    global(t, 'WebSocket', FakeWebSocket)
    return browser()
  }],
  ['node', (t) => {
    global(t, 'WebSocket', FakeWebSocket)
    return node()
  }],
  ['node with ws', () => node(FakeWebSocket, { ca: 'pem' })],
]) {
  test(`${name}: a WebSocket`, (t) => {
    const { transport } = make(t)
    const { heard, on } = notes()
    const socket = transport('wss://a/chat', ['chat.v1'], on)
    const { last } = FakeWebSocket
    assert.deepEqual(last.args.slice(0, 2), ['wss://a/chat', ['chat.v1']])
    if (name === 'node with ws') assert.deepEqual(last.args[2], { ca: 'pem' })
    last.onopen({})
    last.onmessage({ data: 'hi' })
    last.onerror({})
    last.onclose({ code: 1006 })
    assert.deepEqual(heard, ['open', 'message hi', 'error', 'close'])
    socket.send('text')
    socket.close()
    assert.deepEqual([last.sent, last.closed], [['text'], 1])
  })
}

test('browser: tabs share the guest, not the outbox', (t) => {
  const store = () => ({ texts: new Map(), getItem(k) { return this.texts.get(k) ?? null },
    setItem(k, v) { this.texts.set(k, v) }, removeItem(k) { this.texts.delete(k) } })
  global(t, 'localStorage', store())
  global(t, 'sessionStorage', store())
  const chat = new Client({ url: 'wss://a/chat', transport: () => {}, storage: browser().storage })
  chat.store.set('token', 'g1')
  chat.join('tea')
  chat.send('tea', 'hi')
  assert.deepEqual([...localStorage.texts], [['caddy-chat wss://a/chat token', 'g1']])
  assert.deepEqual([...sessionStorage.texts.keys()], ['caddy-chat wss://a/chat outbox'])
  chat.forget()
  assert.equal(localStorage.texts.size + sessionStorage.texts.size, 0)
})

test('browser: what wakes a page has the connection checked', (t) => {
  global(t, 'window', new EventTarget())
  global(t, 'document', Object.assign(new EventTarget(), { visibilityState: 'visible' }))
  let checks = 0
  const stop = browser().watch({ check: () => checks++ })
  const signals = [[window, 'online'], [window, 'offline'], [window, 'pageshow'], [document, 'visibilitychange']]
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
