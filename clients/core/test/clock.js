// FakeClock is the time and the random numbers of a test. Time advances only when
// the test says so; one seed always gives the same random numbers.
export class FakeClock {
  constructor(seed = 1) {
    this.time = 1_700_000_000_000
    this.timers = new Map()
    this.lastHandle = 0
    this.seed = seed
    this.skew = 0 // of the device's clock
    this.now = () => this.time + this.skew
    this.monotonic = () => this.time
    this.random = random(seed)
    this.setTimeout = (run, delay) => {
      this.timers.set(++this.lastHandle, { run, due: this.time + delay })
      return this.lastHandle
    }
    this.clearTimeout = (handle) => this.timers.delete(handle)
  }

  // advance moves the time forward and runs the timers that become due.
  advance(ms) {
    const end = this.time + ms
    while (this.runNext(end));
    this.time = end
  }

  // play is advance, except that promises settle after each timer, as they do in an app.
  async play(ms) {
    const end = this.time + ms
    while (this.runNext(end)) {
      for (let i = 0; i < 5; i++) await undefined
    }
    this.time = end
  }

  // runNext runs the timer that is due first, and reports whether one is due until end.
  runNext(end) {
    const [handle, { run, due } = {}] = this.next() ?? []
    if (!(due <= end)) return false
    this.time = Math.max(this.time, due)
    this.timers.delete(handle)
    run()
    return true
  }

  // jump sets the device's clock to another time.
  jump(ms) {
    this.skew += ms
  }

  // sleep moves the time forward without running timers, as when the system has
  // suspended the app. Timers that became due run with the next advance.
  sleep(ms) {
    this.time += ms
  }

  // next returns the timer that is due first. If several are due at one time, it is
  // the one that was set first.
  next() {
    let first
    for (const timer of this.timers) {
      if (!first || timer[1].due < first[1].due) first = timer
    }
    return first
  }
}

// random returns a generator of numbers in [0, 1), by the algorithm mulberry32.
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
