// Timeline is the list of a room's messages for an app to draw: first the messages
// and notices that have a seq, in that order, then the user's own messages that
// the server has not confirmed. Create it before joining the room, or call older()
// to begin with the newest entries of the history.
//
// Each change is one call of change(index, removed, added): at index, that many
// items were removed and the items of the array inserted. An item is never
// modified; a new item replaces it.
//
// types are more entries to show: member and info, which are items with that entry.
export class Timeline {
  constructor(chat, room, change = () => {}, types = []) {
    this.types = ['message', 'notice', ...types]
    this.chat = chat
    this.room = room
    this.change = change
    this.reset()
    this.items = chat.outbox.messages.filter((message) => message.room === room).map((message) => this.outboxItem(message))
    const inRoom = (listener) => (event) => {
      if (event.room === room) listener(event)
    }
    this.stops = [
      ...[...this.types, 'recalled'].map((type) => chat.on(type, inRoom((entry) => this.receive(entry)))),
      chat.on('outbox', inRoom((message) => this.updateOwn(message))),
      chat.on('room', inRoom((room) => this.roomLive(room))),
      chat.on('gap', inRoom(() => this.restart())),
    ]
  }

  close() {
    for (const stop of this.stops) stop()
  }

  // more reports whether there may be older messages to load.
  get more() {
    return !this.complete && this.first !== 1
  }

  // older loads history before the oldest item, and resolves to the number of items
  // that it added.
  async older(limit) {
    const { generation, first: before } = this
    const batch = await this.chat.history(this.room, { before, limit })
    const known = this.chat.rooms.get(this.room)?.epoch
    if (generation !== this.generation || (known !== undefined && known !== batch.epoch)) return 0
    this.epoch ??= batch.epoch
    if (this.epoch !== batch.epoch) {
      this.restart()
      return 0
    }
    const newest = batch.entries[batch.entries.length - 1]?.seq
    // Entries that were emitted meanwhile may not follow the batch. One that was asked
    // for with the oldest seq always fits, even if the server has lost some in between.
    if (before !== this.first && (newest ?? 0) < this.first - 1) return 0
    this.complete = !batch.more || newest === undefined // an empty batch leads no further
    const had = this.placed
    for (const entry of batch.entries.reverse()) this.insert(entry)
    return this.placed - had
  }

  // trim removes the oldest items with a seq, except the newest keep of them.
  trim(keep) {
    const excess = this.placed - keep
    if (excess <= 0) return
    this.placed = keep
    this.generation = {}
    this.complete = false
    this.first = keep ? this.items[excess].seq : undefined
    this.splice(0, excess, [])
  }

  // checkOrder is called with the next seq of the room. After a join that seq may
  // not follow the list; then the list restarts. Later ones always follow.
  checkOrder(seq) {
    const room = this.chat.rooms.get(this.room)
    if (!room) return // another listener has left the room
    if (this.joinedRoom !== room) {
      this.joinedRoom = room
      const follows = this.epoch === room.epoch && seq <= this.last + 1
      if (this.first === undefined && !this.complete) this.removeSent(() => true)
      else if (!follows) this.restart()
    }
    this.epoch = room.epoch
  }

  // receive takes an entry of the room.
  receive(entry) {
    this.checkOrder(entry.seq)
    if (entry.type === 'recalled') this.recall(entry)
    else this.insert(entry)
  }

  // insert adds an entry at the index of its seq, unless it is there already.
  insert(entry) {
    const { type, seq } = entry
    this.noteSeq(seq)
    if (!this.types.includes(type)) return
    let i = this.placed
    while (i > 0 && this.items[i - 1].seq > seq) i--
    if (i > 0 && this.items[i - 1].seq === seq) return

    const item = this.entryItem(entry)
    const waiting = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id)
    this.placed++
    if (waiting === i) return this.splice(i, 1, [item])
    if (waiting >= 0) this.splice(waiting, 1, [])
    this.splice(i, 0, [item])
  }

  recall({ seq, target }) {
    this.noteSeq(seq)
    this.recalled.add(target)
    const i = this.items.findIndex((item, j) => j < this.placed && item.seq === target)
    if (i >= 0) this.splice(i, 1, [{ ...this.items[i], body: undefined, recalled: true }])
  }

  // updateOwn takes the new state of one of the user's own messages.
  updateOwn(message) {
    const item = this.outboxItem(message)
    const i = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id)
    const { state, seq } = message
    // A sent message stays at its index until its entry arrives.
    const gone = state === 'discarded' || (state === 'sent' && this.isPast(seq))
    const last = this.items.length - 1
    if (i < 0) {
      if (state === 'sending' || state === 'failed') this.splice(last + 1, 0, [item])
    } else if (gone) {
      this.splice(i, 1, [])
    } else if (state === 'sending' && i < last) {
      this.splice(i, 1, [])
      this.splice(last, 0, [item])
    } else {
      this.splice(i, 1, [item])
    }
  }

  // roomLive removes the sent messages whose entries belong to the history that
  // older() loads.
  roomLive(room) {
    this.checkOrder(room.seq + 1)
    this.removeSent(({ seq }) => this.isPast(seq))
  }

  // restart empties the list, apart from messages that are not sent: the next
  // entries do not follow it, and what it shows may be wrong.
  restart() {
    const { placed } = this
    this.reset()
    this.splice(0, placed, [])
    this.removeSent(() => true)
  }

  reset() {
    this.generation = {} // replaced when history that is being loaded no longer fits
    this.placed = 0 // the number of items with a seq
    this.first = undefined // the lowest seq so far
    this.last = 0 // the highest
    this.epoch = undefined // of both
    this.complete = false // the server has nothing older
    this.recalled = new Set()
  }

  noteSeq(seq) {
    this.first = Math.min(seq, this.first ?? seq)
    this.last = Math.max(seq, this.last)
  }

  // isPast reports whether the room's entries up to seq were emitted.
  isPast(seq) {
    return seq <= this.chat.rooms.get(this.room)?.seq
  }

  removeSent(matches) {
    for (let i = this.items.length - 1; i >= this.placed; i--) {
      if (this.items[i].state === 'sent' && matches(this.items[i])) this.splice(i, 1, [])
    }
  }

  entryItem(entry) {
    const { type, seq, at, from, key, body, recalled = this.recalled.has(seq) } = entry
    const own = from !== undefined && from.id === this.chat.user?.id
    const item = { id: own && key ? `key ${key}` : `seq ${seq}`, type, seq, at, from, own, key, body, recalled, state: 'sent' }
    if (recalled) item.body = undefined
    if (type === 'member' || type === 'info') item.entry = entry
    return item
  }

  outboxItem({ key, seq, at, body, state, code }) {
    return { id: `key ${key}`, type: 'message', seq, at, from: this.chat.user, own: true, key, body, recalled: false, state, code }
  }

  splice(index, removed, added) {
    if (!removed && !added.length) return
    this.items.splice(index, removed, ...added)
    this.change(index, removed, added)
  }
}
