// List draws the items of a timeline in a page. It passes only the changes to
// setData. The page's data has two arrays: recent in the order of the screen, and
// older in reverse, so that both grow at their ends only. flush draws the changes, so
// that several changes are one setData.
const maxItems = 300 // a longer list is trimmed when its end is visible
const maxChars = 80000 // of one setData, which should carry less than 256 KB

module.exports = class List {
  // dataOf returns the data with which the page draws an item.
  constructor(page, dataOf) {
    this.page = page
    this.dataOf = dataOf
    this.reset()
  }

  // change takes a change of the timeline.
  change(index, removed, added) {
    const after = index + removed === this.older + this.recent
    if (removed === added.length) return this.set(index, added)
    if (index === 0 && removed === 0 && this.older + this.recent > 0) return this.unshift(added)
    if (removed === 0 && after) return this.push(added)
    this.reset()
  }

  // pathOf returns the path of the i-th item in the page's data.
  pathOf(i) {
    return i < this.older ? `older[${this.older - 1 - i}]` : `recent[${i - this.older}]`
  }

  set(index, items) {
    items.forEach((item, i) => this.changes.set(this.pathOf(index + i), item))
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

  // reset draws the whole list again, after a change in its middle.
  reset() {
    this.older = this.recent = 0
    this.redraw = true
    this.changes = new Map() // by path: the items to draw
    this.push(this.page.timeline.items)
  }

  // flush draws the changes, with as many calls of setData as necessary.
  flush() {
    const { changes } = this
    this.changes = new Map()
    let step = this.redraw ? { older: [], recent: [] } : {}
    let size = 0
    this.redraw = false
    for (const [path, item] of changes) {
      const data = this.dataOf(item)
      const length = JSON.stringify(data).length
      if (size > 0 && size + length > maxChars) {
        this.page.setData(step)
        step = {}
        size = 0
      }
      step[path] = data
      size += length
    }
    if (Object.keys(step).length) this.page.setData(step)
  }

  get tooLong() {
    return this.older + this.recent > maxItems
  }
}
