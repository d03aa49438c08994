// A model of a chat.v1 server, and a network that delays, loses, duplicates and
// swaps frames. The server implements the part of PROTOCOL.md that the schedules
// need.

const limits = { message: 65536, text: 2500, page: 4, rooms: 100, recall: 120_000 }

export class ModelServer {
  constructor(clock) {
    this.clock = clock
    this.rooms = new Map()
    this.sessions = new Set()
    this.recorded = [] // every message by a client: { room, epoch, user, key }
    this.lastUser = 0
    this.epochs = 0
    this.transientErrors = true // whether commands fail at random
    this.others = () => {} // what others do in a room while an answer is made
  }

  chance(p) {
    return this.clock.random() < p
  }

  room(name) {
    if (!this.rooms.has(name)) this.rooms.set(name, { name, epoch: `e${++this.epochs}`, last: 0, entries: [], all: [], keys: new Map(), now: new Map() })
    return this.rooms.get(name)
  }

  // append records an entry and sends it to all sessions that are live in the room.
  append(room, fields) {
    const entry = { type: 'message', room: room.name, seq: ++room.last, at: Math.floor(this.clock.now()), ...fields }
    room.entries.push(entry)
    room.all.push(entry) // kept even after truncate
    if (entry.type === 'message') room.now.set(entry.seq, { body: entry.body, tags: [] })
    for (const session of this.sessions) {
      if (session.rooms.get(room.name)) session.hear(entry)
    }
    return entry
  }

  // change records an entry about a message, of the type edited, tagged or recalled.
  // It returns undefined if there is nothing to change.
  change(room, { target, ...fields }) {
    const { type, from, body, tag, value, shared } = fields
    const now = room.now.get(target)
    if (!now || now.recalled || target <= room.last - room.entries.length) return
    const user = shared ? '' : from.id
    if (type === 'edited') {
      now.body = body
      now.edited = room.last + 1
    } else if (type === 'recalled') {
      room.now.set(target, { recalled: true, tags: [] })
    } else {
      const others = now.tags.filter((it) => it.tag !== tag || it.user !== user)
      if (now.tags.some((it) => it.tag === tag && it.user === user && it.value === value)) return
      if (value === false && others.length === now.tags.length) return
      now.tags = value === false ? others : [...others, { tag, user, value }]
    }
    return this.append(room, { target, ...fields })
  }

  // tagsOf returns the tags of a message as a user is shown them.
  tagsOf({ tags }, me) {
    const names = [...new Set(tags.filter(({ user }) => user).map(({ tag }) => tag))]
    const personal = names.map((name) => {
      const users = tags.filter(({ tag, user }) => tag === name && user).map(({ user }) => user)
      return { tag: name, users: users.length, mine: users.includes(me), some: users.slice(0, 3) }
    })
    return [...tags.filter(({ user }) => !user).map(({ tag, value }) => ({ tag, value })), ...personal]
  }

  // shown returns an entry as a page has it: as it is now.
  shown(room, entry, me) {
    const now = room.now.get(entry.type === 'edited' ? entry.target : entry.seq)
    if (entry.type === 'edited') return { ...entry, body: entry.target > room.last - room.entries.length ? now.body : undefined }
    if (!now) return entry
    const { body, edited, recalled } = now
    const tags = this.tagsOf(now, me)
    return { ...entry, body, edited, recalled, tags: tags.length ? tags : undefined }
  }

  pins(room) {
    const pinned = room.entries.filter(({ seq }) => room.now.get(seq)?.tags.some(({ tag, user }) => tag === 'pin' && !user))
    return pinned.length ? pinned.map(({ seq }) => seq) : undefined
  }

  // truncate drops the oldest entries.
  truncate(room, count) {
    room.entries.splice(0, count)
  }

  // restart ends every connection, and may lose the journal.
  restart({ loseJournal, sayBye }) {
    for (const session of [...this.sessions]) {
      if (sayBye) session.bye('shutdown', 100)
      else session.end()
    }
    if (loseJournal) this.rooms.clear()
  }

