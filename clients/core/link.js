import { encode, exceedsBytes } from './encode.js'
import { Timer } from './timer.js'

const protocol = 'chat.v1'
const openTimeout = 20_000
const answerTimeout = 10_000
const probeTimeout = 3_000
const commandTimeout = 60_000 // a batch of history needs that long on a slow phone

export const lost = { code: 'lost', message: 'the connection was lost', retry: 0 }
const otherProtocol = { code: 'no_protocol', message: 'the server did not agree on chat.v1', retry: 0 }
const dead = { code: 'dead', message: 'the server does not answer', retry: 0 }

// Link is one connection, from before its socket is opened until it ends. After
// the end it ignores the socket: a socket that failed silently may deliver frames
// much later, when the next connection is already in use.
export class Link {
  // The callbacks in on: open; frame, for a frame that is no answer; alive, when
  // a probe was answered; end, once, with the reason.
  constructor(clock, on) {
    this.clock = clock
    this.on = on
    this.createdAt = clock.now()
    this.pending = new Map() // by id: who gets the answer
    this.lastId = 0
    this.maxFrame = Infinity // bytes
    this.pingInterval = 0 // set by welcome
    this.pingSent = false // any frame from the server answers it
    this.probing = false // only the answer to the ping will do
    this.paused = false // no pings are sent
    this.ended = false
    this.timer = new Timer(clock) // the next ping, or the deadline of an answer
    this.deadline = new Timer(clock) // of the commands in pending
    this.timer.set(openTimeout, () => this.end(dead))
  }

  get welcomed() {
    return this.pingInterval > 0 && !this.ended
  }

  open(transport, url) {
    if (this.ended) return
    const unlessEnded = (handle) => (what) => {
      if (!this.ended) handle(what)
    }
    try {
      this.socket = transport(url, [protocol], {
        open: unlessEnded((agreed) => {
          if (agreed !== protocol) return this.end(otherProtocol)
          this.awaitAnswer()
          this.on.open()
        }),
        message: unlessEnded((text) => this.receive(text)),
        error: unlessEnded(() => this.end(lost)),
        close: unlessEnded(() => this.end(lost)),
      })
    } catch {
      this.end(lost)
    }
    if (this.ended) this.closeSocket() // it ended before transport returned the socket
  }

  // welcome starts the pings.
  welcome({ ping, limits }) {
    this.pingInterval = ping
    this.maxFrame = limits.message
    this.timer.clear()
    this.nextPing()
  }

  // request sends a command and calls done(answer) once: with the server's answer,
  // or with the error lost, which is uncertain.
  request(type, fields, done) {
    const id = String(++this.lastId)
    const text = encode({ type, id, ...fields })
    if (exceedsBytes(text, this.maxFrame)) {
      return done({ type: 'error', code: 'too_large', message: `the frame has more than ${this.maxFrame} bytes`, retry: false })
    }
    this.pending.set(id, done)
    if (type !== 'ping' && !this.deadline.handle) this.awaitCommands() // a probe has a deadline of its own
    this.write(text)
  }

  // send sends a command that needs no answer.
  send(type, fields) {
    this.write(encode({ type, ...fields }))
  }

  write(text) {
    if (this.ended) return
    try {
      this.socket.send(text)
    } catch {
      return this.end(lost)
    }
    if (!this.pingSent) this.nextPing()
  }

  receive(text) {
    const frame = parse(text)
    if (this.pingSent) {
      this.pingSent = false
      this.nextPing()
    }
    if (frame?.id === undefined) {
      if (frame) this.on.frame(frame)
      return
    }
    const done = this.pending.get(frame.id)
    this.pending.delete(frame.id)
    if (this.pending.size) this.awaitCommands()
    else this.deadline.clear()
    done?.(frame)
  }

  awaitAnswer() {
    this.timer.set(answerTimeout, (late) => (late && this.welcomed ? this.probe() : this.end(dead)))
  }

  // awaitCommands gives the connection up if commands wait and none is answered for
  // too long, even if pings are: their promises would never settle.
  awaitCommands() {
    this.deadline.set(commandTimeout, (late) => (late ? this.awaitCommands() : this.end(dead)))
  }

  // nextPing sets the next ping, one interval after our last frame.
  nextPing() {
    if (!this.welcomed || this.probing || this.paused) return
    this.timer.set(this.pingInterval, (late) => {
      if (late) return this.probe()
      this.pingSent = true
      this.awaitAnswer()
      this.send('ping')
    })
  }

  // probe sends a ping to find out whether the connection still works. Frames
  // other than its answer prove nothing, since they may have been received before
  // the app was suspended. If the deadline itself runs late, probe tries once more.
  probe(again = false) {
    if (this.probing && !again) return
    this.pingSent = this.paused = false
    this.probing = true
    this.timer.set(probeTimeout, (late) => (late && !again ? this.probe(true) : this.end(dead)))
    this.request('ping', {}, ({ code }) => {
      if (!this.probing || code === lost.code) return
      this.probing = false
      this.nextPing()
      this.on.alive()
    })
  }

  // pause stops the pings. probe starts them again.
  pause() {
    this.paused = true
    this.probing = this.pingSent = false
    this.timer.clear()
  }

  end(reason) {
    if (this.ended) return
    this.ended = true
    this.deadline.clear()
    this.timer.clear()
    this.closeSocket()
    for (const done of this.pending.values()) done({ type: 'error', uncertain: true, ...lost })
    this.pending.clear()
    this.on.end(reason)
  }

  closeSocket() {
    try {
      this.socket?.close()
    } catch {
      // It is closed already.
    }
  }
}

// parse returns the frame, or undefined if text is not a JSON object.
function parse(text) {
  try {
    const frame = JSON.parse(text)
    return frame !== null && typeof frame === 'object' ? frame : undefined
  } catch {
    return undefined
  }
}
