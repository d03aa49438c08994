// FakeClock is time and chance for tests: nothing happens unless they say so, and
// the same seed gives the same chances.
export class FakeClock {
  constructor(seed = 1) {
    this.time = 1_700_000_000_000
    this.timers = new Map()
    this.lastHandle = 0
    this.seed = seed
    this.now = () => this.time
    this.random = random(seed)
    this.setTimeout = (run, delay) => {
      this.timers.set(++this.lastHandle, { run, due: this.time + delay })
      return this.lastHandle
    }
    this.clearTimeout = (handle) => this.timers.delete(handle)
  }

  // pass lets time pass, and timers run when they are due.
  pass(ms) {
    const end = this.time + ms
    for (;;) {
      const next = this.next()
      if (!next || next[1].due > end) break
      this.time = Math.max(this.time, next[1].due)
      this.timers.delete(next[0])
      next[1].run()
    }
    this.time = end
  }

  // sleep lets time pass while nothing runs, as when the system has stopped the
  // app. What has become due runs with the next pass.
  sleep(ms) {
    this.time += ms
  }

  // next is the timer that is due first, of those the one that was set first.
  next() {
    let first
    for (const timer of this.timers) {
      if (!first || timer[1].due < first[1].due) first = timer
    }
    return first
  }
}

// random returns a generator of numbers from 0 to 1 (mulberry32).
export function random(seed) {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
