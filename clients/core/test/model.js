// A small server of chat.v1, and a network that does to its frames what networks
// do. It follows PROTOCOL.md as far as the schedules need it.

const limits = { message: 65536, text: 2500, page: 4, rooms: 100, recall: 120_000 }

export class ModelServer {
  constructor(clock) {
    this.clock = clock
    this.rooms = new Map()
    this.sessions = new Set()
    this.recorded = [] // what anybody ever said: { room, epoch, user, key }
    this.lastUser = 0
    this.epochs = 0
    this.moody = true // errors that pass
  }

  chance(p) {
    return this.clock.random() < p
  }

  room(name) {
    if (!this.rooms.has(name)) this.rooms.set(name, { name, epoch: `e${++this.epochs}`, last: 0, entries: [], all: [], keys: new Map() })
    return this.rooms.get(name)
  }

  // append records an entry and tells everybody who is live.
  append(room, fields) {
    const entry = { type: 'message', room: room.name, seq: ++room.last, at: this.clock.now(), ...fields }
    room.entries.push(entry)
    room.all.push(entry) // what has been, even if it is no longer kept
    for (const session of this.sessions) {
      if (session.rooms.get(room.name)) session.say(entry)
    }
    return entry
  }

  // truncate drops the oldest entries.
  truncate(room, count) {
    room.entries.splice(0, count)
  }

  // restart ends every connection, and may lose the record.
  restart({ loseJournal, politely }) {
    for (const session of [...this.sessions]) {
      if (politely) session.bye('shutdown', 100)
      else session.end()
    }
    if (loseJournal) this.rooms.clear()
  }

  // page is the answer to a place in a room.
  page(room, { epoch, after }) {
    const { entries, last } = room
    const oldest = last - entries.length
    const state = { room: room.name, epoch: room.epoch, last, members: 1, read: 0, unread: 0, write: true, moderate: false }
    const newest = { ...state, entries: entries.slice(-limits.page), more: false, gap: false }
    if (after === undefined) return newest
    if (epoch !== room.epoch || after > last || after < oldest) return { ...newest, gap: true }
    const following = entries.slice(after - oldest)
    return { ...state, entries: following.slice(0, limits.page), more: following.length > limits.page, gap: false }
  }
}

// Session is the server's side of one connection.
class Session {
  constructor(server, say, end) {
    Object.assign(this, { server, say, end: () => { server.sessions.delete(this); end() }, rooms: new Map() })
  }

  hear(frame) {
    const answer = this[`on_${frame.type}`]?.(frame)
    if (answer) this.say({ ...answer, id: frame.id })
  }

  bye(code, retry) {
    this.say({ type: 'bye', code, message: '', retry })
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
    const states = rooms.map((place) => {
      if (server.moody && server.chance(0.05)) return { room: place.room, code: 'unavailable', message: '', retry: 500 }
      const state = this.enter(place)
      if (place.after !== undefined && !state.gap && server.chance(0.1)) {
        Object.assign(state, { more: state.more || state.entries.length > 0, entries: [] }) // they did not fit
        this.rooms.set(place.room, !state.more)
      }
      return state
    })
    return { type: 'welcome', session: 's', at: server.clock.now(), user: this.user, token: this.user.id, ping: 25_000, limits,
      rooms: states }
  }

  enter(place) {
    const state = this.server.page(this.server.room(place.room), place)
    this.rooms.set(place.room, !state.more)
    return state
  }

  on_join(place) {
    return this.moods() ?? { type: 'joined', ...this.enter(place) }
  }

  on_leave({ room }) {
    this.rooms.delete(room)
    return { type: 'ok', room }
  }

  on_send({ id, room: name, key, body }) {
    const { server } = this
    if (!this.rooms.has(name)) return { type: 'error', code: 'not_joined', message: '', retry: false }
    const mood = this.moods()
    if (mood) return mood
    if (server.moody && server.chance(0.03)) return { type: 'error', code: 'forbidden', message: '', retry: false }
    const room = server.room(name)
    const mine = `${this.user.id} ${key}`
    const before = room.keys.get(mine)
    if (before) return { type: 'ok', room: name, ...before, duplicate: true }
    server.recorded.push({ room: name, epoch: room.epoch, user: this.user.id, key })
    const ok = (seq) => this.say({ type: 'ok', id, room: name, seq, at: server.clock.now(), duplicate: false })
    const early = server.chance(0.5)
    if (early) ok(room.last + 1)
    const { seq, at } = server.append(room, { from: this.user, key, body })
    room.keys.set(mine, { seq, at })
    if (!early) ok(seq)
  }

  on_history({ room: name, before = Infinity, limit = limits.page }) {
    const { entries, epoch } = this.server.room(name)
    const older = entries.filter(({ seq }) => seq < before)
    const page = older.slice(-Math.min(limit, limits.page))
    return { type: 'history', room: name, epoch, entries: page, more: page.length < older.length }
  }

  on_ping() {
    return { type: 'pong' }
  }

  moods() {
    if (!this.server.moody || !this.server.chance(0.05)) return
    return { type: 'error', code: 'too_fast', message: '', retry: 200 }
  }
}

// Network carries frames between clients and the server, late by up to 200 ms.
// What else it does is a matter of its faults, each a probability.
export class Network {
  constructor(server, clock) {
    this.server = server
    this.clock = clock
    this.faults = { refuse: 0, die: 0, twice: 0, swap: 0, ghost: 0 }
    this.open = new Set()
    this.transport = (url, protocols, on) => new Wire(this, on)
  }

  // cut ends every connection, with a close event or without one.
  cut(silently) {
    for (const wire of [...this.open]) wire.cut(silently)
  }
}

class Wire {
  constructor(network, on) {
    const { clock, server } = network
    Object.assign(this, { network, clock, on, dead: false, queues: { up: [], down: [] }, busy: { up: 0, down: 0 } })
    network.open.add(this)
    this.session = new Session(server, (frame) => this.carry('down', JSON.stringify(frame)), () => this.carry('down', null))
    this.later(() => {
      if (this.dead) return
      if (this.chance('refuse')) return this.cut(this.chance('die'))
      on.open()
    })
  }

  chance(fault) {
    return this.clock.random() < this.network.faults[fault]
  }

  later(run, due = this.clock.now() + this.clock.random() * 200) {
    this.clock.setTimeout(run, due - this.clock.now())
  }

  send(text) {
    this.carry('up', text)
  }

  // carry delivers in order, unless a fault swaps two frames.
  carry(way, text) {
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
    if (way === 'up') return this.session.hear(JSON.parse(text))
    if (text === null) return this.cut(false)
    this.on.message(text)
    if (!this.dead && this.chance('twice')) this.on.message(text)
  }

  // cut is the end of the connection. The client learns of it or does not; the
  // server does not mind a session that nobody hears.
  cut(silently) {
    if (this.dead) return
    this.dead = true
    this.network.server.sessions.delete(this.session)
    if (!silently) this.on.close()
  }

  // close is the client's end of it. As a ghost the wire goes on delivering what
  // is under way: the client must not listen.
  close() {
    this.dead = this.dead || !this.chance('ghost')
    this.queues.up = []
    this.carry = () => {}
    this.network.open.delete(this)
    this.network.server.sessions.delete(this.session)
  }
}
