import { Timer } from './timer.js'

const slack = 5_000 // how far the server's clock may be from what we take it for
const maxCalm = 60_000

// Timeline is the list of a room's messages for an app to draw: first the messages
// and notices that have a seq, in that order, then the user's own messages that
// the server has not confirmed. Create it before joining the room, or call older()
// to begin with the newest entries of the history.
//
// Edits, tags and recalls are no items: they change the message that they are about, if
// it is here. A message that history brings later has its state of now. What it has
// already is not applied again: its seq is not above edited or, for tags, tagged. The
// server may have read the tags a little later than the rest, and does not name all users
// of a tag. So an entry about one whom it did not name is perhaps in them already if it was
// recorded before sure: then the tags are asked for again when nothing more comes. sure
// allows for a welcome that came late, which has set the clock back.
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
    this.loads = 0 // of history, that are waiting for their answer
    this.timer = new Timer(chat.clock) // recount
    this.row = chat.list?.get(room)
    this.reset()
    this.items = chat.outbox.messages.filter((message) => message.room === room).map((message) => this.makeItem(message))
    const inRoom = (listener) => (event) => {
      if (event.room === room) listener(event)
    }
    this.stops = [
      ...[...this.types, 'recalled', 'edited', 'tagged'].map((type) => chat.on(type, inRoom((entry) => this.receive(entry)))),
      chat.on('outbox', inRoom((message) => this.updateOwn(message))),
      chat.on('room', inRoom((room) => this.roomLive(room))),
      chat.on('erased', inRoom(({ user }) => this.erase(user))),
      chat.on('gap', inRoom(() => this.restart())),
      chat.on('list', (list) => this.checkCleared(list.get(room))),
    ]
  }

  close() {
    for (const stop of this.stops) stop()
    this.stops = []
    this.timer.clear()
  }

  // more reports whether there may be older messages to load.
  get more() {
    return !this.complete && this.first !== 1
  }

  // older loads history before the oldest item, and resolves to the number of items
  // that it added.
  async older(limit) {
    this.loads++
    try {
      return await this.load(limit)
    } finally {
      if (!--this.loads) this.missed.clear()
    }
  }

  async load(limit) {
    const { generation, first: before } = this
    const tagged = this.told()
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
    for (const entry of batch.entries.reverse()) this.insert(entry, Math.max(tagged, newest))
    for (const entry of [...this.missed.values()]) this.amend(entry, true)
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
    if (!entry.target) return this.insert(entry, this.told())
    this.noteSeq(entry.seq)
    this.amend(entry)
  }

  // checkCleared empties the list if the user has cleared the history: then the row of the
  // conversation has no entry any more. row: the one before.
  checkCleared(row) {
    if (this.row?.entry && row?.count && !row.entry) this.restart()
    this.row = row
  }

  // told returns the seq up to which the tags of what the server says now are complete.
  told() {
    const { seq = 0, last = 0 } = this.chat.rooms.get(this.room) ?? {}
    return Math.max(seq, last)
  }

  // insert adds an entry at the index of its seq, unless it is there already. Its tags
  // are those after the entry tagged.
  insert(entry, tagged) {
    const { type, seq } = entry
    this.noteSeq(seq)
    if (!this.types.includes(type)) return
    let i = this.placed
    while (i > 0 && this.items[i - 1].seq > seq) i--
    if (i > 0 && this.items[i - 1].seq === seq) return

    const item = this.makeItem(entry, tagged)
    const waiting = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id)
    this.placed++
    if (waiting === i) return this.splice(i, 1, [item])
    if (waiting >= 0) this.splice(waiting, 1, [])
    this.splice(i, 0, [item])
  }

  // amend applies an entry that is about an earlier message. An edit has no body if its
  // message was recalled since, which another entry says, or is no longer kept. Of what
  // came while history was loaded nobody knows whether the history has it: early is true.
  amend(entry, early) {
    const { type, seq, target, body, tag } = entry
    if (type === 'tagged' && tag === undefined) return // of a message that the user is not shown
    const i = this.items.findIndex((item, j) => j < this.placed && item.seq === target)
    if (i < 0) {
      if (this.loads) this.miss(entry)
      return
    }
    let item = this.items[i]
    if (item.type !== 'message' || item.recalled) return
    if (type === 'recalled') {
      item = recall({ ...item })
    } else if (type === 'edited') {
      if (body === undefined || seq <= item.edited) return
      item = { ...item, body, edited: seq }
    } else {
      if (seq <= item.tagged) return
      const doubt = (early || entry.at <= item.sure) && (() => this.doubt(target))
      item = { ...item, tags: retag(item.tags, entry, this.chat.user?.id, early, doubt), tagged: seq }
    }
    this.splice(i, 1, [item])
  }

  // erase takes the name and the picture of a user out of what is shown.
  erase(user) {
    const bare = (it) => (it?.id === user ? { ...it, name: '', avatar: undefined } : it)
    const strip = (it) => it && { ...it, from: bare(it.from), owner: bare(it.owner), users: it.users?.map(bare) }
    this.items.forEach((item, i) => {
      if (item.seq && [item.from, item.owner, ...(item.users ?? [])].some((it) => it?.id === user)) this.splice(i, 1, [{ ...strip(item), entry: strip(item.entry) }])
    })
  }

  // miss keeps an entry while history is loaded, which may be older: the newest edit of each
  // message, and the newest entry of each user about each tag.
  miss(entry) {
    const { type, target, tag, shared, from } = entry
    const key = JSON.stringify([type, target, tag, shared, from?.id])
    this.missed.delete(key) // the order is that of seq
    this.missed.set(key, entry)
  }

  // doubt has the tags of a message read again, once nothing has come for a while.
  doubt(seq) {
    if (!this.stops.length) return // closed
    this.doubted.add(seq)
    this.timer.set(this.calm * (1 + this.chat.clock.random()), () => this.recount())
  }

  // recount reads the tags again that are doubted. While they change it waits longer.
  recount() {
    if (!this.chat.rooms.get(this.room)?.live) return // roomLive begins again
    this.calm = Math.min(this.calm * 2, maxCalm)
    for (const target of this.doubted) {
      this.doubted.delete(target)
      const item = this.items.find(({ seq }) => seq === target)
      const tagged = this.told()
      if (item) {
        this.chat.history(this.room, { before: target + 1, limit: 1 }).then(({ entries: [entry] }) => {
          const i = this.items.indexOf(item)
          if (i < 0) this.doubt(target) // it has changed meanwhile
          else if (entry?.seq === target) this.splice(i, 1, [this.makeItem(entry, tagged)])
        }, ({ retry }) => retry !== false && this.doubt(target))
      }
    }
  }

  // updateOwn takes the new state of one of the user's own messages.
  updateOwn(message) {
    const item = this.makeItem(message)
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
    for (const seq of this.doubted) this.doubt(seq)
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
    this.doubted = new Set() // the messages whose tags may be wrong
    this.calm = slack // how long nothing must come before they are read again
    this.timer.clear()
    this.missed = new Map() // while history is loaded: entries about messages that are not here
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

  // makeItem returns the item of an entry, or of a message of the outbox, which has no
  // type. It has all that was given.
  makeItem(given, tagged) {
    const { type, seq, key } = given
    const { user } = this.chat
    const from = type ? given.from : user
    const own = !type || (user !== undefined && from?.id === user.id)
    const id = own && key ? `key ${key}` : `seq ${seq}`
    const item = { type: 'message', state: 'sent', recalled: false, ...given, id, from, own, tagged, sure: this.chat.now() + this.chat.late + slack }
    if (type === 'member' || type === 'info') item.entry = given
    return item.recalled ? recall(item) : item
  }

  splice(index, removed, added) {
    if (!removed && !added.length) return
    this.items.splice(index, removed, ...added)
    this.change(index, removed, added)
  }
}

