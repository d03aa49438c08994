const most = 120 // items that are drawn
const step = 40

// Window is the part of a list that is drawn: the items from index from up to, but
// without, index to. While it follows, it ends with the newest item.
export class Window {
  constructor() {
    this.from = this.to = 0
    this.follows = true
  }

  // apply takes a change of the list: at index, removed items were replaced by added ones.
  // What is inserted above the window, or at its top, is not drawn before earlier().
  apply(index, removed, added, length) {
    const grown = added - removed
    if (index < this.from || (index === 0 && !removed)) this.from = Math.max(0, Math.min(this.from + grown, length))
    if (this.follows) return this.toEnd(length)
    if (index < this.to) this.to += grown
    this.to = Math.max(this.from, Math.min(this.to, length))
    this.from = Math.max(this.from, this.to - most)
  }

  toEnd(length) {
    this.follows = true
    this.to = length
    this.from = Math.min(Math.max(this.from, length - most), Math.max(0, length - 1))
  }

  // begin draws the newest items only.
  begin(length) {
    this.from = Math.max(0, length - most / 2)
    this.toEnd(length)
  }

  // around draws the item at index and its neighbours.
  around(index, length) {
    this.follows = false
    this.from = Math.max(0, index - step / 2)
    this.to = Math.min(length, this.from + most)
  }

  // earlier and later move the window, and report whether they did.
  earlier(length) {
    if (this.from === 0) return false
    this.from = Math.max(0, this.from - step)
    this.to = Math.min(this.to, this.from + most)
    if (this.to < length) this.follows = false
    return true
  }

  later(length) {
    if (this.to >= length) return false
    this.to = Math.min(length, this.to + step)
    this.from = Math.max(this.from, this.to - most)
    return true
  }
}