  // stateOf returns a room's state for a client that has the entries up to after. Their
  // tags are read later than the entries themselves.
  stateOf(room, { epoch, after }, me) {
    const { last } = room
    const read = [...room.entries]
    this.others(room)
    const entries = read.map((entry) => this.shown(room, entry, me))
    const oldest = last - entries.length
    const state = { room: room.name, epoch: room.epoch, last, members: 1, read: 0, unread: 0, write: true, moderate: false, pins: this.pins(room) }
    const newest = { ...state, entries: entries.slice(-limits.page), more: false, gap: false }
    if (after === undefined) return newest
    if (epoch !== room.epoch || after > last || after < oldest) return { ...newest, gap: true }
    const following = entries.slice(after - oldest)
    return { ...state, entries: following.slice(0, limits.page), more: following.length > limits.page, gap: false }
  }
}

// Session is the server's side of one connection.
class Session {
  constructor(server, send, end) {
    Object.assign(this, { server, send, end: () => { server.sessions.delete(this); end() }, rooms: new Map() })
    this.held = undefined // the entries that the session hears after the answer that is being made
  }

  hear(entry) {
    if (this.held) this.held.push(entry)
    else this.send(entry)
  }

  receive(frame) {
    const answer = this[`on_${frame.type}`]?.(frame)
    if (answer) this.send({ ...answer, id: frame.id })
    const held = this.held ?? []
    this.held = undefined
    for (const entry of held) if (this.rooms.get(entry.room)) this.send(entry)
  }

  bye(code, retry) {
    this.send({ type: 'bye', code, message: '', retry })
    this.end()
  }

  on_hello({ token, device, rooms }) {
    const { server } = this
    this.user = { id: token ?? `u${++server.lastUser}`, name: '', guest: true }
    for (const other of [...server.sessions]) {
      if (other.user.id === this.user.id && other.device === device) other.bye('replaced', false)
    }
    this.device = device
    server.sessions.add(this)
    const states = rooms.map((fields) => {
      if (server.transientErrors && server.chance(0.05)) return { room: fields.room, code: 'unavailable', message: '', retry: 500 }
      const state = this.join(fields)
      if (fields.after !== undefined && !state.gap && server.chance(0.1)) {
        Object.assign(state, { more: state.more || state.entries.length > 0, entries: [] }) // they did not fit
        this.rooms.set(fields.room, !state.more)
      }
      return state
    })
    return { type: 'welcome', session: 's', at: server.clock.now(), user: this.user, token: this.user.id, ping: 25_000, limits,
      rooms: states }
  }

  join(fields) {
    this.held ??= []
    this.rooms.set(fields.room, true)
    const state = this.server.stateOf(this.server.room(fields.room), fields, this.user.id)
    this.rooms.set(fields.room, !state.more)
    return state
  }

  on_join(fields) {
    return this.transientError() ?? { type: 'joined', ...this.join(fields) }
  }

  on_leave({ room }) {
    this.rooms.delete(room)
    return { type: 'ok', room }
  }

  on_send({ id, room: name, key, body }) {
    const { server } = this
    if (!this.rooms.has(name)) return { type: 'error', code: 'not_joined', message: '', retry: false }
    const error = this.transientError()
    if (error) return error
    if (server.transientErrors && server.chance(0.03)) return { type: 'error', code: 'forbidden', message: '', retry: false }
    const room = server.room(name)
    const mine = `${this.user.id} ${key}`
    const before = room.keys.get(mine)
    if (before) return { type: 'ok', room: name, ...before, duplicate: true }
    server.recorded.push({ room: name, epoch: room.epoch, user: this.user.id, key })
    const ok = (seq) => this.send({ type: 'ok', id, room: name, seq, at: server.clock.now(), duplicate: false })
    const early = server.chance(0.5)
    if (early) ok(room.last + 1)
    const { seq, at } = server.append(room, { from: this.user, key, body })
    room.keys.set(mine, { seq, at })
    if (!early) ok(seq)
  }

  on_edit({ room, seq, body }) {
    return this.change(room, seq, { type: 'edited', body })
  }

  on_tag({ room, seq, tag, value, shared }) {
    return this.change(room, seq, { type: 'tagged', tag, value, shared })
  }

  on_recall({ room, seq }) {
    return this.change(room, seq, { type: 'recalled' })
  }

