// What the host lends may be missing or wrong: methods newer than the JavaScript that
// the README promises, the storage, the clock. Each is taken away by itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import vm from 'node:vm'
import { build } from 'esbuild'
import { core } from '../../build.js'
import { browser } from '../browser.js'
import { Client } from '../index.js'
import { FakeApi } from './miniprogram.js'
import { FakeClock } from './clock.js'
import { FakeStorage, Fixture, li, message, state, ticks } from './fixture.js'

// Everything that came after the JavaScript of 2018.
const newer = ['Array.prototype.at', 'Array.prototype.findLast', 'Array.prototype.findLastIndex',
  'Array.prototype.flat', 'Array.prototype.flatMap', 'Array.prototype.toReversed', 'Array.prototype.toSorted',
  'Array.prototype.toSpliced', 'Array.prototype.with', 'Array.fromAsync', 'Object.fromEntries', 'Object.groupBy', 'Object.hasOwn',
  'Promise.allSettled', 'Promise.any', 'Promise.withResolvers', 'String.prototype.at', 'String.prototype.isWellFormed',
  'String.prototype.matchAll', 'String.prototype.replaceAll', 'String.prototype.toWellFormed', 'String.prototype.trimEnd',
  'String.prototype.trimStart', 'Symbol.prototype.description', 'globalThis', 'queueMicrotask', 'structuredClone', 'AggregateError',
  'BigInt', 'FinalizationRegistry', 'WeakRef', 'TextEncoder', 'URL', 'performance', 'crypto',
]

const library = build({
  stdin: { contents: `export * from './index.js'; export * from './timeline.js'; export * from './wechat.js'`, resolveDir: core },
  bundle: true, format: 'cjs', target: 'es2018', write: false,
}).then(({ outputFiles: [{ text }] }) => text)

const fail = () => {
  throw new Error('denied')
}

// play has a client join, send, read and load history in a context of its own, whose host
// may have been changed by prepare.
async function play(prepare, change = () => {}) {
  const wx = new FakeApi()
  change(wx)
  const module = { exports: {} }
  const context = vm.createContext({ wx, setTimeout, clearTimeout, module })
  vm.runInContext(prepare, context)
  vm.runInContext(await library, context)
  const { Client, Timeline, wechat } = module.exports
  const chat = new Client({ url: 'wss://chat.test/chat', ...wechat() })
  try {
    const timeline = new Timeline(chat, 'tea')
    chat.connect()
    chat.join('tea')
    const sent = chat.send('tea', { text: '茶' })
    await ticks()
    const [task] = wx.tasks
    const answer = async (type, frame) => {
      await ticks()
      const { id } = task.sent.map(({ data }) => JSON.parse(data)).find((it) => it.type === type)
      task.listeners.Message({ data: JSON.stringify({ ...frame, id }) })
    }
    task.listeners.Open({ header: { 'Sec-WebSocket-Protocol': 'chat.v1' } })
    await answer('hello', { type: 'welcome', session: 's', at: 1, user: li, ping: 25_000, limits: { message: 65536, recall: 1 },
      rooms: [state('tea', { entries: [message(3)], last: 3 })] })
    await answer('send', { type: 'ok', room: 'tea', seq: 4, at: 4, duplicate: false })
    await sent
    const older = timeline.older(2)
    await answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries: [message(1), message(2)], more: false })
    assert.equal(await older, 2)
    assert.deepEqual(Array.from(timeline.items, ({ seq }) => seq), [1, 2, 3, 4])
    chat.read('tea', 4)
    chat.typing('tea')
    for (const name of ['AppHide', 'AppShow', 'NetworkStatusChange']) wx.emit(name)
    if (chat.state === 'suspended') await answer('ping', { type: 'pong' })
    assert.equal(chat.state, 'online')
  } finally {
    chat.close()
  }
}

test('a client with everything', () => play(''))

for (const name of newer) {
  test(`a client without ${name}`, () => play(`delete ${name.includes('.') ? name : `this.${name}`}`))
}

// Each event of a mini program, each way to stop it, and each method of its storage.
for (const name of ['onAppShow', 'onAppHide', 'onNetworkStatusChange', 'offAppShow', 'offAppHide', 'offNetworkStatusChange',
  'getStorageSync', 'setStorageSync', 'removeStorageSync']) {
  test(`a mini program without ${name}`, () => play('', (wx) => { wx[name] = undefined }))
  if (!name.startsWith('off')) test(`a mini program whose ${name} throws`, () => play('', (wx) => { wx[name] = fail }))
}

test('an event that never comes: who says something is back from the background', async () => {
  const fixture = new Fixture()
  fixture.joinRoom('tea')
  fixture.chat.suspend()
  fixture.socket.drop()
  const sent = fixture.chat.send('tea', 'a')
  assert.equal(fixture.sockets.length, 2)
  fixture.welcome({ rooms: [state('tea')] })
  fixture.socket.answer('send', { type: 'ok', room: 'tea', seq: 1, at: 1, duplicate: false })
  assert.equal((await sent).seq, 1)
})

