// List draws the items of a timeline in a page, by setData of what has changed
// alone. The page has two arrays: recent in the order of the screen, and older in
// the reverse, so that both only ever grow at their ends. Changes are drawn by
// flush, so that what happens in one go is one setData.
const most = 300 // items that are drawn while the newest are in sight
const chunk = 80000 // characters of one setData, which should carry less than 256 KB

module.exports = class List {
  // view makes of an item what the page draws, { id, … }.
  constructor(page, view) {
    this.page = page
    this.view = view
    this.begin()
  }

  // change takes what a timeline tells.
  change(index, removed, added) {
    const after = index + removed === this.older + this.recent
    if (removed === added.length) return this.set(index, added)
    if (index === 0 && removed === 0 && this.older + this.recent > 0) return this.unshift(added)
    if (removed === 0 && after) return this.push(added)
    this.begin()
  }

  // place is where in the page's data the i-th item is.
  place(i) {
    return i < this.older ? `older[${this.older - 1 - i}]` : `recent[${i - this.older}]`
  }

  set(index, items) {
    items.forEach((item, i) => this.changes.set(this.place(index + i), item))
  }

  push(items) {
    const from = this.older + this.recent
    this.recent += items.length
    this.set(from, items)
  }

  unshift(items) {
    this.older += items.length
    this.set(0, items)
  }

  // begin draws anew: something in the middle has gone or come.
  begin() {
    this.older = this.recent = 0
    this.anew = true
    this.changes = new Map() // by place: the items to draw
    this.push(this.page.timeline.items)
  }

  // flush draws what has changed, in as many steps as it takes.
  flush() {
    const { changes } = this
    this.changes = new Map()
    let step = this.anew ? { older: [], recent: [] } : {}
    let size = 0
    this.anew = false
    for (const [place, item] of changes) {
      const drawn = this.view(item)
      const more = JSON.stringify(drawn).length
      if (size > 0 && size + more > chunk) {
        this.page.setData(step)
        step = {}
        size = 0
      }
      step[place] = drawn
      size += more
    }
    if (Object.keys(step).length) this.page.setData(step)
  }

  get tooLong() {
    return this.older + this.recent > most
  }
}
