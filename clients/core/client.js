import { Emitter } from './emitter.js'
import { encode, exceeds, randomKey } from './encode.js'
import { Link, lost } from './link.js'
import { Outbox } from './outbox.js'
import { ChatError, Outcome } from './outcome.js'
import { Rooms } from './rooms.js'
import { Store } from './store.js'
import { system, Timer } from './timer.js'

const shortest = 500 // of the back-off's first range
const longest = 20_000
const typingEvery = 3_000
const helloRooms = 48 * 1024 // bytes; a server takes 64 KiB, and there is the token
const fresh = 3_000 // a connection that is younger is not doubted

// Client is one user's conversation with a server, over any number of
// connections. The README describes what it does, index.d.ts what it offers.
export class Client extends Emitter {
  constructor({ url, transport, storage, watch, token, device, name, avatar, clock }) {
    super()
    this.url = url
    this.transport = transport
    this.watch = watch
    this.askToken = typeof token === 'string' ? () => token : token
    this.name = name
    this.avatar = avatar
    this.clock = { ...system, ...clock }
    this.device = device ?? randomKey(this.clock.random)

    this.wanted = false // connect was called, and nothing has ended it
    this.reason = undefined // what ended it
    this.suspended = false
    this.resuming = false // suspended, while a probe is under way
    this.told = 'offline' // the state that the listeners know
    this.online = [] // outcomes of connect
    this.failures = 0 // connections in a row that saw no welcome
    this.wait = 0 // what the last goodbye asked for,
    this.endedAt = 0 // and when
    this.again = new Timer(this.clock)
    this.typed = new Map() // by room: when typing was last said

    this.store = new Store(storage, url, (cause) => this.storageFailed(cause))
    this.token = undefined
    this.refusal = undefined // why the last token was not accepted
    this.places = new Rooms(this)
    this.outbox = new Outbox(this)
  }

  get state() {
    if (!this.wanted) return this.reason ? 'closed' : 'offline'
    if (this.suspended) return 'suspended'
    if (!this.link) return 'offline'
    return this.link.welcomed ? 'online' : 'connecting'
  }

  // rooms are the rooms that the user is in or wants to be in, by name.
  get rooms() {
    return this.places.byName
  }

  // connect goes online and stays so until close is called or the server says
  // that it is of no use.
  connect() {
    const outcome = new Outcome()
    if (this.state === 'online') {
      outcome.resolve(this.user)
      return outcome.promise
    }
    this.online.push(outcome)
    if (!this.wanted) this.refusal = this.reason = undefined
    this.wanted = true
    this.unwatch ??= this.watch?.(this)
    if (this.suspended) this.resume()
    else if (!this.link) this.openSoon()
    return outcome.promise
  }

  close() {
    this.stop({ code: 'closed', message: 'close was called' })
    this.unwatch?.()
    this.unwatch = undefined
  }

  // forget ends the conversation and leaves nothing of the user behind.
  forget() {
    this.close()
    this.outbox.clear()
    this.places.clear()
    this.token = this.user = undefined
    this.store.set('token', '')
  }

  // suspend is for an app that goes to the background. Its connection may last
  // for a while, and isn't missed when it ends.
  suspend() {
    if (!this.wanted) return
    this.suspended = true
    this.resuming = false
    this.again.clear()
    this.link?.rest()
    this.changed()
  }

  // resume is for an app that comes back.
  resume() {
    if (this.suspended && !this.link?.welcomed) {
      this.suspended = false
      this.drop()
      this.openSoon()
    } else {
      this.resuming = this.suspended
      this.check()
    }
  }

  // check is for when the connection may have suffered, as when the phone has
  // changed networks: what doesn't answer soon is opened anew.
  check() {
    if (!this.wanted || (this.suspended && !this.resuming)) return
    const { link } = this
    if (link?.welcomed) return link.probe()
    if (link && this.clock.now() - link.since < fresh) return
    this.drop()
    this.openSoon()
  }

