import { lost } from './link.js'
import { Outcome, refused } from './outcome.js'
import { Timer } from './timer.js'

// A hello names no more.
const most = 1000

// Room is what the client knows of a room that it is in, or wants to be in.
export class Room {
  constructor(room, { epoch, after = 0 }, clock) {
    this.room = room
    this.epoch = epoch // undefined until something is known
    this.seq = after // the last entry that the listeners have
    this.entered = false // on this connection
    this.live = false // entries come as they happen
    this.asking = false // a join is under way
    this.joined = [] // outcomes of join
    this.again = new Timer(clock)
    this.read = this.unread = 0
    this.write = this.moderate = false
  }

  // place is what hello and join say of the room.
  get place() {
    return this.epoch === undefined ? { room: this.room } : { room: this.room, epoch: this.epoch, after: this.seq }
  }
}

// Rooms keeps the place in each room, so that every entry reaches the listeners
// once and in order, over any number of connections.
export class Rooms {
  constructor(chat) {
    this.chat = chat
    this.byName = new Map()
  }

  join(name, place = {}) {
    let room = this.byName.get(name)
    if (!room) {
      if (this.byName.size === most) {
        return refused({ code: 'too_many_rooms', message: `a client can be in ${most} rooms` })
      }
      room = new Room(name, place, this.chat.clock)
      this.byName.set(name, room)
    }
    const outcome = new Outcome()
    if (room.live) {
      outcome.resolve(room)
    } else {
      room.joined.push(outcome)
      if (!room.entered) this.ask(room)
    }
    return outcome.promise
  }

  leave(name) {
    const room = this.byName.get(name)
    if (room) {
      this.forget(room, { code: 'left', message: 'the room was left' })
      if (room.entered || room.asking) return this.chat.request('leave', { room: name })
    }
    return Promise.resolve()
  }

  // places is what hello names.
  places() {
    return [...this.byName.values()].map((room) => room.place)
  }

  // ask joins the room, or asks for what is missing of it.
  ask(room) {
    const { link } = this.chat
    if (!link?.welcomed || room.asking) return
    room.asking = true
    room.again.clear()
    link.ask('join', room.place, (answer) => {
      if (answer.code === lost.code || !this.has(room)) return
      room.asking = false
      if (answer.type === 'joined') this.enter(room, answer)
      else this.turnedAway(room, answer)
    })
  }

  // welcome takes the answers to the rooms of hello, and joins those that came
  // too late for it.
  welcome(link, states) {
    for (const state of states) {
      if (this.chat.link !== link) return
      const room = this.byName.get(state.room)
      if (!room) {
        if (!state.code) link.tell('leave', { room: state.room }) // it was left meanwhile
      } else if (state.code) {
        this.turnedAway(room, state)
      } else {
        this.enter(room, state)
      }
    }
    for (const room of [...this.byName.values()]) {
      if (!room.entered && !room.again.handle) this.ask(room)
    }
  }

  // enter takes a room's state: its entries, then what is said of the room.
  enter(room, state) {
    const { chat } = this
    const { link } = chat
    const gap = state.gap || (room.epoch !== undefined && room.epoch !== state.epoch)
    if (gap || room.epoch === undefined) {
      room.epoch = state.epoch
      room.seq = state.entries.length ? state.entries[0].seq - 1 : state.last
    }
    room.entered = true
    room.live = false
    for (const name of ['members', 'read', 'unread', 'write', 'moderate']) room[name] = state[name]
    if (gap) chat.emit('gap', { room: room.room, epoch: room.epoch })

    const current = () => chat.link === link && this.has(room) && room.entered
    for (const entry of state.entries) {
      if (!current()) return
      this.take(room, entry)
    }
    if (!current()) return
    if (state.more) {
      this.ask(room)
    } else if (!room.asking) {
      room.live = true
      for (const outcome of room.joined.splice(0)) outcome.resolve(room)
      chat.emit('room', room)
    }
    chat.outbox.flush(room.room)
  }

  // hear takes a live entry.
  hear(entry) {
    const room = this.byName.get(entry.room)
    if (room?.entered && this.take(room, entry)) room.unread++
  }

  // take passes an entry on, if it is the next. What has been there is ignored;
  // behind a hole the room is asked for what is missing.
  take(room, entry) {
    if (entry.seq > room.seq + 1) this.ask(room)
    if (entry.seq !== room.seq + 1) return false
    this.chat.outbox.recognize(entry)
    room.seq = entry.seq
    if (entries.includes(entry.type)) this.chat.emit(entry.type, entry)
    return true
  }

  // turnedAway gives a room up, or comes back when the server says. A room that
  // one is in stays as it was when its next page is refused.
  turnedAway(room, { type, code, message, retry }) {
    if (retry === false) {
      this.forget(room, { code, message, retry })
      this.chat.outbox.giveUp(room.room, { code, message })
    } else {
      if (type !== 'error') room.entered = room.live = false
      room.again.set(retry, () => this.ask(room))
      if (room.entered) return
    }
    this.chat.emit('removed', { room: room.room, code, message, retry })
  }

  removed(frame) {
    const room = this.byName.get(frame.room)
    if (room) this.turnedAway(room, frame)
  }

  forget(room, refusal) {
    this.byName.delete(room.room)
    room.again.clear()
    room.live = false
    for (const outcome of room.joined.splice(0)) outcome.reject(refusal)
  }

  // lost is called when a connection is over.
  lost() {
    for (const room of this.byName.values()) {
      room.entered = room.live = room.asking = false
      room.again.clear()
    }
  }

  clear() {
    for (const room of [...this.byName.values()]) this.forget(room, { code: 'left', message: 'the user was forgotten' })
  }

  has(room) {
    return this.byName.get(room.room) === room
  }
}

const entries = ['message', 'recalled', 'notice']
