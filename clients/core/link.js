import { encode, exceeds } from './encode.js'
import { Timer } from './timer.js'

const openWithin = 20_000
const answerWithin = 10_000
const probeWithin = 3_000

export const lost = { code: 'lost', message: 'the connection was lost', retry: 0 }
const dead = { code: 'dead', message: 'the server does not answer', retry: 0 }

// Link is one connection, from before its socket is opened to its end. When it is
// over nothing is heard of it any more: a socket that died unnoticed may speak
// much later, while the next one is in use.
export class Link {
  // on is told: open, frame (one that answers nothing), alive (a probe has
  // succeeded), end (once, with the reason).
  constructor(clock, on) {
    this.clock = clock
    this.on = on
    this.since = clock.now()
    this.asked = new Map() // by id: who waits for the answer
    this.lastId = 0
    this.limit = Infinity // bytes of a frame
    this.interval = 0 // of pings; set by welcome
    this.pinged = false // anything heard will do
    this.probing = false // only the answer will do
    this.resting = false
    this.over = false
    this.pulse = new Timer(clock) // the next ping, or the deadline of what is awaited
    this.pulse.set(openWithin, () => this.end(dead))
  }

  get welcomed() {
    return this.interval > 0 && !this.over
  }

  open(transport, url) {
    if (this.over) return
    const unlessOver = (hear) => (what) => {
      if (!this.over) hear(what)
    }
    try {
      this.socket = transport(url, ['chat.v1'], {
        open: unlessOver(() => {
          this.awaitAnswer()
          this.on.open()
        }),
        message: unlessOver((text) => this.hear(text)),
        error: unlessOver(() => this.end(lost)),
        close: unlessOver(() => this.end(lost)),
      })
    } catch {
      this.end(lost)
    }
    if (this.over) this.hangUp() // it ended before there was a socket to close
  }

  // welcome begins the heartbeat.
  welcome({ ping, limits }) {
    this.interval = ping
    this.limit = limits.message
    this.pulse.clear()
    this.beat()
  }

  // ask says a command and calls settle(answer) once: with the server's answer,
  // or with the error lost.
  ask(type, fields, settle) {
    const id = String(++this.lastId)
    const text = encode({ type, id, ...fields })
    if (exceeds(text, this.limit)) {
      return settle({ type: 'error', code: 'too_large', message: `the frame has more than ${this.limit} bytes`, retry: false })
    }
    this.asked.set(id, settle)
    this.say(text)
  }

  // tell says a command that needs no answer.
  tell(type, fields) {
    this.say(encode({ type, ...fields }))
  }

  say(text) {
    if (this.over) return
    try {
      this.socket.send(text)
    } catch {
      return this.end(lost)
    }
    if (!this.pinged) this.beat()
  }

  hear(text) {
    const frame = parse(text)
    if (this.pinged) {
      this.pinged = false
      this.beat()
    }
    if (frame?.id === undefined) {
      if (frame) this.on.frame(frame)
      return
    }
    const settle = this.asked.get(frame.id)
    this.asked.delete(frame.id)
    settle?.(frame)
  }

  awaitAnswer() {
    this.pulse.set(answerWithin, (late) => (late && this.welcomed ? this.probe() : this.end(dead)))
  }

  // beat sets the next ping, an interval after the last thing that we said.
  beat() {
    if (!this.welcomed || this.probing || this.resting) return
    this.pulse.set(this.interval, (late) => {
      if (late) return this.probe()
      this.pinged = true
      this.awaitAnswer()
      this.tell('ping')
    })
  }

  // probe finds out whether the connection still stands. What was received
  // before says nothing of that, so only the answer counts. A deadline that
  // runs late says nothing either, once.
  probe(again = false) {
    if (this.probing && !again) return
    this.pinged = this.resting = false
    this.probing = true
    this.pulse.set(probeWithin, (late) => (late && !again ? this.probe(true) : this.end(dead)))
    this.ask('ping', {}, ({ code }) => {
      if (!this.probing || code === lost.code) return
      this.probing = false
      this.beat()
      this.on.alive()
    })
  }

  // rest stops the heartbeat; probe starts it again.
  rest() {
    this.resting = true
    this.probing = this.pinged = false
    this.pulse.clear()
  }

  end(reason) {
    if (this.over) return
    this.over = true
    this.pulse.clear()
    this.hangUp()
    for (const settle of this.asked.values()) settle({ type: 'error', ...lost })
    this.asked.clear()
    this.on.end(reason)
  }

  hangUp() {
    try {
      this.socket?.close()
    } catch {
      // It is closed, then.
    }
  }
}

// parse returns the frame, or nothing if the server sent something else.
function parse(text) {
  try {
    const frame = JSON.parse(text)
    return frame !== null && typeof frame === 'object' ? frame : undefined
  } catch {
    return undefined
  }
}
