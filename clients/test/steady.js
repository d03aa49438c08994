// What differs from time to time is made the same on the way to a client, so that a picture
// changes only when the client does.

// Steady changes the frames of the server: messages are a minute apart, the server's
// clock stands at noon, and guests and users of WeChat have ids that are the same each time.
export class Steady {
  // began is the time of the first message of each room.
  constructor(began) {
    this.began = began
    this.ids = new Map()
    this.days = new Map() // by room: how many days ago its messages were said
  }

  frame(text) {
    const frame = JSON.parse(text, (name, value) => (name === 'id' && /^(guest|wx)-/.test(value) ? this.id(value) : name === 'mentions' ? value.map((id) => this.ids.get(id) ?? id) : value))
    if (frame.type === 'welcome') frame.at = this.began + 7_200_000
    for (const entry of [frame, ...(frame.entries ?? []), ...(frame.rooms ?? []).flatMap?.((room) => room.entries ?? []) ?? []]) {
      if (entry.seq && entry.at) entry.at = this.time(entry)
    }
    for (const row of [frame, ...(frame.rows ?? frame.list?.rows ?? [])].filter(({ last }) => last)) {
      row.at = this.time({ room: row.room, seq: row.entry?.seq ?? 1 })
      if (row.entry) row.entry.at = row.at
    }
    return JSON.stringify(frame)
  }

  time({ room, seq }) {
    return this.began + seq * 60_000 - (this.days.get(room) ?? 0) * 86_400_000
  }

  id(id) {
    if (!this.ids.has(id)) this.ids.set(id, `guest-${this.ids.size}`)
    return this.ids.get(id)
  }
}
