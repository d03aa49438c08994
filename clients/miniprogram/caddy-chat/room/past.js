// Which messages of a room are kept. While somebody reads further back, those that are far
// from what is drawn are forgotten at both ends, and loaded again when they come near.
const { Timeline } = require('../lib/chat')
const { RoomState } = require('../lib/text')

const most = 1000 // messages that are kept
const beside = 200 // those on each side of what is drawn, after some were forgotten
const step = 50 // messages that are loaded at a time

// Past is a Timeline that may end before the newest message: at cut, a seq. What the server
// sends then is not inserted, since it would not follow. The user's own messages that are
// not sent yet stay behind it.
class Past extends Timeline {
  reset() {
    super.reset()
    this.cut = undefined
  }

  insert(entry, tagged) {
    if (this.cut !== undefined && entry.seq > this.cut) this.noteSeq(entry.seq)
    else super.insert(entry, tagged)
  }

  // forget keeps the messages from index from up to index to.
  forget(from, to) {
    if (to < this.placed) this.endAt(to, this.items[to].seq - 1)
    if (from > 0) this.trim(this.placed - from)
  }

  endAt(index, cut) {
    const removed = this.placed - index
    this.cut = cut
    this.placed = index
    this.splice(index, removed, [])
  }

  // newer loads what follows the cut. Meanwhile what comes live is inserted as far as the
  // answer will reach: both together leave nothing out. It must not run beside older.
  async newer() {
    const { cut } = this
    const reach = this.cut = cut + step
    const tagged = this.told()
    this.loads++
    try {
      const { entries, epoch } = await this.chat.history(this.room, { before: reach + 1, limit: step })
      if (this.cut !== reach) return // the list has begun anew
      if (epoch !== this.epoch) return this.restart()
      for (const entry of entries) this.insert(entry, Math.max(tagged, entry.seq))
      for (const entry of [...this.missed.values()]) this.amend(entry, true)
      if (reach >= this.last) this.cut = undefined
    } catch (err) {
      if (this.cut === reach) this.endAt(this.items.slice(0, this.placed).filter(({ seq }) => seq <= cut).length, cut)
      throw err
    } finally {
      if (!--this.loads) this.missed.clear()
    }
  }
}

// Room is a RoomState whose list may end before the newest message.
class Room extends RoomState {
  constructor(chat, name, changed) {
    super(chat, name, changed)
    this.timeline.close()
    this.timeline = new Past(chat, name, (index, removed, added) => this.applyChange(index, removed, added), ['member', 'info'])
  }

  // length is how many items follow each other.
  get length() {
    const { cut, placed, items } = this.timeline
    return cut === undefined ? items.length : placed
  }

  // atEnd reports whether the newest message is drawn.
  get atEnd() {
    return this.timeline.cut === undefined && this.window.to === this.items.length
  }

  below() {
    return this.timeline.cut === undefined ? super.below() : (this.known && this.known.unread) || 0
  }

  // newer loads what was forgotten below, once at a time, and never beside older.
  newer() {
    if (this.loading || this.timeline.cut === undefined || this.chat.state !== 'online' || !this.known || !this.known.live) return
    this.loading = this.timeline.newer().catch(() => { this.stuck = true }).then(() => {
      this.loading = undefined
      this.changed()
      return true
    })
  }

  // forget keeps what is drawn and what is beside it, if there is much more.
  forget() {
    const { window, timeline: { placed }, loading } = this
    if (!window.follows && !loading && placed > most) this.timeline.forget(Math.max(0, window.from - beside), window.to + beside)
  }

  // begin empties the list if it does not end with the newest message: that is loaded again.
  begin() {
    if (this.timeline.cut !== undefined) this.timeline.restart()
    this.window.begin(this.items.length)
  }
}

module.exports = { Room }
