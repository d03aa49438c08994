// Timeline is the list of what was said in a room, for a page to draw: the
// messages and notices that the server has numbered, in its order, then the
// user's own that are still on their way. Make it before joining the room, or
// call older() to begin with the newest page.
//
// Each change is one call of change(index, removed, added): at index, that many
// items have gone and those of the array have come. An item is never altered; a
// new one takes its place.
export class Timeline {
  constructor(chat, room, change = () => {}) {
    this.chat = chat
    this.room = room
    this.change = change
    this.reset()
    this.items = chat.outbox.messages.filter((message) => message.room === room).map((message) => this.own(message))
    const here = (listener) => (event) => {
      if (event.room === room) listener(event)
    }
    this.listening = [
      chat.on('message', here((entry) => this.hear(entry))),
      chat.on('notice', here((entry) => this.hear(entry))),
      chat.on('recalled', here((entry) => this.hear(entry))),
      chat.on('outbox', here((message) => this.follow(message))),
      chat.on('room', here((room) => this.settle(room))),
      chat.on('gap', here(() => this.begin())),
    ]
  }

  close() {
    for (const stop of this.listening) stop()
  }

  // more tells whether there may be older messages to load.
  get more() {
    return !this.complete && this.first !== 1
  }

  // older loads the page before the oldest item, and resolves to how many items
  // it brought.
  async older(limit) {
    const { life, first: before } = this
    const page = await this.chat.history(this.room, { before, limit })
    const known = this.chat.rooms.get(this.room)?.epoch
    if (life !== this.life || (known !== undefined && known !== page.epoch)) return 0
    this.epoch ??= page.epoch
    if (this.epoch !== page.epoch) {
      this.begin()
      return 0
    }
    const newest = page.entries.at(-1)?.seq ?? (before ?? 1) - 1
    if (newest < this.first - 1) return 0 // what lies between came later
    this.complete = !page.more
    const had = this.placed
    for (const entry of page.entries.reverse()) this.place(entry)
    return this.placed - had
  }

  // trim forgets the oldest numbered items but for the newest keep.
  trim(keep) {
    const excess = this.placed - keep
    if (excess <= 0) return
    this.placed = keep
    this.life = {}
    this.complete = false
    this.first = keep ? this.items[excess].seq : undefined
    this.splice(0, excess, [])
  }

  // enter is told which entry comes next in the room. The first since the room was
  // entered need not follow what the list has, the others do.
  enter(seq) {
    const room = this.chat.rooms.get(this.room)
    if (!room) return // another listener has left it
    if (this.entered !== room) {
      this.entered = room
      const follows = this.epoch === room.epoch && seq <= this.last + 1
      if (this.first === undefined && !this.complete) this.drop(() => true)
      else if (!follows) this.begin()
    }
    this.epoch = room.epoch
  }

  // hear takes an entry from the room.
  hear(entry) {
    this.enter(entry.seq)
    if (entry.type === 'recalled') this.recall(entry)
    else this.place(entry)
  }

  // place puts an entry where it belongs, once.
  place(entry) {
    const { type, seq } = entry
    this.pass(seq)
    if (type !== 'message' && type !== 'notice') return
    let i = this.placed
    while (i > 0 && this.items[i - 1].seq > seq) i--
    if (i > 0 && this.items[i - 1].seq === seq) return

    const item = this.numbered(entry)
    const waiting = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id)
    this.placed++
    if (waiting === i) return this.splice(i, 1, [item])
    if (waiting >= 0) this.splice(waiting, 1, [])
    this.splice(i, 0, [item])
  }

  recall({ seq, target }) {
    this.pass(seq)
    this.recalled.add(target)
    const i = this.items.findIndex((item, j) => j < this.placed && item.seq === target)
    if (i >= 0) this.splice(i, 1, [{ ...this.items[i], body: undefined, recalled: true }])
  }

  // follow takes the fate of one of the user's own messages.
  follow(message) {
    const item = this.own(message)
    const i = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id)
    const { state, seq } = message
    // What is sent stays where it is until the room says it.
    const gone = state === 'discarded' || (state === 'sent' && this.passed(seq))
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

  // settle drops what was sent and lies among the older messages.
  settle(room) {
    this.enter(room.seq + 1)
    this.drop(({ seq }) => this.passed(seq))
  }

  // begin starts again where what comes does not follow what is there, which may
  // be wrong.
  begin() {
    const { placed } = this
    this.reset()
    this.splice(0, placed, [])
    this.drop(() => true)
  }

  reset() {
    this.life = {} // another one when pages that are on their way don't fit any more
    this.placed = 0 // how many items are numbered
    this.first = undefined // the lowest seq that was seen
    this.last = 0 // the highest
    this.epoch = undefined // theirs
    this.complete = false // nothing older is kept
    this.recalled = new Set()
  }

  pass(seq) {
    this.first = Math.min(seq, this.first ?? seq)
    this.last = Math.max(seq, this.last)
  }

  passed(seq) {
    return seq <= this.chat.rooms.get(this.room)?.seq
  }

  drop(goes) {
    for (let i = this.items.length - 1; i >= this.placed; i--) {
      if (this.items[i].state === 'sent' && goes(this.items[i])) this.splice(i, 1, [])
    }
  }

  numbered({ type, seq, at, from, key, body, recalled = this.recalled.has(seq) }) {
    const own = from !== undefined && from.id === this.chat.user?.id
    const item = { id: own && key ? `key ${key}` : `seq ${seq}`, type, seq, at, from, own, key, body, recalled, state: 'sent' }
    if (recalled) item.body = undefined
    return item
  }

  own({ key, seq, at, body, state, code }) {
    return { id: `key ${key}`, type: 'message', seq, at, from: this.chat.user, own: true, key, body, recalled: false, state, code }
  }

  splice(index, removed, added) {
    if (!removed && !added.length) return
    this.items.splice(index, removed, ...added)
    this.change(index, removed, added)
  }
}
