// What differs from time to time is made the same on the way to a client, so that a picture
// changes only when the client does.

// Steady changes the frames of the server: messages are a minute apart, the server's
// clock stands at noon, and guests have ids that are the same each time.
export class Steady {
  // began is the time of the first message of each room.
  constructor(began) {
    this.began = began
    this.ids = new Map()
  }

  frame(text) {
    const frame = JSON.parse(text, (name, value) => (name === 'id' && /^guest-/.test(value) ? this.id(value) : value))
    if (frame.type === 'welcome') frame.at = this.began + 7_200_000
    for (const entry of [frame, ...(frame.entries ?? []), ...(frame.rooms ?? []).flatMap?.((room) => room.entries ?? []) ?? []]) {
      if (entry.seq && entry.at) entry.at = this.began + entry.seq * 60_000
    }
    return JSON.stringify(frame)
  }

  id(id) {
    if (!this.ids.has(id)) this.ids.set(id, `guest-${this.ids.size}`)
    return this.ids.get(id)
  }
}
