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
      chat.on('message', here((entry) => this.place(entry))),
      chat.on('notice', here((entry) => this.place(entry))),
      chat.on('recalled', here((entry) => this.recall(entry))),
      chat.on('outbox', here((message) => this.follow(message))),
      chat.on('room', here(() => this.settle())),
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
    const { life } = this
    const page = await this.chat.history(this.room, { before: this.first, limit })
    const known = this.chat.rooms.get(this.room)?.epoch
    if (life !== this.life || (known !== undefined && known !== page.epoch)) return 0
    this.complete = !page.more
    const before = this.placed
    for (const entry of page.entries.reverse()) this.place(entry)
    return this.placed - before
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

  // place puts an entry where it belongs, once.
  place(entry) {
    const { seq, type } = entry
    this.first = Math.min(seq, this.first ?? seq)
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
    this.first = Math.min(seq, this.first ?? seq)
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
  settle() {
    this.drop(({ seq }) => this.passed(seq))
  }

  // begin starts again after a gap: what was there may be wrong.
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
    this.complete = false // nothing older is kept
    this.recalled = new Set()
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
