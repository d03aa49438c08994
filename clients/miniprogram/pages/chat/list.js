// List draws the items of a timeline in a page. It passes only the changes to
// setData. The page's data has two arrays: recent in the order of the screen, and
// older in reverse, so that both grow at their ends only. flush draws the changes, so
// that several changes are one setData. How an item looks depends on the one before it, so with
// each item the one after it is drawn again.
const maxItems = 300 // a longer list is trimmed when its end is visible
const maxChars = 80000 // of one setData, which should carry less than 256 KB

module.exports = class List {
  // dataOf returns the data with which the page draws an item, by the item before it.
  constructor(page, dataOf) {
    this.page = page
    this.dataOf = dataOf
    this.reset()
  }

  // change takes a change of the timeline.
  change(index, removed, { length }) {
    const count = this.older + this.recent
    if (removed === length) return this.redraw(index, length)
    if (removed === 0 && index === 0 && count > 0) {
      this.older += length
      return this.redraw(0, length)
    }
    if (removed === 0 && index === count) return this.push(length)
    this.reset()
  }

  push(count) {
    const from = this.older + this.recent
    this.recent += count
    this.redraw(from, count)
  }

  // redraw has items drawn by the next flush. They are kept as their distance from the
  // first of recent, which stays while the list grows.
  redraw(index, count) {
    const end = Math.min(index + count + 1, this.older + this.recent)
    for (let i = index; i < end; i++) this.changes.add(i - this.older)
  }

  // reset draws the whole list again, after a change in its middle.
  reset() {
    this.older = this.recent = 0
    this.anew = true
    this.changes = new Set()
    this.push(this.page.timeline.items.length)
  }

  // flush draws the changes, with as many calls of setData as necessary.
  flush() {
    const { changes } = this
    const { items } = this.page.timeline
    this.changes = new Set()
    let step = this.anew ? { older: [], recent: [] } : {}
    let size = 0
    this.anew = false
    for (const place of changes) {
      const i = this.older + place
      const data = this.dataOf(items[i], items[i - 1])
      const length = JSON.stringify(data).length
      if (size > 0 && size + length > maxChars) {
        this.page.setData(step)
        step = {}
        size = 0
      }
      step[place < 0 ? `older[${-1 - place}]` : `recent[${place}]`] = data
      size += length
    }
    if (Object.keys(step).length) this.page.setData(step)
  }

  get tooLong() {
    return this.older + this.recent > maxItems
  }
}
