import { encode, exceedsBytes } from './encode.js'
import { Timer } from './timer.js'

export const lost = { code: 'lost', message: 'the connection was lost', retry: 0 }
const otherProtocol = { code: 'no_protocol', message: 'the server does not speak chat.v1', retry: 0 }
const dead = { code: 'dead', message: 'the server does not answer', retry: 0 }

// makeLink returns a link: one connection, from before its socket is opened until it
// ends. After the end it ignores the socket: a socket that failed silently may deliver
// frames much later, when the next connection is already in use.
//
// The callbacks in on: open, once chat.v1 is agreed on; frame, for a frame that is no
// answer; alive, when a probe was answered; end, once, with the reason.
export function makeLink(clock, on) {
  const openTimeout = 20_000
  const answerTimeout = 10_000
  const probeTimeout = 3_000
  const commandTimeout = 60_000 // a batch of history needs that long on a slow phone
  const protocol = 'chat.v1'

  const createdAt = clock.monotonic()
  const pending = new Map() // by id: who gets the answer
  const timer = new Timer(clock) // the next ping, or the deadline of an answer
  const deadline = new Timer(clock) // of the commands in pending
  let socket
  let lastId = 0
  let maxFrame = Infinity // bytes
  let pingInterval = 0 // set by welcome
  let pingSent = false // any frame from the server answers it
  let probing = false // only the answer to the ping will do
  let paused = false // no pings are sent

  const link = {
    ended: false,

    get welcomed() {
      return pingInterval > 0 && !link.ended
    },

    // age returns for how long there has been the link, in milliseconds.
    age: () => clock.monotonic() - createdAt,

    open(transport, url) {
      if (link.ended) return
      const lostBy = (cause) => link.end({ ...lost, message: cause?.errMsg || cause?.message || lost.message })
      try {
        socket = transport(url, [protocol], {
          // What was closed while connecting may open all the same.
          open: (agreed) => (link.ended ? closeSocket() : opened(agreed)),
          message: (text) => link.ended || receive(text),
          error: lostBy,
          close: () => link.end(lost),
        })
      } catch (cause) {
        lostBy(cause)
      }
      if (link.ended) closeSocket() // it ended before transport returned the socket
    },

    // welcome starts the pings.
    welcome({ ping, limits }) {
      demand(ping > 0)
      pingInterval = ping
      maxFrame = limits.message
      timer.clear()
      nextPing()
    },

    // request sends a command and calls done(answer) once: with the server's answer,
    // or with the error lost, which is uncertain.
    request(type, fields, done) {
      const id = String(++lastId)
      const text = encode({ type, id, ...fields })
      if (exceedsBytes(text, maxFrame)) {
        return done({ type: 'error', code: 'too_large', message: `more than ${maxFrame} bytes`, retry: false })
      }
      pending.set(id, done)
      if (type !== 'ping' && !deadline.handle) awaitCommands() // a probe has a deadline of its own
      write(text)
    },

    // send sends a command that needs no answer.
    send(type, fields) {
      write(encode({ type, ...fields }))
    },

    // probe sends a ping to find out whether the connection still works. Frames
    // other than its answer prove nothing, since they may have been received before
    // the app was suspended. If the deadline itself runs late, probe tries once more.
    probe(again = false) {
      if (probing && !again) return
      pingSent = paused = false
      probing = true
      timer.set(probeTimeout, (late) => (late && !again ? link.probe(true) : link.end(dead)))
      link.request('ping', {}, ({ code }) => {
        if (!probing || code === lost.code) return
        probing = false
        nextPing()
        on.alive()
      })
    },

    // pause stops the pings. probe starts them again.
    pause() {
      paused = true
      probing = pingSent = false
      timer.clear()
    },

    end(reason) {
      if (link.ended) return
      link.ended = true
      deadline.clear()
      timer.clear()
      closeSocket()
      for (const done of pending.values()) done({ ...lost, type: 'error', uncertain: true })
      pending.clear()
      on.end(reason)
    },
  }

  // opened is called with the subprotocol, or with undefined if the platform can't tell.
  // Then a hello with a mistake and without a token finds out: in chat.v1 it is refused.
  function opened(agreed) {
    if (agreed !== undefined && agreed !== protocol) return link.end(otherProtocol)
    awaitAnswer()
    if (agreed) return on.open()
    link.request('hello', { rooms: [{ room: '' }] }, ({ code }) => {
      if (code === 'bad_room') on.open()
      else link.end(otherProtocol)
    })
  }

  function write(text) {
    if (link.ended) return
    try {
      socket.send(text)
    } catch {
      return link.end(lost)
    }
    if (!pingSent) nextPing()
  }

  function receive(text) {
    if (pingSent) {
      pingSent = false
      nextPing()
    }
    let command
    try {
      const frame = JSON.parse(text)
      command = pending.get(frame.id)
      pending.delete(frame.id)
      if (!command) return frame.id ? undefined : on.frame(frame) // nobody waits for the id
      if (pending.size) awaitCommands()
      else deadline.clear()
      command(frame)
    } catch (cause) {
      const error = { type: 'error', code: 'bad_answer', message: `the server broke chat.v1: ${cause.message}`, retry: false, uncertain: true }
      if (command) command(error)
      else on.frame(error)
    }
  }

  function awaitAnswer() {
    timer.set(answerTimeout, (late) => (late && link.welcomed ? link.probe() : link.end(dead)))
  }

  // awaitCommands gives the connection up if commands wait and none is answered for
  // too long, even if pings are: their promises would never settle.
  function awaitCommands(again = false) {
    deadline.set(commandTimeout, (late) => (late && !again ? awaitCommands(true) : link.end(dead)))
  }

  // nextPing sets the next ping, one interval after our last frame.
  function nextPing() {
    if (!link.welcomed || probing || paused) return
    timer.set(pingInterval, (late) => {
      if (late) return link.probe()
      pingSent = true
      awaitAnswer()
      link.send('ping')
    })
  }

  function closeSocket() {
    try {
      socket.close()
    } catch {
      // It is closed already, or was never opened.
    }
  }

  timer.set(openTimeout, () => link.end(dead))
  return link
}

// demand throws if the server has not said what it must: the text that has just come is
// then refused as a whole.
export function demand(condition) {
  if (!condition) throw new TypeError('a field')
}
