// systemClock is the time and the random numbers of the client. Tests use a fake.
// now may be set to another time while the client runs; monotonic, where the host has
// it, only counts. Mini programs do not have it.
export const systemClock = {
  now: () => Date.now(),
  monotonic: () => (typeof performance === 'object' && performance?.now ? performance : Date).now(),
  setTimeout: (run, delay) => setTimeout(run, delay),
  clearTimeout: (handle) => clearTimeout(handle),
  random: () => Math.random(),
}

// A timer that runs later than this was delayed by more than load: the device
// slept, or the system suspended the app.
const lateAfter = 5_000

// setTimeout runs at once if the delay is longer: Timer waits in several steps then.
const maxDelay = 2 ** 31 - 1

// Timer runs one function later. Setting it again replaces the earlier setting.
export class Timer {
  constructor(clock) {
    this.clock = clock
  }

  // set calls run(late) after delay milliseconds. late is true if the app was
  // suspended in the meantime. What is no time counts as a minute.
  set(delay, run) {
    this.clear()
    if (!(delay > 0 || delay === 0)) delay = 60_000
    const wait = Math.min(delay, maxDelay)
    if (wait !== delay) {
      this.handle = this.clock.setTimeout(() => this.set(delay - wait, run), wait)
      return
    }
    const due = this.clock.now() + wait
    this.handle = this.clock.setTimeout(() => {
      this.handle = undefined
      run(this.clock.now() - due > lateAfter)
    }, wait)
  }

  clear() {
    this.clock.clearTimeout(this.handle)
    this.handle = undefined
  }
}
