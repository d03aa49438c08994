import { Deferred } from './deferred.js'
import { Emitter } from './emitter.js'
import { encode, exceedsBytes, randomKey } from './encode.js'
import { ChatError } from './error.js'
import { Link, lost } from './link.js'
import { Outbox } from './outbox.js'
import { Rooms } from './rooms.js'
import { Store } from './store.js'
import { systemClock, Timer } from './timer.js'

const firstBackoff = 500 // the range of the first back-off; it doubles with each failure
const maxBackoff = 20_000
const typingInterval = 3_000
const maxHelloRooms = 48 * 1024 // bytes; a server takes 64 KiB, and the token needs some
const hintAfter = 3 // failures of the first connection
const youngLink = 3_000 // check does not replace a younger connection

// Client keeps one user connected to a server, over any number of connections. The
// README describes what it does, index.d.ts its interface.
export class Client extends Emitter {
  constructor({ url, transport, storage, watch, token, device, name, avatar, clock }) {
    super()
    if (!/^wss?:\/\//i.test(url)) throw new TypeError(`url is ${url}: it must begin with ws:// or wss://`)
    if (typeof transport !== 'function') throw new TypeError('there is no transport: pass that of a platform, as in ...browser()')
    this.url = url
    this.transport = transport
    this.watch = watch
    this.getToken = typeof token === 'string' ? () => token : token
    this.name = name
    this.avatar = avatar
    this.clock = { ...systemClock, ...clock }
    this.device = device ?? randomKey(this.clock.random)

    this.ahead = 0 // how far the server's clock is ahead of ours
    this.started = false // connect was called, and the client is not closed
    this.reason = undefined // why the client is closed
    this.suspended = false
    this.resuming = false // suspended, and a probe is under way
    this.lastState = 'offline' // the state that was emitted last
    this.connects = [] // the Deferreds of connect
    this.failures = 0 // connections in a row without a welcome
    this.hinted = false // since connect: an error event has said what to look at
    this.byeRetry = 0 // the wait that the last bye asked for,
    this.endedAt = 0 // and when it came
    this.timer = new Timer(this.clock) // the next attempt
    this.typingSent = new Map() // by room: when typing was sent last

    this.store = new Store(storage, url, (cause) => this.storageFailed(cause))
    this.token = undefined
    this.tokenError = undefined // the code with which the last token was refused
    this.roomSet = new Rooms(this)
    this.outbox = new Outbox(this)
  }

  get state() {
    if (!this.started) return this.reason ? 'closed' : 'offline'
    if (this.suspended) return 'suspended'
    if (!this.link) return 'offline'
    return this.link.welcomed ? 'online' : 'connecting'
  }

  // now returns the time by the server's clock, as far as it is known: the clock of
  // the device may be wrong.
  now() {
    return this.clock.now() + this.ahead
  }

  // rooms are the rooms that the user is in or wants to be in, by name.
  get rooms() {
    return this.roomSet.byName
  }

  // connect goes online and stays online until close is called or the server says
  // that reconnecting is useless.
  connect() {
    const deferred = new Deferred()
    if (this.state === 'online') {
      deferred.resolve(this.user)
      return deferred.promise
    }
    this.connects.push(deferred)
    if (!this.started) {
      this.tokenError = this.reason = undefined
      this.hinted = false
    }
    this.started = true
    this.unwatch ??= this.watch?.(this)
    if (this.suspended) this.resume()
    else if (!this.link) this.scheduleOpen()
    return deferred.promise
  }

  close() {
    this.stop({ code: 'closed', message: 'close was called' })
    this.unwatch?.()
    this.unwatch = undefined
  }

  // forget closes the client and deletes everything it knows of the user.
  forget() {
    this.close()
    this.outbox.clear()
    this.roomSet.clear()
    this.token = this.user = undefined
    this.store.set('token', '')
  }

  // suspend is called when the app goes to the background. The connection is kept
  // while it lasts, and not reopened when it ends.
  suspend() {
    if (!this.started) return
    this.suspended = true
    this.resuming = false
    this.timer.clear()
    this.link?.pause()
    this.emitState()
  }

  // resume is called when the app comes back to the foreground.
  resume() {
    if (this.suspended && !this.link?.welcomed) {
      this.suspended = false
      this.dropLink()
      this.scheduleOpen()
    } else {
      this.resuming = this.suspended
      this.check()
    }
  }

  // check is called when the connection may be broken, for example after the phone
  // has changed networks. A connection that does not answer soon is replaced.
  check() {
    if (!this.started || (this.suspended && !this.resuming)) return
    const { link } = this
    if (link?.welcomed) return link.probe()
    if (link && this.clock.now() - link.createdAt < youngLink) return
    this.dropLink()
    this.scheduleOpen()
  }

  join(room, from) {
    return this.roomSet.join(room, from)
  }

  leave(room) {
    return this.roomSet.leave(room)
  }

  // send sends a message now, or when the client is online again.
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
    return this.request('history', { room, before, after, limit }, (answer) => {
      for (const entry of answer.entries) this.outbox.confirm(entry)
    })
  }