  // change does not say whether anything has changed, and needs no one to have joined.
  change(room, target, fields) {
    this.server.change(this.server.room(room), { target, from: this.user, ...fields })
    return { type: 'ok', room, duplicate: false }
  }

  on_history({ room: name, before = Infinity, limit = limits.page }) {
    const room = this.server.room(name)
    const older = room.entries.filter(({ seq }) => seq < before)
    const read = older.slice(-Math.min(limit, limits.page))
    // What others do meanwhile is heard before the answer or after it, whether or not it was
    // done when the tags were read.
    const early = this.server.chance(0.5)
    if (this.server.chance(0.5)) this.held = []
    if (early) this.server.others(room)
    const newest = read.map((entry) => this.server.shown(room, entry, this.user.id))
    if (!early) this.server.others(room)
    return { type: 'history', room: name, epoch: room.epoch, entries: newest, more: newest.length < older.length }
  }

  on_ping() {
    return { type: 'pong' }
  }

  transientError() {
    if (!this.server.transientErrors || !this.server.chance(0.05)) return
    return { type: 'error', code: 'too_fast', message: '', retry: 200 }
  }
}

// Network transmits frames between clients and the server, with a delay of up to
// 200 ms. Its faults are probabilities:
//
//	refuse        a connection fails while it opens
//	die           with each frame: the connection fails silently
//	duplicate     a frame of the server is delivered twice
//	swap          two frames of the server change their order
//	afterClose    a connection delivers frames after the client has closed it
export class Network {
  constructor(server, clock) {
    this.server = server
    this.clock = clock
    this.faults = { refuse: 0, die: 0, duplicate: 0, swap: 0, afterClose: 0 }
    this.open = new Set()
    this.transport = (url, protocols, on) => new Connection(this, on)
  }

  // cut ends every connection, with a close event or without one.
  cut(silently) {
    for (const connection of [...this.open]) connection.cut(silently)
  }
}

class Connection {
  constructor(network, on) {
    const { clock, server } = network
    Object.assign(this, { network, clock, on, dead: false, queues: { up: [], down: [] }, busy: { up: 0, down: 0 } })
    network.open.add(this)
    this.session = new Session(server, (frame) => this.transmit('down', JSON.stringify(frame)), () => this.transmit('down', null))
    this.later(() => {
      if (this.dead) return
      if (this.chance('refuse')) return this.cut(this.chance('die'))
      on.open('chat.v1')
    })
  }

  chance(fault) {
    return this.clock.random() < this.network.faults[fault]
  }

  later(run, due = this.clock.now() + this.clock.random() * 200) {
    this.clock.setTimeout(run, due - this.clock.now())
  }

  send(text) {
    this.transmit('up', text)
  }

  // transmit delivers in order, unless a fault swaps two frames.
  transmit(way, text) {
    if (this.dead) return
    if (this.chance('die')) return this.cut(true)
    this.queues[way].push(text)
    this.busy[way] = Math.max(this.busy[way], this.clock.now() + this.clock.random() * 200)
    this.later(() => this.deliver(way), this.busy[way])
  }

  deliver(way) {
    if (this.dead) return
    const queue = this.queues[way]
    if (way === 'down' && queue.length > 1 && queue[1] !== null && this.chance('swap')) queue.unshift(...queue.splice(1, 1))
    const text = queue.shift()
    if (text === undefined) return
    if (way === 'up') return this.session.receive(JSON.parse(text))
    if (text === null) return this.cut(false)
    this.on.message(text)
    if (!this.dead && this.chance('duplicate')) this.on.message(text)
  }

  // cut ends the connection, and tells the client unless silently is true. The
  // server's session ends, too.
  cut(silently) {
    if (this.dead) return
    this.dead = true
    this.network.server.sessions.delete(this.session)
    if (!silently) this.on.close()
  }

  // close is called by the client. With the fault afterClose the frames in flight
  // are still delivered: the client must ignore them.
  close() {
    this.dead = this.dead || !this.chance('afterClose')
    this.queues.up = []
    this.transmit = () => {}
    this.network.open.delete(this)
    this.network.server.sessions.delete(this.session)
  }
}
