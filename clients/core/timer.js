// What the client needs of time and chance. Tests lend it others.
export const system = {
  now: () => Date.now(),
  setTimeout: (run, delay) => setTimeout(run, delay),
  clearTimeout: (handle) => clearTimeout(handle),
  random: () => Math.random(),
}

// A timer that runs later than this didn't do so by chance: the device slept, or
// the system had stopped the app.
const lateness = 5_000

// With a longer delay setTimeout overflows, and runs at once.
const longest = 2 ** 31 - 1

// Timer is one alarm. Setting it again moves it.
export class Timer {
  constructor(clock) {
    this.clock = clock
  }

  // set calls run(late) after delay milliseconds; late tells of a suspension.
  set(delay, run) {
    this.clear()
    const wait = Math.min(delay, longest)
    const due = this.clock.now() + wait
    this.handle = this.clock.setTimeout(() => {
      this.handle = undefined
      run(this.clock.now() - due > lateness)
    }, wait)
  }

  clear() {
    this.clock.clearTimeout(this.handle)
    this.handle = undefined
  }
}