  recall(room, seq) {
    return this.request('recall', { room, seq })
  }

  read(room, seq) {
    return this.request('read', { room, seq }, (answer) => this.setReadMark(answer))
  }

  // typing may be called with every key press.
  typing(room) {
    const now = this.clock.now()
    const ago = now - this.typingSent.get(room)
    if (!this.rooms.get(room)?.joined || (ago >= 0 && ago < typingInterval)) return // ago < 0: the clock was set back
    this.typingSent.set(room, now)
    this.link.send('typing', { room })
  }

  who(room) {
    return this.request('who', { room })
  }

  // mute, kick and ban take null instead of a room for the whole hub. Without any room
  // the server refuses them: what affects everybody must be asked for.
  mute(room = '', user, duration) {
    return this.request('mute', { room, user, for: duration })
  }

  kick(room = '', user) {
    return this.request('kick', { room, user })
  }

  ban(room = '', user, duration) {
    return this.request('ban', { room, user, for: duration })
  }

  // introduce changes what the user wants to be called. Only hello says that, so it
  // takes a new connection.
  introduce({ name, avatar }) {
    this.name = name
    this.avatar = avatar
    if (!this.link) return
    this.dropLink()
    if (!this.suspended) this.scheduleOpen()
  }

  renew(token) {
    return this.request('renew', { token }, () => {
      this.token = token
    })
  }

  // request sends any command and returns its answer. It is not repeated: if the
  // connection is lost meanwhile, or the server is uncertain, the command may have
  // been carried out.
  // onAnswer, if given, gets the answer before the promise resolves.
  request(type, fields, onAnswer) {
    const deferred = new Deferred()
    if (this.link?.welcomed) {
      this.link.request(type, fields, (answer) => {
        if (answer.type === 'error') return deferred.reject(answer)
        onAnswer?.(answer)
        deferred.resolve(answer)
      })
    } else {
      deferred.reject({ code: 'offline', message: 'there is no connection', retry: 0 })
    }
    return deferred.promise
  }

  // scheduleOpen opens a connection: at once, unless a bye asked to wait.
  scheduleOpen() {
    const wait = Math.min(this.byeRetry, this.endedAt + this.byeRetry - this.clock.now())
    if (wait <= 0) return this.open()
    this.timer.set(wait, () => this.open())
    this.emitState({ retry: wait })
  }

  open() {
    this.timer.clear()
    this.dropLink()
    const link = new Link(this.clock, {
      open: () => this.sendHello(link),
      frame: (frame) => this.receive(frame),
      alive: () => this.probeAnswered(),
      end: (reason) => this.linkEnded(link, reason),
    })
    this.link = link
    this.emitState()
    this.token ??= this.getToken ? undefined : this.store.get('token')
    if (this.token || !this.getToken) link.open(this.transport, this.url)
    else this.fetchToken(link)
  }

  // fetchToken gets the token from the app. Without a token the user is a guest.
  async fetchToken(link) {
    try {
      const token = await this.getToken(this.tokenError)
      this.token = token || this.store.get('token')
    } catch (cause) {
      this.tokenFailed(cause)
      return link.end(lost)
    }
    link.open(this.transport, this.url)
  }

  sendHello(link) {
    const { token, device, name, avatar } = this
    // Rooms that do not fit into the frame are joined after welcome.
    let rooms = this.roomSet.helloRooms()
    while (exceedsBytes(encode(rooms), maxHelloRooms)) rooms = rooms.slice(0, rooms.length / 2)
    link.request('hello', { token, device, name, avatar, rooms }, (answer) => {
      if (answer.type === 'welcome') return this.welcome(link, answer)
      // One invalid room name must not keep the user out of all other rooms.
      const [, i] = /^rooms\[(\d+)]/.exec(answer.field) ?? []
      const room = i && this.rooms.get(rooms[i]?.room)
      if (!room) return link.end(answer)
      this.roomSet.refuse(room, { ...answer, retry: false })
      if (!link.ended) this.sendHello(link)
    })
  }

  welcome(link, frame) {
    link.welcome(frame)
    this.failures = this.byeRetry = 0
    this.ahead = frame.at - this.clock.now() || 0
    this.tokenError = undefined
    this.user = frame.user
    this.session = frame.session
    this.limits = frame.limits
    if (frame.token) {
      this.token = frame.token
      this.store.set('token', frame.token)
    }
    this.outbox.setUser(frame.user.id)
    for (const deferred of this.connects.splice(0)) deferred.resolve(frame.user)
    this.emitState()
    this.roomSet.welcome(link, frame.rooms)
  }