// A page, a worker without document, and hosts with less.
const target = () => new EventTarget()
for (const [what, globals] of Object.entries({
  'a page': { self: target(), document: target() },
  'a worker without document': { self: target(), document: undefined },
  'a host whose window has no events': { self: {}, document: {} },
  'a host without both': { self: undefined, document: undefined },
  'a host where they are null': { self: null, document: null },
})) {
  test(`browser() in ${what}: the client connects and sends`, async (t) => {
    class Socket {
      send(text) {
        const { id, type } = JSON.parse(text)
        const answers = { hello: { type: 'welcome', at: 1, user: li, ping: 25_000, limits: {}, rooms: [state('tea')] },
          send: { type: 'ok', room: 'tea', seq: 1, at: 1, duplicate: false } }
        this.onmessage({ data: JSON.stringify({ ...answers[type], id }) })
      }
      close() {}
      protocol = 'chat.v1'
      constructor() { setImmediate(() => this.onopen()) }
    }
    for (const [name, value] of Object.entries({ ...globals, WebSocket: Socket, localStorage: undefined, sessionStorage: undefined })) {
      const before = Object.getOwnPropertyDescriptor(globalThis, name)
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
      t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]))
    }
    const chat = new Client({ url: 'wss://chat.test/chat', ...browser() })
    t.after(() => chat.close())
    chat.connect()
    chat.join('tea')
    assert.equal((await chat.send('tea', 'a')).seq, 1)
    globals.self?.dispatchEvent?.(new Event('online'))
    globals.document?.dispatchEvent?.(new Event('visibilitychange'))
  })
}

const storages = {
  undefined: undefined,
  null: null,
  'without methods': {},
  'whose methods are null': { getItem: null, setItem: null, removeItem: null },
  'that throws': { getItem: fail, setItem: fail, removeItem: fail },
  'that throws when it reads': Object.assign(new FakeStorage(), { getItem: fail }),
  'that is full': Object.assign(new FakeStorage(), { setItem: fail }),
  'that does not delete': Object.assign(new FakeStorage(), { removeItem: fail }),
  'that forgets': { getItem: () => null, setItem() {}, removeItem() {} },
  'of another type': { getItem: () => ({}), setItem() {}, removeItem() {} },
  'that is damaged': { getItem: (name) => (name.endsWith('token') ? null : '{"key'), setItem() {}, removeItem() {} },
  'with damaged messages': { getItem: (name) => (name.endsWith('token') ? null : JSON.stringify([{ room: 'tea', key: 'k' },
    { room: 'tea', key: 'k', body: 1, state: 'lost' }, { room: 'tea', body: 1, state: 'sending' }, { key: 'k', body: 1, state: 'sending' }])),
    setItem() {}, removeItem() {} },
  'of something else': { getItem: (name) => (name.endsWith('token') ? null : '[null, 7, {"key": 1}]'), setItem() {}, removeItem() {} },
}
for (const [what, storage] of Object.entries(storages)) {
  test(`storage ${what}: messages are sent, in order, and the guest stays`, async () => {
    const fixture = new Fixture({ storage })
    fixture.chat.join('tea')
    const sent = [fixture.chat.send('tea', 'a'), fixture.chat.send('tea', 'b')]
    fixture.welcome({ token: 'guest', rooms: [state('tea')] })
    for (const seq of [1, 2]) fixture.socket.answer('send', { type: 'ok', room: 'tea', seq, at: seq, duplicate: false })
    assert.deepEqual((await Promise.all(sent)).map(({ seq }) => seq), [1, 2])
    assert.deepEqual(fixture.chat.outbox.messages, [])
    fixture.socket.drop()
    fixture.clock.advance(500)
    fixture.socket.open()
    assert.equal(fixture.socket.sent[0].token, 'guest')
    fixture.chat.forget()
    assert.ok(fixture.of('error').length <= 1, 'the app hears of it once')
    assert.ok(fixture.of('error').every(({ code }) => code === 'storage'))
  })
}

// Each clock is wrong in one way: time counts from elsewhere, or jumps at each step.
for (const [what, distort] of Object.entries({
  'a year slow': (time) => time - 31_536_000_000,
  'a year fast': (time) => time + 31_536_000_000,
  'that stands still': () => 1,
  'that runs backwards': (time) => 4_000_000_000_000 - time,
})) {
  test(`a clock ${what}: the client sends, reconnects and stays`, async () => {
    const clock = new FakeClock()
    const fixture = new Fixture({ clock: { ...clock, now: () => distort(clock.time) } })
    fixture.clock = clock
    fixture.joinRoom('tea')
    fixture.chat.typing('tea')
    const sent = fixture.chat.send('tea', 'a')
    fixture.socket.answer('send', { type: 'ok', room: 'tea', seq: 1, at: 1, duplicate: false })
    assert.equal((await sent).seq, 1)
    fixture.socket.receive({ type: 'bye', code: 'shutdown', message: '', retry: 1_000 })
    clock.advance(1_500)
    await ticks()
    assert.equal(fixture.sockets.length, 2)
    fixture.welcome({ rooms: [state('tea')] })
    assert.equal(fixture.chat.state, 'online')
  })
}
