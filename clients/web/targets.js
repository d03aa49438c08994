const most = 100 // messages that are kept

// isSaid reports whether an entry is something that one may quote.
export const isSaid = ({ type }) => type === 'message' || type === 'notice'

// Targets knows the messages that the quotes and the pins of a room are about. Those that
// are not in its list are asked for, once, and again when they were edited or taken back.
export class Targets {
  constructor(state) {
    this.state = state
    this.kept = new Map() // by seq: the message, null if there is none, undefined if it is asked for
    const { chat, name } = state
    const inRoom = (listener) => (event) => event.room === name && listener(event)
    this.stops = [
      ...['edited', 'recalled'].map((type) => chat.on(type, inRoom(({ target }) => this.kept.delete(target)))),
      ...['gap', 'erased'].map((type) => chat.on(type, inRoom(() => this.kept.clear()))),
    ]
  }

  close() {
    for (const stop of this.stops) stop()
  }

  // get returns a message, null if there is none any more, or undefined as long as that is
  // not known: the room changes when it is.
  get(seq) {
    const item = this.state.items.find((item) => item.seq === seq)
    if (item) return isSaid(item) ? item : null
    if (!this.kept.has(seq)) this.load(seq)
    return this.kept.get(seq)
  }

  async load(seq) {
    const { state, kept } = this
    if (kept.size === most) kept.clear()
    kept.set(seq)
    try {
      const { entries } = await state.chat.history(state.name, { before: seq + 1, limit: 1 })
      const found = entries.find((entry) => entry.seq === seq && isSaid(entry))
      if (kept.has(seq)) kept.set(seq, found ?? null)
      state.changed()
    } catch {
      kept.delete(seq) // the next drawing asks again
    }
  }
}

// targetsOf returns the Targets of a room, which end with it.
export const targetsOf = (state) => (state.targets ??= new Targets(state))
