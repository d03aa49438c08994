import { makeConnection } from './connection.js'
import { Deferred, rejected } from './deferred.js'
import { Emitter } from './emitter.js'
import { randomKey } from './encode.js'
import { ChatError } from './error.js'
import { demand } from './link.js'
import { makeOutbox } from './outbox.js'
import { checkEntry, makeRooms } from './rooms.js'
import { makeStore } from './store.js'
import { systemClock } from './timer.js'

const typingInterval = 3_000

// Client keeps one user connected to a server, over any number of connections. The
// README describes what it does, index.d.ts its interface.
export class Client extends Emitter {
  constructor(options) {
    super()
    const { url, clock } = options
    if (!/^wss?:\/\/[^\s/?#]+[^\s#]*$/i.test(url)) throw new TypeError(`url must begin with ws:// or wss://: ${url}`)
    if (typeof options.transport !== 'function') throw new TypeError('there is no transport')
    this.name = options.name
    this.avatar = options.avatar
    this.clock = { ...systemClock, ...(clock?.now && { monotonic: clock.now }), ...clock }
    this.ahead = this.clock.now() - this.clock.monotonic() // of the server's clock, once it is known
    this.late = 0 // at most so long before the last welcome the server said its time, in milliseconds
    this.reported = new Set() // the codes of errors that are emitted once; of unreachable, once for each connect
    this.store = makeStore(options.storage, url, (cause) => this.report({ code: 'storage', message: `storage: ${cause?.message}` }))
    // Each part adds its own methods to the client, such as join and leave.
    this.outbox = makeOutbox(this)
    this.roomSet = makeRooms(this)
    this.listPart = options.list?.(this)
    this.connection = makeConnection(this, options)
  }

  get state() {
    return this.connection.state
  }

  // now returns the time by the server's clock, as far as it is known: the clock of
  // the device may be wrong, and may be set while the client runs.
  now() {
    return this.clock.monotonic() + this.ahead
  }

  // forget closes the client and deletes everything it knows of the user.
  forget() {
    this.close()
    this.outbox.clear()
    for (const room of [...this.rooms.keys()]) this.leave(room)
    this.user = undefined
    this.listPart?.forget()
    this.connection.forget()
  }

  history(room, range) {
    return this.request('history', { room, ...range }, (answer) => {
      answer.entries.forEach(checkEntry)
      for (const entry of answer.entries) this.outbox.confirm(entry)
    })
  }

  recall(room, seq) {
    return this.request('recall', { room, seq })
  }

  // edit replaces the body of a message.
  edit(room, seq, body) {
    return this.request('edit', { room, seq, body })
  }

  // tag adds a reaction or, with shared, a mark of the room's moderators; false removes it.
  tag(room, seq, tag, value = true, shared) {
    return this.request('tag', { room, seq, tag, value, shared })
  }

  read(room, seq) {
    return this.request('read', { room, seq }, (answer) => this.roomSet.read(answer))
  }

  // typing may be called with every key press.
  typing(room) {
    const known = this.rooms.get(room)
    const now = this.clock.monotonic()
    if (!known?.joined || Math.abs(now - known.typedAt) < typingInterval) return
    known.typedAt = now
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

  // create founds a group. The same key means the same room, so it may be repeated.
  create({ key = randomKey(this.clock.random), ...fields } = {}) {
    return this.request('create', { key, ...fields })
  }

  // direct returns the conversation of two, with a user's id.
  direct(user) {
    return this.request('create', { direct: user })
  }

  members(room, range) {
    return this.request('members', { room, ...range })
  }

  // member gives users a role; none removes them.
  member(room, users, role) {
    return this.request('member', { room, users: [].concat(users), role })
  }

  // quit ends the membership, which leave does not.
  quit(room) {
    return this.member(room, this.user?.id, 'none')
  }

  info(room, fields) {
    return this.request('info', { room, ...fields })
  }

  set(room, fields) {
    return this.request('set', { room, ...fields })
  }

  // introduce changes what the user wants to be called. Only hello says that, so it
  // takes a new connection.
  introduce({ name, avatar }) {
    this.name = name
    this.avatar = avatar
    this.connection.renew()
  }

  renew(token) {
    return this.request('renew', { token }, () => this.connection.renew(token))
  }

  // request sends any command and returns its answer. It is not repeated: if the
  // connection is lost meanwhile, or the server is uncertain, the command may have
  // been carried out.
  // onAnswer, if given, gets the answer before the promise resolves.
  request(type, fields, onAnswer) {
    if (!this.link?.welcomed) return rejected({ code: 'offline', message: 'there is no connection', retry: 0 })
    const deferred = new Deferred()
    this.link.request(type, fields, (answer) => {
      if (answer.type === 'error') return deferred.reject(answer)
      onAnswer?.(answer)
      deferred.resolve(answer)
    })
    return deferred.promise
  }

  // welcome takes what the server says of the user and of itself.
  welcome(frame) {
    demand(frame.at > 0 && frame.user.id && frame.rooms.length >= 0)
    this.ahead = frame.at - this.clock.monotonic()
    this.late = this.link.age()
    this.user = frame.user
    this.session = frame.session
    this.limits = frame.limits
    this.outbox.setUser(frame.user.id)
  }

  // receive takes a frame that is not an answer.
  receive(frame) {
    const { type } = frame
    const room = this.rooms.get(frame.room)
    if (type === 'bye') this.link.end(frame)
    else if (type === 'error') frame.code === 'bad_answer' ? this.report(frame) : this.fail(frame)
    else if (type === 'removed') room && this.roomSet.refuse(room, frame)
    else if (type === 'read') this.roomSet.read(frame)
    else if (type === 'row' || type === 'head') this.listPart?.receive(frame)
    else if (frame.seq && frame.at) room && this.roomSet.receive(room, frame) // also of a type that it does not know
    else if (/^(presence|typing|erased|muted|expiring)$/.test(type)) {
      if (type === 'typing') demand(frame.from.id)
      if (type === 'erased') demand(frame.user)
      if (type === 'presence') {
        demand(frame.joined.length + frame.left.length >= 0)
        if (!room) return
        room.members = frame.members
      }
      if (frame.for === 0) this.outbox.resumeAll() // a mute was lifted
      this.emit(type, frame)
      if (type === 'expiring') this.connection.expiring()
    }
  }

  // fail emits an error that rejects no promise.
  fail(error) {
    this.emit('error', new ChatError(error))
  }

  // report does so once for each code.
  report(error) {
    if (!this.reported.has(error.code)) this.fail(error)
    this.reported.add(error.code)
  }
}
