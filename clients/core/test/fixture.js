// A client whose clock, sockets and storage are fakes that the test controls.
import assert from 'node:assert/strict'
import { Client } from '../index.js'
import { FakeClock } from './clock.js'

export const url = 'wss://chat.test/chat'
const limits = { message: 65536, text: 2500, page: 100, rooms: 100, recall: 120_000 }

export class Fixture {
  constructor(options = {}) {
    this.clock = new FakeClock()
    this.storage = new FakeStorage()
    this.sockets = []
    this.events = [] // [name, event], as they came
    this.chat = new Client({
      url,
      transport: (...args) => this.connect(...args),
      storage: this.storage,
      clock: this.clock,
      ...options,
    })
    for (const name of ['state', 'message', 'recalled', 'notice', 'room', 'gap', 'removed', 'outbox',
      'presence', 'typing', 'read', 'muted', 'expiring', 'error']) {
      this.chat.on(name, (event) => this.events.push([name, event]))
    }
  }

  connect(url, protocols, on) {
    assert.ok(this.sockets.every(({ closed }) => closed), 'a socket was opened before the last one was closed')
    const socket = new FakeSocket(url, protocols, on)
    this.sockets.push(socket)
    return socket
  }

  // socket is the newest one.
  get socket() {
    return this.sockets.at(-1)
  }

  // of returns the events with a name.
  of(name) {
    return this.events.filter(([type]) => type === name).map(([, event]) => event)
  }

  get states() {
    return this.of('state').map(({ state }) => state)
  }

  // welcome connects if necessary and answers the hello.
  welcome(fields = {}) {
    if (['offline', 'closed'].includes(this.chat.state)) this.chat.connect()
    if (!this.socket.opened) this.socket.open()
    this.socket.answer('hello', { type: 'welcome', session: 's', at: this.clock.now(), user: li, ping: 25_000, limits,
      rooms: [], ...fields })
    return this.socket
  }

  // joinRoom brings the client online and makes it live in a room.
  joinRoom(room = 'tea', fields = {}) {
    if (this.chat.state !== 'online') this.welcome()
    this.chat.join(room)
    this.socket.answer('join', { type: 'joined', ...state(room, fields) })
    return this.socket
  }
}

export const li = { id: 'u-li', name: 'Li' }
export const bo = { id: 'u-bo', name: 'Bo' }

// state returns a room's state, as in welcome and joined.
export function state(room, fields = {}) {
  const entries = fields.entries ?? []
  return { room, epoch: 'e1', last: entries.at(-1)?.seq ?? 0, entries, more: false, gap: false, members: 1, read: 0,
    unread: entries.length, write: true, moderate: false, ...fields }
}

// message returns an entry of type message.
export function message(seq, fields = {}) {
  return { type: 'message', room: 'tea', seq, at: 1_700_000_000_000 + seq, from: bo, body: `${seq}`, ...fields }
}

class FakeSocket {
  constructor(url, protocols, on) {
    Object.assign(this, { url, protocols, on, sent: [], closed: 0, opened: false })
  }

  send(text) {
    assert.ok(this.opened && !this.closed, 'send on a socket that is not open')
    this.sent.push(JSON.parse(text))
  }

  close() {
    this.closed++
  }

  open(protocol = 'chat.v1') {
    this.opened = true
    this.on.open(protocol)
  }

  // receive delivers a frame of the server.
  receive(frame) {
    this.on.message(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  // commands returns the frames of a type that the client sent.
  commands(type) {
    return this.sent.filter((frame) => frame.type === type)
  }

  // answer delivers the answer to the newest command of a type.
  answer(type, frame) {
    const command = this.commands(type).at(-1)
    assert.ok(command, `no ${type} was sent`)
    this.receive({ ...frame, id: command.id })
  }

  // drop ends the connection with a close event.
  drop() {
    this.on.close()
  }
}

export class FakeStorage {
  constructor() {
    this.texts = new Map()
  }

  getItem(name) {
    return this.texts.get(name) ?? null
  }

  setItem(name, text) {
    assert.equal(typeof text, 'string')
    this.texts.set(name, text)
  }

  removeItem(name) {
    this.texts.delete(name)
  }

  // of returns the value of a key without its prefix, parsed as JSON.
  of(name) {
    const text = this.texts.get(`caddy-chat ${url} ${name}`)
    return text && JSON.parse(text)
  }
}

// ticks waits until pending promises are settled.
export const ticks = () => new Promise(setImmediate)

// refusal checks the error of a rejected promise.
export const refusal = (code, retry = false) => (err) => {
  assert.equal(err.name, 'ChatError')
  assert.deepEqual({ code: err.code, retry: err.retry }, { code, retry })
  return true
}
