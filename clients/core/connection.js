import { Deferred } from './deferred.js'
import { encode, exceedsBytes, randomKey } from './encode.js'
import { lost, makeLink } from './link.js'
import { joinFields } from './rooms.js'
import { Timer } from './timer.js'

// makeConnection keeps a client connected over any number of links, and knows its state
// and its token.
export function makeConnection(chat, { url, transport, watch, token: given, device = randomKey(chat.clock.random) }) {
  const firstBackoff = 500 // the range of the first back-off; it doubles with each failure
  const maxBackoff = 20_000
  const youngAge = 3_000 // a younger connection may still be opening
  const maxHelloRooms = 48 * 1024 // bytes; a server takes 64 KiB, and the token needs some
  const hintAfter = 3 // failures of the first connection

  const { clock, outbox, roomSet, store } = chat
  const getToken = typeof given === 'string' ? () => given : given
  const timer = new Timer(clock) // the next attempt
  let link
  let started = false // connect was called, and the client is not closed
  let suspended = false
  let resuming = false // suspended, and a probe is under way
  let reason // why the client is closed
  let lastState = 'offline' // the state that was emitted last
  let connecting // the Deferred of connect
  let failures = 0 // connections in a row without a welcome
  let byeRetry = 0 // the wait that the last bye asked for,
  let endedAt = 0 // and when it came
  let token
  let tokenError // the code with which the last token was refused
  let unwatch

  // The methods of the client that are about its connection; index.d.ts describes them.
  Object.assign(chat, {
    connect() {
      const { promise } = (connecting ??= new Deferred())
      if (!started) {
        tokenError = reason = undefined
        chat.reported.delete('unreachable')
      }
      started = true
      unwatch ??= watch?.(chat)
      if (suspended) chat.resume()
      else if (link?.welcomed) settle()
      else if (!link) scheduleOpen()
      return promise
    },

    close() {
      stop({ code: 'closed', message: 'close was called' })
      unwatch?.()
      unwatch = undefined
    },

    suspend() {
      if (!started) return
      suspended = true
      resuming = false
      timer.clear()
      link?.pause()
      emitState()
    },

    resume() {
      if (suspended && !link?.welcomed) {
        suspended = false
        scheduleOpen()
      } else {
        resuming = suspended
        chat.check()
      }
    },

    check() {
      if (!started || (suspended && !resuming)) return
      if (link?.welcomed) return link.probe()
      if (!(link?.age() < youngAge)) scheduleOpen()
    },
  })

  const connection = {
    get state() {
      if (!started) return reason ? 'closed' : 'offline'
      if (suspended) return 'suspended'
      if (!link) return 'offline'
      return link.welcomed ? 'online' : 'connecting'
    },

    forget() {
      token = undefined
      store.set('token', '')
    },

    // renew replaces the link, or the token of the next one.
    renew(next) {
      if (next) {
        token = next
      } else if (link) {
        dropLink()
        if (!suspended) scheduleOpen()
      }
    },

    async expiring() {
      try {
        const next = await getToken?.('expiring')
        if (next) await chat.renew(next)
      } catch (cause) {
        tokenFailed(cause)
      }
    },
  }

  // scheduleOpen replaces the link: at once, unless a bye asked to wait.
  function scheduleOpen() {
    dropLink()
    const wait = endedAt + byeRetry - clock.monotonic()
    if (wait <= 0) return open()
    timer.set(wait, open)
    emitState({ retry: wait })
  }

  function open() {
    timer.clear()
    const next = makeLink(clock, {
      open: () => sendHello(next),
      frame: (frame) => chat.receive(frame),
      alive() {
        if (resuming) suspended = resuming = false
        emitState()
      },
      end: (reason) => linkEnded(next, reason),
    })
    chat.link = link = next
    emitState()
    if (getToken && !token) return fetchToken(next)
    token ??= store.get('token')
    next.open(transport, url)
  }

  // fetchToken gets the token from the app. Without a token the user is a guest.
  async function fetchToken(next) {
    try {
      token = (await getToken(tokenError)) || store.get('token')
    } catch (cause) {
      tokenFailed(cause)
      return next.end(lost)
    }
    next.open(transport, url)
  }

  function sendHello(next) {
    // Rooms that do not fit into the frame are joined after welcome.
    let rooms = [...chat.rooms.values()].map(joinFields)
    while (exceedsBytes(encode(rooms), maxHelloRooms)) rooms = rooms.slice(0, rooms.length / 2)
    next.request('hello', { token, device, name: chat.name, avatar: chat.avatar, rooms, list: chat.listPart?.hello() }, (answer) => {
      if (answer.type !== 'error') return welcome(next, answer)
      // One invalid room name must not keep the user out of all other rooms.
      const room = chat.rooms.get(rooms[/^rooms\[(\d+)/.exec(answer.field)?.[1]]?.room)
      if (!room) return next.end(answer)
      roomSet.refuse(room, { ...answer, retry: false })
      if (!next.ended) sendHello(next)
    })
  }

  function welcome(next, frame) {
    next.welcome(frame)
    failures = byeRetry = 0
    tokenError = undefined
    if (frame.token) {
      token = frame.token
      store.set('token', token)
    }
    chat.welcome(frame)
    settle()
    emitState()
    roomSet.welcome(next, frame.rooms)
    if (chat.link === next) chat.listPart?.welcome(frame.list)
  }

  // settle resolves the promises of connect.
  function settle() {
    connecting?.resolve(chat.user)
    connecting = undefined
  }

  // dropLink gives up the link, if there is one.
  function dropLink() {
    const dropped = link
    if (!dropped) return
    chat.link = link = undefined
    roomSet.linkLost()
    chat.listPart?.linkLost()
    dropped.end(lost)
  }

  // linkEnded decides whether to reconnect after a link has ended, and when.
  function linkEnded(ended, { code, message, retry }) {
    if (link !== ended) return
    dropLink()
    endedAt = clock.monotonic()
    byeRetry = +retry || 0
    if (retry === false && !canReplaceToken(code)) return stop({ code, message })
    if (resuming) suspended = resuming = false
    const wait = byeRetry + clock.random() * Math.min(maxBackoff, firstBackoff * 2 ** failures++)
    if (!suspended) timer.set(wait, open)
    emitState({ code, message, retry: wait })
    // Platforms do not tell why a WebSocket failed.
    if (!chat.user && failures >= hintAfter) {
      chat.report({ code: 'unreachable', retry: 0, message: `no connection to ${url.split('?')[0]}: ${message}. ` +
        "Check its address, certificate, origins, domains" })
    }
  }

  // canReplaceToken reports whether to reconnect with a new token: if the server
  // refused the token, the app is asked for another one, once.
  function canReplaceToken(code) {
    if (code !== 'bad_token' && code !== 'expired') return false
    const first = !tokenError
    tokenError = code
    token = undefined
    return getToken && first
  }

  function tokenFailed(cause) {
    chat.fail({ code: 'no_token', message: `no token: ${cause?.message}`, retry: 0 })
  }

  // stop closes the client until connect is called.
  function stop(refusal) {
    started = suspended = resuming = false
    reason = { ...refusal, retry: false }
    byeRetry = 0
    timer.clear()
    dropLink()
    outbox.resumeAll()
    connecting?.reject(reason)
    connecting = undefined
    emitState(reason)
  }

  // emitState emits the state if it has changed.
  function emitState(why) {
    const { state } = connection
    if (state === lastState) return
    lastState = state
    chat.emit('state', { state, ...why })
  }

  return connection
}