  join(room, place) {
    return this.places.join(room, place)
  }

  leave(room) {
    return this.places.leave(room)
  }

  // send says something in a room, now or when the client is online again.
  send(room, body, { key } = {}) {
    return this.outbox.send(room, body, key)
  }

  retry(key) {
    return this.outbox.retry(key)
  }

  discard(key) {
    this.outbox.discard(key)
  }

  history(room, { before, after, limit } = {}) {
    return this.request('history', { room, before, after, limit }, (page) => {
      for (const entry of page.entries) this.outbox.recognize(entry)
    })
  }

  recall(room, seq) {
    return this.request('recall', { room, seq })
  }

  read(room, seq) {
    return this.request('read', { room, seq }, (answer) => this.marked(answer))
  }

  // typing may be called with each letter.
  typing(room) {
    const now = this.clock.now()
    if (!this.rooms.get(room)?.entered || now - (this.typed.get(room) ?? -Infinity) < typingEvery) return
    this.typed.set(room, now)
    this.link.tell('typing', { room })
  }

  who(room) {
    return this.request('who', { room })
  }

  renew(token) {
    return this.request('renew', { token }, () => {
      this.token = token
    })
  }

  // request says any command and returns its answer. It is not repeated: where
  // the connection is lost meanwhile, it may or may not have been carried out.
  // note, if given, sees the answer first.
  request(type, fields, note) {
    const outcome = new Outcome()
    if (this.link?.welcomed) {
      this.link.ask(type, fields, (answer) => {
        if (answer.type === 'error') return outcome.reject(answer)
        note?.(answer)
        outcome.resolve(answer)
      })
    } else {
      outcome.reject({ code: 'offline', message: 'there is no connection', retry: 0 })
    }
    return outcome.promise
  }

  // openSoon opens a connection, at once unless a goodbye asked to wait.
  openSoon() {
    const wait = Math.min(this.wait, this.endedAt + this.wait - this.clock.now())
    if (wait <= 0) return this.open()
    this.again.set(wait, () => this.open())
    this.changed({ retry: wait })
  }

  open() {
    this.again.clear()
    this.drop()
    const link = new Link(this.clock, {
      open: () => this.greet(link),
      frame: (frame) => this.hear(frame),
      alive: () => this.alive(),
      end: (reason) => this.ended(link, reason),
    })
    this.link = link
    this.changed()
    this.token ??= this.askToken ? undefined : this.store.get('token')
    if (this.token || !this.askToken) link.open(this.transport, this.url)
    else this.fetchToken(link)
  }

  // fetchToken asks the app for the token. Without one the user is a guest.
  async fetchToken(link) {
    try {
      const token = await this.askToken(this.refusal)
      this.token = token || this.store.get('token')
    } catch (cause) {
      this.tokenFailed(cause)
      return link.end(lost)
    }
    link.open(this.transport, this.url)
  }

  greet(link) {
    const { token, device, name, avatar } = this
    // What doesn't fit into a frame is joined behind welcome.
    let rooms = this.places.places()
    while (exceeds(encode(rooms), helloRooms)) rooms = rooms.slice(0, rooms.length / 2)
    link.ask('hello', { token, device, name, avatar, rooms }, (answer) => {
      if (answer.type === 'welcome') return this.welcome(link, answer)
      // One bad name must not keep the user from all other rooms.
      const [, i] = /^rooms\[(\d+)]/.exec(answer.field) ?? []
      const room = i && this.rooms.get(rooms[i]?.room)
      if (!room) return link.end(answer)
      this.places.turnedAway(room, { ...answer, retry: false })
      if (!link.over) this.greet(link)
    })
  }

  welcome(link, frame) {
    link.welcome(frame)
    this.failures = this.wait = 0
    this.refusal = undefined
    this.user = frame.user
    this.session = frame.session
    this.limits = frame.limits
    if (frame.token) {
      this.token = frame.token
      this.store.set('token', frame.token)
    }
    this.outbox.claim(frame.user.id)
    for (const outcome of this.online.splice(0)) outcome.resolve(frame.user)
    this.changed()
    this.places.welcome(link, frame.rooms)
  }