const recall = (item) => Object.assign(item, { body: undefined, mentions: undefined, tags: undefined, recalled: true })

// retag returns the tags of a message after one was set or, with the value false, removed.
// The server names only some of many users. One whom it did not name has the tag if that is
// removed, and has it not if it is set; and with early it is taken for done: the server has
// most likely read the history later. doubt is called if that may be wrong.
function retag(tags = [], { tag, value, shared, from }, me, early, doubt) {
  const old = tags.find((it) => it.tag === tag && !it.users === Boolean(shared))
  const set = value !== false
  let made = set && { tag, value }
  if (!shared) {
    const { id } = from
    const { users = 0, mine = false, some = [] } = old ?? {}
    const others = some.filter((it) => it !== id)
    const own = id === me
    const unknown = !own && others.length === some.length && users > some.length
    if (unknown && doubt) doubt()
    if (unknown && early) return tags
    const had = own ? mine : unknown ? !set : others.length < some.length
    const now = users + set - had
    made = now > 0 && { tag, users: now, mine: own ? set : mine, some: set ? [...others, id] : others }
  }
  const all = old ? tags.map((it) => (it === old ? made : it)) : [...tags, made]
  const kept = all.filter(Boolean).sort((a, b) => (a.users > 0) - (b.users > 0)) // shared ones first
  return kept.length ? kept : undefined
}
