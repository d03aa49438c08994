import { Deferred, rejected } from './deferred.js'
import { lost } from './link.js'
import { left } from './outbox.js'
import { Timer } from './timer.js'

const maxRooms = 1000 // of one hello
const idleJoin = 1_000 // the wait before the next join, after one that brought nothing

// Room is what the client knows of a room that the user is in or wants to be in.
export class Room {
  constructor(room, { epoch, after = 0 }, clock) {
    this.room = room
    this.epoch = epoch // undefined until the server has sent it
    this.seq = after // the last entry that was emitted
    this.old = after // the last entry that was recorded before the client joined
    this.joined = false // over the current connection
    this.live = false // entries arrive as they are recorded
    this.joining = false // a join waits for its answer
    this.joins = [] // the Deferreds of join
    this.timer = new Timer(clock) // the next join, after a refusal
    this.read = this.unread = 0
    this.write = this.moderate = false
  }

  // joinFields are the fields of this room in hello and join.
  get joinFields() {
    return this.epoch === undefined ? { room: this.room } : { room: this.room, epoch: this.epoch, after: this.seq }
  }
}

// Rooms holds the rooms of the user, with the last seq that was emitted in each.
// It emits every entry once and in order, over any number of connections, and counts
// what is unread: from the server's number on, the messages and notices that arrive.
export class Rooms {
  constructor(chat) {
    this.chat = chat
    this.byName = new Map()
  }

  join(name, from = {}) {
    let room = this.byName.get(name)
    if (!room) {
      if (this.byName.size === maxRooms) {
        return rejected({ code: 'too_many_rooms', message: `a client can be in ${maxRooms} rooms` })
      }
      room = new Room(name, from, this.chat.clock)
      this.byName.set(name, room)
      this.chat.outbox.load(name)
    }
    const deferred = new Deferred()
    if (room.live) {
      deferred.resolve(room)
    } else {
      room.joins.push(deferred)
      if (!room.joined) this.sendJoin(room)
    }
    return deferred.promise
  }

  leave(name) {
    const room = this.byName.get(name)
    if (room) {
      this.remove(room, left)
      this.chat.outbox.failRoom(name, left)
      if (room.joined || room.joining) return this.chat.request('leave', { room: name })
    }
    return Promise.resolve()
  }

  // helloRooms returns the rooms for hello.
  helloRooms() {
    return [...this.byName.values()].map((room) => room.joinFields)
  }

  // sendJoin joins the room, or gets the entries that are missing.
  sendJoin(room) {
    const { link } = this.chat
    if (!link?.welcomed || room.joining) return
    room.joining = true
    room.timer.clear()
    link.request('join', room.joinFields, (answer) => {
      if (answer.code === lost.code || !this.has(room)) return
      room.joining = false
      if (answer.type === 'joined') this.applyState(room, answer)
      else this.refuse(room, answer)
    })
  }

  // welcome takes the states of the rooms of hello, and joins the rooms that hello
  // did not name.
  welcome(link, states) {
    for (const state of states) {
      if (this.chat.link !== link) return
      const room = this.byName.get(state.room)
      if (!room) {
        if (!state.code) link.send('leave', { room: state.room }) // the user left it in the meantime
      } else if (state.code) {
        this.refuse(room, state)
      } else {
        this.applyState(room, state)
      }
    }
    for (const room of [...this.byName.values()]) {
      if (!room.joined && !room.timer.handle) this.sendJoin(room)
    }
  }

  // applyState takes a room's state from welcome or joined. It emits the entries
  // first, then room. A listener may leave the room or close the client meanwhile.
  applyState(room, state) {
    const { chat } = this
    const { link } = chat
    const gap = state.gap || (room.epoch !== undefined && room.epoch !== state.epoch)
    if (room.epoch !== state.epoch) room.old = state.last
    if (gap || room.epoch === undefined) {
      room.epoch = state.epoch
      room.seq = state.entries.length ? state.entries[0].seq - 1 : state.last
    }
    room.joined = true
    room.live = false
    for (const name of ['members', 'read', 'unread', 'write', 'moderate']) room[name] = state[name]
    if (gap) chat.emit('gap', { room: room.room, epoch: room.epoch })

    const { seq } = room
    const current = () => chat.link === link && this.has(room) && room.joined
    for (const entry of state.entries) {
      if (!current()) return
      this.emitEntry(room, entry)
    }
    if (!current()) return
    if (state.more && state.type === 'joined' && room.seq === seq) {
      room.timer.set(idleJoin, () => this.sendJoin(room))
    } else if (state.more) {
      this.sendJoin(room)
    } else if (!room.joining) {
      room.live = true
      for (const deferred of room.joins.splice(0)) deferred.resolve(room)
      chat.emit('room', room)
    }
    chat.outbox.flush(room.room)
  }

  // receive takes a live entry. If entries before it are missing, it asks the server
  // for them.
  receive(entry) {
    const room = this.byName.get(entry.room)
    if (!room?.joined || entry.seq <= room.seq) return
    if (entry.seq > room.seq + 1) return this.sendJoin(room)
    this.emitEntry(room, entry)
    this.count(room, entry)
  }

  // emitEntry emits an entry, unless it was emitted before. A page of the server may
  // jump over entries that it has lost: to ask for them again would never end.
  emitEntry(room, entry) {
    if (entry.seq <= room.seq) return
    this.chat.outbox.confirm(entry)
    room.seq = entry.seq
    if (entryTypes.includes(entry.type)) this.chat.emit(entry.type, { ...entry, live: entry.seq > room.old })
  }

  // count counts a live entry as unread if it is a message or a notice of somebody
  // else. To send is to read: the user's own message moves the read mark, as it does
  // in the server, unless a service said it in the user's name.
  count(room, { type, seq, from, via, quiet }) {
    if (type === 'message' && from?.id === this.chat.user.id && !via) {
      this.chat.setReadMark({ room: room.room, seq, unread: 0 })
    } else if (!quiet && (type === 'message' || type === 'notice')) {
      room.unread++
    }
  }

  // refuse gives a room up, or joins it again after retry. If only the next batch
  // of entries of a joined room was refused, the room stays as it is until then.
  refuse(room, { type, code, message, retry }) {
    if (retry === false) {
      this.remove(room, { code, message, retry })
      this.chat.outbox.failRoom(room.room, { code, message })
    } else {
      if (type !== 'error') room.joined = room.live = false
      room.timer.set(retry, () => this.sendJoin(room))
      if (room.joined) return
    }
    this.chat.emit('removed', { room: room.room, code, message, retry })
  }

  removed(frame) {
    const room = this.byName.get(frame.room)
    if (room) this.refuse(room, frame)
  }

  remove(room, refusal) {
    this.byName.delete(room.room)
    room.timer.clear()
    room.live = false
    for (const deferred of room.joins.splice(0)) deferred.reject(refusal)
  }

  // linkLost is called when the connection has ended.
  linkLost() {
    for (const room of this.byName.values()) {
      room.joined = room.live = room.joining = false
      room.timer.clear()
    }
  }

  clear() {
    for (const room of [...this.byName.values()]) this.remove(room, { code: 'left', message: 'the user signed out' })
  }

  has(room) {
    return this.byName.get(room.room) === room
  }
}

const entryTypes = ['message', 'recalled', 'notice']
