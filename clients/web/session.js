import { Client } from '../core/client.js'
import { browser } from '../core/browser.js'
import { RoomState } from './room-state.js'

const maxOpen = 20 // conversations

// Session is the connection of one element: the client, and the rooms that the user wants
// to be in. Its phase is:
//
//	greeting     it is not known yet who the user is
//	name         the user is a guest without a name
//	chat         the user has rooms
//	sign-in      the server lets nobody in without a token
//	impossible   there can be no connection, ever
//
// The functions in on: changed, when something must be drawn; event(name, detail), for the
// page around the element; entered, when the phase becomes chat, and when the server turns
// out to have a list of conversations, or none; live(message); loadList(). eager: the rooms are known
// before the server says who the user is. withList: the user may have several rooms.
export class Session {
  constructor({ url, token, name, avatar, eager, withList }, on) {
    this.on = on
    this.rooms = new Map() // by name: a RoomState
    this.name = name
    this.avatar = avatar
    this.hasToken = Boolean(token)
    this.phase = 'greeting'
    this.problem = undefined // a word about a connection that does not come about
    this.ended = undefined // the code with which the server ended it
    this.mutedUntil = 0
    this.eager = eager
    this.lists = withList ? undefined : false // the server has a list; undefined until it is known
    try {
      this.chat = new Client({ url, token, name, avatar, list: withList ? (chat) => this.listPart(chat) : undefined, ...browser() })
    } catch (cause) {
      this.phase = 'impossible'
      this.cause = cause
      return
    }
    this.listen()
  }

  listen() {
    const { chat } = this
    const ofRoom = (handle) => (event) => {
      const state = this.rooms.get(event.room)
      if (!state) return
      handle(state, event)
      this.on.changed()
    }
    chat.on('state', (change) => this.stateChanged(change))
    chat.on('message', (message) => message.live && this.on.live(message))
    chat.on('read', ofRoom(() => {}))
    for (const type of ['member', 'info']) chat.on(type, ofRoom((state, { seq }) => { state.governed = seq }))
    chat.on('presence', ofRoom((state) => { state.peopleChanged = {} }))
    chat.on('typing', ofRoom((state, { from }) => state.startTyping(from)))
    chat.on('gap', ofRoom((state) => { state.gap = true }))
    chat.on('room', ofRoom((state) => {
      state.refusal = undefined
      state.stuck = false
      this.on.event('room', { room: state.name })
    }))
    chat.on('removed', ofRoom((state, { code }) => { state.refusal = code }))
    chat.on('muted', ({ room, for: duration }) => {
      if (room !== undefined) return this.rooms.get(room)?.noteMuted(duration)
      this.mutedUntil = duration === undefined ? Infinity : duration && chat.now() + duration
      this.on.changed()
    })
    chat.on('error', (error) => {
      if (error.code === 'unreachable') this.problem = 'unreachable'
      this.on.event('error', error)
      this.on.changed()
    })
  }

  connect() {
    if (this.phase === 'impossible') return this.on.event('error', this.cause)
    if (this.name && this.eager) this.enter() // the rooms are joined with the first frame
    this.chat.connect() // stateChanged hears of everything
  }

  // listPart stands for the client's list of conversations. What keeps it is loaded when
  // the server has one; what the server says until then is kept in early.
  listPart(chat) {
    let part, early
    const pass = (name) => (frame) => (part ? part[name](frame) : early?.push([name, frame]))
    const load = async () => {
      const { list } = await this.on.loadList()
      part ??= list()(chat)
      early?.forEach(([name, frame]) => part[name](frame))
      early = undefined
      this.on.changed()
    }
    return {
      hello: () => part?.hello() ?? {},
      welcome: (answer) => {
        const had = this.lists
        this.lists = Boolean(answer)
        if (this.phase === 'greeting') this.greeted()
        else if (had !== this.lists && this.phase === 'chat') this.on.entered()
        if (!part) early = answer && []
        pass('welcome')(answer)
        if (early) load().catch((cause) => this.on.event('error', cause))
      },
      receive: pass('receive'),
      linkLost: () => (part ? part.linkLost() : early = undefined),
      forget: () => part?.forget(),
    }
  }

  close() {
    this.chat?.close()
    for (const state of this.rooms.values()) state.close()
  }

  greeted() {
    const { user } = this.chat
    if (user.guest && !user.name) this.phase = 'name'
    else this.enter()
  }

  enter() {
    this.phase = 'chat'
    this.on.entered()
    this.on.changed()
  }

  stateChanged({ state, code }) {
    const { chat } = this
    if (state === 'online') {
      this.problem = this.ended = undefined
      if (this.phase === 'sign-in') this.phase = 'greeting'
      if (this.phase === 'greeting' && this.lists !== undefined) this.greeted()
    } else if (state === 'closed' && code !== 'closed') { // closed: by us
      this.refused(code)
    }
    this.on.event('state', { state, code })
    this.on.changed()
  }

  // refused decides what to do about a server that says to stay away. The token that a
  // guest was given may have become useless: then the user is a new guest.
  refused(code) {
    const needsToken = code === 'bad_token' || code === 'expired'
    if (needsToken && !this.hasToken && !this.startedAnew) {
      this.startedAnew = true
      return this.startAnew()
    }
    this.ended = code
    if (needsToken) this.phase = 'sign-in'
  }

  // startAnew forgets who the user was and connects again.
  startAnew() {
    const rooms = [...this.rooms.keys()]
    this.chat.forget()
    this.chat.connect()
    for (const room of rooms) this.chat.join(room) // its RoomState hears of it
  }

  // again connects after the server has ended the connection.
  again() {
    this.startedAnew = false
    this.chat.connect()
  }

  // rename gives the user another name and picture, which takes a new connection.
  rename(name, avatar) {
    if (name === this.name && avatar === this.avatar) return
    Object.assign(this, { name, avatar })
    this.chat.introduce({ name: name || undefined, avatar: avatar || undefined })
    if (this.phase === 'name' && name) this.enter()
  }

  join(name) {
    let state = this.rooms.get(name)
    if (!state) {
      state = new RoomState(this.chat, name, () => this.on.changed())
      this.rooms.set(name, state)
    }
    if (!this.chat.rooms.has(name)) {
      state.refusal = undefined
      this.chat.join(name) // the event removed tells of a refusal
    }
    return state
  }

  leave(name) {
    this.chat.leave(name)
    this.rooms.get(name)?.close()
    this.rooms.delete(name)
  }

  // leaveOldest leaves all but the conversations that were open last. The list tells of the
  // others. What is not sent yet keeps its conversation open.
  leaveOldest(current) {
    const state = this.rooms.get(current)
    if (!state) return
    this.rooms.delete(current)
    this.rooms.set(current, state) // in the order in which they were opened
    const open = [...this.rooms.values()].filter((state) => state.about)
    for (const { name, draft, items } of open.slice(0, -maxOpen)) if (!draft && items.every(({ state }) => state === 'sent')) this.leave(name)
  }

  // mutedIn returns until when the user may not write in a room, by the server's clock.
  mutedIn(state) {
    const until = Math.max(this.mutedUntil, state.mutedUntil)
    return until > this.chat.now() ? until : 0
  }

  // unread returns the number of unread messages of all rooms.
  get unread() {
    let sum = 0
    for (const { name, known } of this.rooms.values()) sum += this.chat.list?.get(name) ? 0 : known?.unread ?? 0
    return sum + (this.chat.list?.unread ?? 0)
  }
}
