import { Timeline } from '../core/timeline.js'
import { Window } from './window.js'

const typingTimeout = 6_000
const keep = 300 // messages that a room keeps while its newest ones are shown

// RoomState is what the element knows of one room: its messages and which of them are
// drawn, who is writing, the text that was not sent yet. It lives until the room is left.
export class RoomState {
  constructor(chat, name, changed) {
    this.chat = chat
    this.name = name
    this.changed = changed
    this.window = new Window()
    this.timeline = new Timeline(chat, name, (index, removed, added) => this.applyChange(index, removed, added), ['member', 'info'])
    this.window.begin(this.timeline.items.length)
    this.typing = new Map() // by user: the name, and the timer that removes it
    this.draft = ''
    this.taken = new Map() // by seq: texts of the user's own that were taken back
    this.divideAfter = undefined // the read mark above which messages were unread when the room was opened
    this.seen = 0 // the newest entry that was in sight
    this.visited = false // it was shown before
    this.placed = false // the list has been scrolled to where reading begins
    this.refusal = undefined // why the user may not be here: a code
    this.gap = false
    this.mutedUntil = 0
    this.loading = undefined // the promise of older()
    this.stuck = false // older() failed
    this.governed = 0 // the newest entry about members, or what the room is called
    this.expected = undefined // what a new conversation will be
    // And later: targets, see targetsOf; reply, editing and called, of what is written.
  }

  close() {
    this.timeline.close()
    this.targets?.close()
    for (const { timer } of this.typing.values()) clearTimeout(timer)
  }

  // known is what the client knows of the room.
  get known() {
    return this.chat.rooms.get(this.name)
  }

  get items() {
    return this.timeline.items
  }

  // about is what is known of the conversation that the room is: its row, or its state.
  get about() {
    const { known } = this
    return this.chat.list?.get(this.name) ?? (known?.role ? known : this.expected)
  }

  applyChange(index, removed, added) {
    this.window.apply(index, removed, added.length, this.items.length)
    for (const { from } of added) this.stopTyping(from)
    this.changed()
  }

  // older loads history, once at a time. It resolves to whether there may be more.
  older(limit = 50) {
    if (!this.timeline.more || this.chat.state !== 'online' || !this.known?.live) return Promise.resolve(false)
    this.loading ??= this.timeline.older(limit).then(() => this.timeline.more, ({ retry }) => {
      this.stuck = true // not asked again before the user scrolls up, the room is live again, or later
      if (retry !== false) setTimeout(() => {
        this.stuck = false
        this.changed()
      }, Math.max(retry, 1000))
      return false
    }).finally(() => {
      this.loading = undefined
      this.changed()
    })
    return this.loading
  }

  // hide is called when another room is shown.
  hide() {
    this.placed = false
    this.divideAfter = undefined
    this.trim()
  }

  // firstUnread returns the index of the first item that is unread, or -1. The user's own
  // messages are read, even if the server's mark follows later.
  firstUnread() {
    return this.divideAfter === undefined ? -1 : this.items.findIndex((item) => item.seq > this.divideAfter && counts(item))
  }

  // below returns how many messages of others follow what was in sight.
  below() {
    const { items } = this
    let count = 0
    for (let i = items.length - 1; i >= 0 && !(items[i].seq <= this.seen); i--) if (items[i].seq && counts(items[i])) count++
    return count
  }

  trim() {
    if (this.window.follows && this.items.length > 2 * keep) this.timeline.trim(keep)
  }

  startTyping(from) {
    this.stopTyping(from)
    const timer = setTimeout(() => {
      this.stopTyping(from)
      this.changed()
    }, typingTimeout)
    this.typing.set(from.id, { timer, from })
    this.changed()
  }

  stopTyping(from) {
    clearTimeout(this.typing.get(from?.id)?.timer)
    this.typing.delete(from?.id)
  }

  noteMuted(duration) {
    this.mutedUntil = duration === undefined ? Infinity : duration && this.chat.now() + duration
    this.changed()
  }
}

// counts reports whether an item may be unread: what others have said, and notices.
const counts = ({ type, own, quiet }) => !own && !quiet && /^(message|notice)$/.test(type)
