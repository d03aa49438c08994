const maxChars = 60000 // of one setData, which should carry less than 256 KB

// Rows draws rows in a component, each with an id. Only what has changed goes to setData:
// the data has order, the keys of the rows from top to bottom, and rows, by key. A key that
// is free is used again, so that the data does not grow.
exports.Rows = class Rows {
  constructor() {
    this.known = new Map() // by id: the key, and the row as JSON
    this.order = ''
    this.free = []
    this.count = 0
  }

  // update returns the calls of setData that draw a list of rows, one after the other. Each
  // carries as much as setData should, at most. The last one has the order.
  update(list) {
    const steps = []
    let step = {}
    let size = 0
    const known = new Map()
    const order = []
    for (const row of list) {
      const text = JSON.stringify(row)
      const before = this.known.get(row.id)
      const key = before ? before.key : this.free.pop() || `r${++this.count}`
      known.set(row.id, { key, text })
      order.push(key)
      if (before && before.text === text) continue
      if (size > 0 && size + text.length > maxChars) {
        steps.push(step)
        step = {}
        size = 0
      }
      step[`rows.${key}`] = row
      size += text.length
    }
    for (const [id, { key }] of this.known) {
      if (known.has(id)) continue
      step[`rows.${key}`] = null
      this.free.push(key)
    }
    this.known = known
    const text = order.join()
    if (text !== this.order) step.order = order
    this.order = text
    if (Object.keys(step).length) steps.push(step)
    return steps
  }
}
