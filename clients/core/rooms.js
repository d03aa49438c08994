import { Deferred, rejected } from './deferred.js'
import { demand, lost } from './link.js'
import { left } from './outbox.js'
import { Timer } from './timer.js'

// makeRoom returns what the client knows of a room that the user is in or wants to be in.
const makeRoom = (room, { epoch, after = 0 }, clock) => ({
  room,
  epoch, // undefined until the server has sent it
  seq: after, // the last entry that was emitted
  old: after, // the last entry that was recorded before the client joined
  joined: false, // over the current connection
  live: false, // entries arrive as they are recorded
  timer: new Timer(clock), // the next join, after a refusal
  read: 0,
  unread: 0,
  write: false,
  moderate: false,
  // And later: joining, while a join waits for its answer; joins, the Deferred of join,
  // until the room is live; typedAt, when typing was sent.
})

// What a room's state has, of any room and of a conversation.
const infoFields = ['title', 'avatar', 'about', 'closed']
const stateFields = ['last', 'members', 'read', 'unread', 'write', 'moderate', 'role', 'size', 'with', 'pins', ...infoFields]

// makeRooms holds the rooms of the user, with the last seq that was emitted in each.
// It emits every entry once and in order, over any number of connections, and counts
// what is unread: from the server's number on, the messages and notices that arrive.
export function makeRooms(chat) {
  const maxRooms = 1000 // of one hello
  const idleJoin = 1_000 // the wait before the next join, after one that brought nothing
  const othersJoin = 3_000 // at most, after an entry about other members
  const byName = new Map()

  Object.assign(chat, {
    rooms: byName, // those that the user is in or wants to be in

    join(name, from = {}) {
      let room = byName.get(name)
      if (!room) {
        if (byName.size === maxRooms) {
          return rejected({ code: 'too_many_rooms', message: `at most ${maxRooms} rooms` })
        }
        room = makeRoom(name, from, chat.clock)
        byName.set(name, room)
        chat.outbox.load(name)
      }
      const { live, joined, joins = new Deferred() } = room
      if (live) {
        joins.resolve(room)
      } else {
        room.joins = joins
        if (!joined) sendJoin(room)
      }
      return joins.promise
    },

    leave(name) {
      const room = byName.get(name)
      if (room) {
        remove(room, left)
        chat.outbox.failRoom(name, left)
        if (room.joined || room.joining) return chat.request('leave', { room: name })
      }
      return Promise.resolve()
    },
  })

  const rooms = {
    // welcome takes the states of the rooms of hello, and joins the rooms that hello
    // did not name.
    welcome(link, states) {
      for (const state of states) {
        if (chat.link !== link) return
        const room = byName.get(state.room)
        if (!room) {
          if (!state.code) link.send('leave', { room: state.room }) // the user left it in the meantime
        } else if (state.code) {
          rooms.refuse(room, state)
        } else {
          applyState(room, state)
        }
      }
      for (const room of [...byName.values()]) {
        if (!room.joined && !room.timer.handle) sendJoin(room)
      }
    },

    // receive takes a live entry. If entries before it are missing, it asks the server
    // for them. While pages are on their way, they bring it: as it is now, and with what
    // the room's state has counted already.
    receive(room, entry) {
      if (!room.joined || entry.seq <= room.seq) return
      if (!room.live || entry.seq > room.seq + 1) return sendJoin(room)
      const { type, closed } = entry
      const opens = type === 'info' && !closed !== !room.closed
      if (type === 'info') for (const name of infoFields) room[name] = entry[name] || undefined
      emitEntry(room, entry)
      count(room, entry)
      if ((opens || type === 'member') && has(room)) changeRights(room, entry)
    },

    // read takes the user's read mark from a read frame or its answer, or from the
    // user's own message: the server's mark follows that a little later, so an older
    // mark is ignored. The server's unread count may include entries that have not
    // arrived yet.
    read({ room: name, seq, unread }) {
      demand(seq >= 0 && unread >= 0)
      const room = byName.get(name)
      if (!room || seq < room.read) return
      room.read = seq
      room.unread = Math.min(unread, Math.max(0, room.seq - seq))
      chat.emit('read', { room: name, seq, unread: room.unread })
    },

    // refuse gives a room up, or joins it again after retry. If only the next batch
    // of entries of a joined room was refused, the room stays as it is until then.
    refuse(room, { type, code, message, retry }) {
      if (retry === false) {
        remove(room, { code, message, retry })
        chat.outbox.failRoom(room.room, { code, message })
      } else {
        if (type !== 'error') room.joined = room.live = false
        room.timer.set(retry, () => sendJoin(room))
        if (room.joined) return
      }
      chat.emit('removed', { room: room.room, code, message, retry })
    },

    // linkLost is called when the connection has ended.
    linkLost() {
      for (const room of byName.values()) {
        room.joined = room.live = room.joining = false
        room.timer.clear()
      }
    },
  }

  // sendJoin joins the room, or gets the entries that are missing.
  function sendJoin(room) {
    const { link } = chat
    if (!link?.welcomed || room.joining) return
    room.joining = true
    room.timer.clear()
    link.request('join', joinFields(room), (answer) => {
      if (answer.code === lost.code || !has(room)) return
      room.joining = false
      if (answer.type === 'error') rooms.refuse(room, answer)
      else applyState(room, answer)
    })
  }

  // applyState takes a room's state from welcome or joined. It emits the entries
  // first, then room. A listener may leave the room or close the client meanwhile.
  function applyState(room, state) {
    const { link } = chat
    const { epoch, entries, last, more } = state
    demand(epoch && last >= 0 && (!state.pins || state.pins.every(isNumber)))
    const gap = state.gap || (room.epoch !== undefined && room.epoch !== epoch)
    if (room.epoch !== epoch) room.old = last
    if (gap || room.epoch === undefined) {
      room.epoch = epoch
      room.seq = entries.length ? entries[0].seq - 1 : last
    }
    room.joined = true
    room.live = false
    for (const name of stateFields) room[name] = state[name]
    if (gap) chat.emit('gap', { room: room.room, epoch })

    const { seq } = room
    const current = () => chat.link === link && has(room) && room.joined
    for (const entry of entries) {
      if (!current()) return
      emitEntry(room, entry)
    }
    if (!current()) return
    if (more && state.type && room.seq === seq) {
      room.timer.set(idleJoin, () => sendJoin(room)) // the page of a join brought nothing
    } else if (more) {
      sendJoin(room)
    } else if (!room.joining) {
      room.live = true
      room.joins?.resolve(room)
      room.joins = undefined
      chat.emit('room', room)
    }
    chat.outbox.flush(room.room)
  }

  // emitEntry emits an entry, unless it was emitted before. A page of the server may
  // jump over entries that it has lost: to ask for them again would never end.
  function emitEntry(room, entry) {
    checkEntry(entry)
    if (entry.seq <= room.seq) return
    chat.outbox.confirm(entry)
    room.seq = entry.seq
    if (entry.seq > room.last) setPin(room, entry) // the state has what was pinned before
    if (/^(message|recalled|notice|member|info|edited|tagged)$/.test(entry.type)) chat.emit(entry.type, { ...entry, live: entry.seq > room.old })
  }

  // count counts a live entry as unread if it is a message or a notice of somebody
  // else. To send is to read: the user's own message moves the read mark, as it does
  // in the server, unless a service said it in the user's name.
  function count(room, { type, seq, from, via, quiet }) {
    if (type === 'message' && from.id === chat.user.id && !via) {
      rooms.read({ room: room.room, seq, unread: 0 })
    } else if (!quiet && (type === 'message' || type === 'notice')) {
      room.unread++
    }
  }

  // setPin keeps the room's pins, which are in ascending order. What is recalled is no
  // longer pinned.
  function setPin(room, { type, target, tag, value, shared }) {
    const tagged = type === 'tagged' && shared && tag === 'pin'
    if (!tagged && type !== 'recalled') return
    const pins = (room.pins ?? []).filter((seq) => seq !== target)
    if (tagged && value !== false) pins.push(target)
    room.pins = pins.length ? pins.sort((a, b) => a - b) : undefined
  }

  // changeRights asks for the state of a room in which an entry has changed what users may
  // do: at once if it is about the user, and otherwise a little later, since all who are
  // present ask. The server removes by itself who may not be there any more.
  function changeRights(room, { users, role, owner }) {
    const own = !users || users.some(({ id }) => id === chat.user.id)
    if (owner?.id === chat.user.id) role = 'owner'
    if (own && role === 'none') return
    if (own && role) room.role = role
    room.timer.set(own || role === 'owner' ? 0 : chat.clock.random() * othersJoin, () => sendJoin(room))
  }

  function remove(room, refusal) {
    byName.delete(room.room)
    room.timer.clear()
    room.live = false
    room.joins?.reject(refusal)
  }

  function has(room) {
    return byName.get(room.room) === room
  }

  return rooms
}

// joinFields are the fields of a room in hello and join.
export const joinFields = ({ room, epoch, seq }) => (epoch === undefined ? { room } : { room, epoch, after: seq })

export const isNumber = (n) => Number.isSafeInteger(n) && n > 0
export const isText = (text) => typeof text === 'string'
const isTag = ({ tag, value, users, some }) => isText(tag) && (users === undefined ? value !== undefined : isNumber(users) && some.every(isText))

// checkEntry refuses what is no entry.
export function checkEntry({ type, seq, at, from, reply = 1, mentions = [], edited = 1, tags = [], target, tag, value, shared, role, users }) {
  demand(isNumber(seq) && isNumber(at))
  if (type === 'message') demand(isText(from.id) && [reply, edited].every(isNumber) && mentions.every(isText) && tags.every(isTag))
  if (/^(edited|tagged|recalled)$/.test(type)) demand(isNumber(target))
  if (type === 'tagged' && tag !== undefined) demand(isText(tag) && value !== undefined && (shared || isText(from.id))) // else the message is not shown
  if (type === 'member') demand(role && users.every(({ id }) => isText(id)))
}
