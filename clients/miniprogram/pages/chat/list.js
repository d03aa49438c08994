// List draws the items of a timeline in a page, by setData of what has changed
// alone. The page has two arrays: recent in the order of the screen, and older in
// the reverse, so that both only ever grow at their ends.
const most = 300 // items that are drawn while the newest are in sight
const chunk = 25 // items of one setData, which may carry 256 KB

module.exports = class List {
  // view makes of an item what the page draws, { id, … }.
  constructor(page, view) {
    this.page = page
    this.view = view
    this.older = 0
    this.recent = 0
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
    this.draw(items.map((item, i) => [this.place(index + i), item]))
  }

  push(items) {
    const from = this.recent
    this.recent += items.length
    this.draw(items.map((item, i) => [`recent[${from + i}]`, item]))
  }

  unshift(items) {
    const from = this.older
    this.older += items.length
    this.draw([...items].reverse().map((item, i) => [`older[${from + i}]`, item]))
  }

  draw(places) {
    for (let i = 0; i < places.length; i += chunk) {
      const changes = {}
      for (const [place, item] of places.slice(i, i + chunk)) changes[place] = this.view(item)
      this.page.setData(changes)
    }
  }

  // begin draws anew: something in the middle has gone or come.
  begin() {
    const { items } = this.page.timeline
    this.older = this.recent = 0
    this.page.setData({ older: [], recent: [] })
    this.push(items)
  }

  get tooLong() {
    return this.older + this.recent > most
  }
}
