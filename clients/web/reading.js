const delay = 300 // of the read mark, which several messages may move

// Reading follows which messages are in sight: their last lines inside of the window of
// the browser, in a tab that is shown. It calls saw(seq), with the newest of them.
export class Reading {
  constructor(saw) {
    this.saw = saw
    this.visible = new Set()
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.visible.add(target)
        else this.visible.delete(target)
      }
      this.look()
    })
    this.onVisible = () => this.look()
    document.addEventListener('visibilitychange', this.onVisible)
  }

  // follow takes the elements that are drawn now. Each is the end of a message.
  follow(elements) {
    const all = new Set(elements)
    for (const element of this.followed ?? []) {
      if (all.has(element)) continue
      this.observer.unobserve(element)
      this.visible.delete(element)
    }
    for (const element of all) if (!this.followed?.has(element)) this.observer.observe(element)
    this.followed = all
    this.look()
  }

  look() {
    if (document.visibilityState !== 'visible') return
    const seqs = [...this.visible].map((element) => Number(element.closest('li')?.dataset.seq) || 0)
    if (seqs.length) this.saw(Math.max(...seqs))
  }

  close() {
    this.observer.disconnect()
    document.removeEventListener('visibilitychange', this.onVisible)
  }
}

// ReadMark tells the server what was read, soon, and no more often than needed.
class ReadMark {
  constructor(chat) {
    this.chat = chat
    this.marks = new Map() // by room
  }

  move(room, seq) {
    const known = this.chat.rooms.get(room)
    if (!known?.live || seq <= known.read || seq <= (this.marks.get(room) ?? 0)) return
    this.marks.set(room, seq)
    this.timer ??= setTimeout(() => this.send(), delay)
  }

  send() {
    clearTimeout(this.timer)
    this.timer = undefined
    for (const [room, seq] of this.marks) this.chat.read(room, seq) // lost with the connection: what is in sight is told again
    this.marks.clear()
  }
}

// saw takes the newest message of a room that is in sight.
export function saw(element, state, seq) {
  if (!element.isShown) return
  const { items, known } = state
  let last = items.length - 1
  while (last >= 0 && !items[last].seq) last--
  if (seq > state.seen) {
    state.seen = seq
    element.requestUpdate()
  }
  element.readMark ??= new ReadMark(element.chat)
  element.readMark.move(state.name, seq === items[last]?.seq ? Math.max(seq, known?.seq ?? 0) : seq) // recalls have no line of their own
}
