// Each call that a mini program's platform makes of its host may throw, return nothing, fail,
// answer late, twice or never: what was sent arrives, once. The rows are compared with the
// source, so that a new call without a row is a failure.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Client } from '../index.js'
import { miniProgram } from '../platforms/sockettask.js'
import { FakeClock } from './clock.js'
import { li, state, ticks } from './fixture.js'

const broken = 3 // calls of a name that go wrong, before the next one works
const enough = 5 * 60_000 // milliseconds in which all must be well

const fail = () => {
  throw new Error('denied')
}

// The ways in which a call goes wrong: what the host does instead of work, which does and
// returns what the call should. listeners are those of the SocketTask.
const always = {
  throws: fail,
  'returns nothing': () => undefined,
}
const answering = {
  ...always,
  fails: (work, { clock, options }) => void clock.setTimeout(() => options.fail?.({ errMsg: 'fail' }), 10),
  'fails at once': (work, { options }) => void options.fail?.({ errMsg: 'fail' }),
  'fails twice': (work, { options }) => [1, 2].forEach(() => options.fail?.({ errMsg: 'fail' })),
  'works and fails': (work, { options }) => {
    const done = work()
    options.fail?.({ errMsg: 'fail' })
    return done
  },
  'works late': (work, { clock }) => void clock.setTimeout(work, 4000),
}
const listening = {
  ...always,
  'tells everything twice': (work, { twice }) => twice(),
  never: () => undefined,
}

const rows = {
  connectSocket: { ...answering, never: (work, { silent }) => silent(), 'works late': (work, { clock }) => new Promise((resolve) => clock.setTimeout(() => resolve(work()), 4000)) },
  send: answering,
  close: answering,
  onOpen: listening,
  onMessage: listening,
  onError: listening,
  onClose: listening,
  getStorageSync: { ...always, 'returns rubbish': () => ({ not: 'a text' }) },
  setStorageSync: always,
  removeStorageSync: always,
  onAppShow: listening,
  offAppShow: always,
  onAppHide: listening,
  offAppHide: always,
  onNetworkStatusChange: listening,
  offNetworkStatusChange: always,
}

test('these are all calls of the platform', async () => {
  const source = await readFile(new URL('../platforms/sockettask.js', import.meta.url), 'utf8')
  const direct = [...source.matchAll(/\b(?:api|it)\.(\w+)\(/g)].map(([, name]) => name)
  const listened = [...source.matchAll(/\blisten\('(\w+)'/g)].flatMap(([, name]) => [`on${name}`, `off${name}`])
  assert.deepEqual([...new Set([...direct, ...listened])].sort(), Object.keys(rows).sort())
})

// Host is a mini program's global object, with a server behind its sockets. The first calls of
// name go wrong.
class Host {
  constructor(clock, name, wrong) {
    Object.assign(this, { clock, name, wrong, count: 0, keys: [], stored: new Map(), listeners: {} })
    for (const event of ['AppShow', 'AppHide', 'NetworkStatusChange']) {
      this.listeners[event] = []
      this[`on${event}`] = (listener) => this.call(`on${event}`, listener, () => void this.listeners[event].push(listener))
      this[`off${event}`] = (listener) => this.call(`off${event}`, listener, () => { this.listeners[event] = this.listeners[event].filter((it) => it !== listener) })
    }
  }

  call(name, options, work, more) {
    if (name !== this.name || ++this.count > broken) return work()
    return this.wrong(work, { clock: this.clock, options: options ?? {}, twice: () => [1, 2].forEach(work), ...more })
  }

  connectSocket(options) {
    return this.call('connectSocket', options, () => this.task(), { silent: () => this.task(true) })
  }

  task(silent = false) {
    const on = { Open: [], Message: [], Error: [], Close: [] }
    let closed = false
    const tell = (event, detail) => closed || on[event].forEach((listener) => listener(detail))
    const receive = ({ type, id, key, room, rooms = [] }) => {
      const answer = (frame) => tell('Message', { data: JSON.stringify({ id, ...frame }) })
      if (type === 'hello') answer({ type: 'welcome', session: 's', at: 1, user: li, ping: 25_000, limits: { message: 65536, recall: 1 }, rooms: rooms.map(({ room }) => state(room)) })
      if (type === 'ping') answer({ type: 'pong' })
      if (type === 'join') answer({ type: 'joined', ...state(room) })
      if (type !== 'send') return
      const duplicate = this.keys.includes(key)
      if (!duplicate) this.keys.push(key)
      answer({ type: 'ok', room, seq: this.keys.indexOf(key) + 1, at: 4, duplicate })
    }
    const task = {
      send: (options) => this.call('send', options, () => void this.clock.setTimeout(() => closed || receive(JSON.parse(options.data)), 5)),
      close: (options) => this.call('close', options, () => { closed = true }),
    }
    for (const event of Object.keys(on)) task[`on${event}`] = (listener) => this.call(`on${event}`, listener, () => void on[event].push(listener))
    if (!silent) this.clock.setTimeout(() => tell('Open', { header: { 'Sec-WebSocket-Protocol': 'chat.v1' } }), 10)
    this.drop = () => tell('Close', { code: 1006 })
    return task
  }

  getStorageSync(name) {
    return this.call('getStorageSync', name, () => this.stored.get(name) ?? '')
  }

  setStorageSync(name, text) {
    return this.call('setStorageSync', name, () => void this.stored.set(name, text))
  }

  removeStorageSync(name) {
    return this.call('removeStorageSync', name, () => void this.stored.delete(name))
  }
}

// until plays the time until something holds.
async function until(clock, holds, what) {
  for (let time = 0; time < enough; time += 100) {
    await ticks()
    if (holds()) return
    await clock.play(100)
  }
  assert.fail(`not within ${enough} ms: ${what}`)
}

for (const [name, ways] of Object.entries(rows)) {
  for (const [way, wrong] of Object.entries(ways)) {
    test(`${name}: ${way}`, async () => {
      const clock = new FakeClock()
      const host = new Host(clock, name, wrong)
      const chat = new Client({ url: 'wss://chat.test/chat', clock, ...miniProgram(host) })
      const got = []
      const say = (text) => void chat.send('tea', { text }).then(() => got.push(text), (err) => got.push(err))
      chat.on('error', () => {})
      chat.connect()
      chat.join('tea')
      say('one')
      await until(clock, () => got.length === 1, 'the first message is sent')
      host.listeners.AppHide.forEach((listener) => listener())
      host.listeners.AppShow.forEach((listener) => listener())
      host.drop()
      host.listeners.NetworkStatusChange.forEach((listener) => listener())
      say('two')
      await until(clock, () => got.length === 2 && chat.state === 'online', 'the second one is, over another socket')
      assert.deepEqual(got, ['one', 'two'])
      assert.equal(host.keys.length, 2, 'a message was sent twice')
      chat.close()
      assert.equal(chat.state, 'closed')
      for (const told of Object.values(host.listeners)) told.forEach((listener) => listener())
      assert.equal(chat.state, 'closed')
    })
  }
}