  alive() {
    if (this.resuming) this.suspended = this.resuming = false
    this.changed()
  }

  // drop gives up the connection, if there is one.
  drop() {
    const { link } = this
    if (!link) return
    this.link = undefined
    this.places.lost()
    this.outbox.lost()
    link.end(lost)
  }

  // ended decides whether to come back after the end of a connection, and when.
  ended(link, reason) {
    if (this.link !== link) return
    this.drop()
    this.endedAt = this.clock.now()
    this.wait = reason.retry || 0
    if (reason.retry === false && !this.mayRenew(reason)) return this.stop(reason)
    if (this.resuming) this.suspended = this.resuming = false
    const wait = this.wait + this.clock.random() * Math.min(longest, shortest * 2 ** this.failures++)
    if (!this.suspended) this.again.set(wait, () => this.open())
    this.changed({ code: reason.code, message: reason.message, retry: wait })
  }

  // mayRenew tells whether another token may help. The app is asked for one, once.
  mayRenew({ code }) {
    if (code !== 'bad_token' && code !== 'expired') return false
    const first = !this.refusal
    this.refusal = code
    this.token = undefined
    return Boolean(this.askToken && first)
  }

  // stop ends the conversation until connect is called.
  stop({ code, message }) {
    this.wanted = this.suspended = this.resuming = false
    this.reason = { code, message, retry: false }
    this.wait = 0
    this.again.clear()
    this.drop()
    this.outbox.releaseAll()
    for (const outcome of this.online.splice(0)) outcome.reject(this.reason)
    this.changed(this.reason)
  }

  // changed tells the listeners when the state has become another.
  changed(why) {
    const { state } = this
    if (state === this.told) return
    this.told = state
    this.emit('state', { state, ...why })
  }

  // hear takes a frame that answers nothing.
  hear(frame) {
    const { type } = frame
    if (heard[type]) heard[type](this, frame)
    else if (frame.room && frame.seq && frame.at) this.places.hear(frame)
  }

  // marked takes where the user's read mark stands now. The server may have
  // counted entries that are still on their way.
  marked(frame) {
    const room = this.rooms.get(frame.room)
    if (!room) return
    room.read = frame.seq
    room.unread = Math.min(frame.unread, Math.max(0, room.seq - frame.seq))
    this.emit('read', { room: room.room, seq: room.read, unread: room.unread })
  }

  async expiring(frame) {
    this.emit('expiring', frame)
    try {
      const token = await this.askToken?.('expiring')
      if (token) await this.renew(token)
    } catch (cause) {
      this.tokenFailed(cause)
    }
  }

  tokenFailed(cause) {
    this.emit('error', new ChatError({ code: 'no_token', message: `no token: ${cause?.message}`, retry: 0 }))
  }

  // storageFailed tells that what is kept will not outlive the app. It is told
  // late, so that whoever made the client can listen first.
  async storageFailed(cause) {
    await undefined
    this.emit('error', new ChatError({ code: 'storage', message: `storage: ${cause?.message}` }))
  }
}

// What is heard besides answers and entries.
const heard = {
  __proto__: null, // the server names the key
  bye: (chat, frame) => chat.link.end(frame),
  error: (chat, frame) => chat.emit('error', new ChatError(frame)),
  expiring: (chat, frame) => chat.expiring(frame),
  removed: (chat, frame) => chat.places.removed(frame),
  read: (chat, frame) => chat.marked(frame),
  typing: (chat, frame) => chat.emit('typing', frame),
  muted(chat, frame) {
    if (frame.for === 0) chat.outbox.releaseAll()
    chat.emit('muted', frame)
  },
  presence(chat, frame) {
    const room = chat.rooms.get(frame.room)
    if (!room) return
    room.members = frame.members
    chat.emit('presence', frame)
  },
}