  probeAnswered() {
    if (this.resuming) this.suspended = this.resuming = false
    this.emitState()
  }

  // dropLink gives up the connection, if there is one.
  dropLink() {
    const { link } = this
    if (!link) return
    this.link = undefined
    this.roomSet.linkLost()
    this.outbox.linkLost()
    link.end(lost)
  }

  // linkEnded decides whether to reconnect after a connection has ended, and when.
  linkEnded(link, reason) {
    if (this.link !== link) return
    this.dropLink()
    this.endedAt = this.clock.now()
    this.byeRetry = reason.retry || 0
    if (reason.retry === false && !this.canReplaceToken(reason)) return this.stop(reason)
    if (this.resuming) this.suspended = this.resuming = false
    const wait = this.byeRetry + this.clock.random() * Math.min(maxBackoff, firstBackoff * 2 ** this.failures++)
    if (!this.suspended) this.timer.set(wait, () => this.open())
    this.emitState({ code: reason.code, message: reason.message, retry: wait })
    if (!this.user && !this.hinted && this.failures >= hintAfter) this.hint(reason)
  }

  // hint says what to look at if there never was a connection: platforms do not tell
  // why a WebSocket failed.
  hint({ message }) {
    this.hinted = true
    const url = this.url.split('?')[0]
    this.emit('error', new ChatError({ code: 'unreachable', retry: 0, message: `no connection to ${url}: ${message}. Check the address ` +
      'and its path, the certificate, what the server answers there (403: its origins), and the domains that a mini program may use' }))
  }

  // canReplaceToken reports whether to reconnect with a new token: if the server
  // refused the token, the app is asked for another one, once.
  canReplaceToken({ code }) {
    if (code !== 'bad_token' && code !== 'expired') return false
    const first = !this.tokenError
    this.tokenError = code
    this.token = undefined
    return Boolean(this.getToken && first)
  }

  // stop closes the client until connect is called.
  stop({ code, message }) {
    this.started = this.suspended = this.resuming = false
    this.reason = { code, message, retry: false }
    this.byeRetry = 0
    this.timer.clear()
    this.dropLink()
    this.outbox.resumeAll()
    for (const deferred of this.connects.splice(0)) deferred.reject(this.reason)
    this.emitState(this.reason)
  }

  // emitState emits the state if it has changed.
  emitState(why) {
    const { state } = this
    if (state === this.lastState) return
    this.lastState = state
    this.emit('state', { state, ...why })
  }

  // receive takes a frame that is not an answer.
  receive(frame) {
    const { type } = frame
    if (handlers[type]) handlers[type](this, frame)
    else if (frame.room && frame.seq && frame.at) this.roomSet.receive(frame)
  }

  // setReadMark takes the user's read mark from a read frame or its answer, or from
  // the user's own message: the server's mark follows that a little later, so an older
  // mark is ignored. The server's unread count may include entries that have not
  // arrived yet.
  setReadMark(frame) {
    const room = this.rooms.get(frame.room)
    if (!room || frame.seq < room.read) return
    room.read = frame.seq
    room.unread = Math.min(frame.unread, Math.max(0, room.seq - frame.seq))
    this.emit('read', { room: room.room, seq: room.read, unread: room.unread })
  }

  async expiring(frame) {
    this.emit('expiring', frame)
    try {
      const token = await this.getToken?.('expiring')
      if (token) await this.renew(token)
    } catch (cause) {
      this.tokenFailed(cause)
    }
  }

  tokenFailed(cause) {
    this.emit('error', new ChatError({ code: 'no_token', message: `no token: ${cause?.message}`, retry: 0 }))
  }

  // storageFailed emits an error: what is stored will not survive the app. It waits
  // a moment, since the constructor may call it before the app can listen.
  async storageFailed(cause) {
    await undefined
    this.emit('error', new ChatError({ code: 'storage', message: `storage: ${cause?.message}` }))
  }
}

// handlers take the frames that are neither answers nor entries.
const handlers = {
  __proto__: null, // the key comes from the server
  bye: (chat, frame) => chat.link.end(frame),
  error: (chat, frame) => chat.emit('error', new ChatError(frame)),
  expiring: (chat, frame) => chat.expiring(frame),
  removed: (chat, frame) => chat.roomSet.removed(frame),
  read: (chat, frame) => chat.setReadMark(frame),
  typing: (chat, frame) => chat.emit('typing', frame),
  muted(chat, frame) {
    if (frame.for === 0) chat.outbox.resumeAll()
    chat.emit('muted', frame)
  },
  presence(chat, frame) {
    const room = chat.rooms.get(frame.room)
    if (!room) return
    room.members = frame.members
    chat.emit('presence', frame)
  },
}
