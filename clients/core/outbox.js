import { Deferred, rejected } from './deferred.js'
import { randomKey } from './encode.js'
import { demand, lost } from './link.js'
import { Timer } from './timer.js'

export const left = { code: 'left', message: 'the room was left' }

// makeOutbox keeps each message of the user until the server has recorded it or
// refused it for good. It stores a message before it sends it, so that the
// message survives the end of the app. It sends one message at a time per room, so
// that a message that must be sent again is not overtaken by a later one.
//
// Clients of one page share the stored list: each client takes from it the messages
// of the rooms that it joins, and changes only the messages that it holds.
export function makeOutbox(chat) {
  // When the outbox is full, send refuses with outbox_full. WeChat stores at most
  // 1 MB under one key: that many characters stay below it in UTF-8.
  const maxMessages = 500
  const maxChars = 300_000

  const messages = []
  const promises = new Map() // by key: the Deferred of send or retry
  const inFlight = new Map() // by room: the message that waits for its answer
  const paused = new Map() // by room: the timer that resumes sending

  Object.assign(chat, {
    // send sends a message now, or when the client is online again. It makes room by
    // discarding the oldest messages that have failed. Who says something uses the app,
    // whether or not the host has told that it came to the foreground.
    send(room, body, { key = randomKey(chat.clock.random), reply, mentions, quiet } = {}) {
      if (chat.state === 'suspended') chat.resume()
      if (!chat.rooms.has(room)) return notJoined(room)
      const said = JSON.parse(JSON.stringify({ body, reply, mentions, quiet }))
      const message = { room, key, ...said, at: chat.now(), user: chat.user?.id }
      let waiting = all()
      while (waiting.length >= maxMessages || (waiting.length && JSON.stringify([...waiting, message]).length > maxChars)) {
        const failed = waiting.find(({ state }) => state === 'failed')
        if (!failed) return rejected({ code: 'outbox_full', message: `${waiting.length} messages wait` })
        chat.discard(failed.key)
        waiting = save(failed.key)
      }
      return enqueue(message)
    },

    // retry sends a failed message again, as the newest.
    retry(key) {
      const message = messages.find((message) => message.key === key && message.state === 'failed')
      if (!message) return rejected({ code: 'not_found', message: 'there is no such message' })
      if (!chat.rooms.has(message.room)) return notJoined(message.room)
      take(message)
      return enqueue(message)
    },

    // discard deletes a message. If it is in flight, the server may still record it.
    discard(key) {
      const message = messages.find((message) => message.key === key)
      if (message) finish(message, { state: 'discarded', code: 'discarded' })
    },
  })

  const outbox = {
    messages,

    // flush sends the next message of a room.
    flush(name) {
      const { link } = chat
      if (!link?.welcomed || !chat.rooms.get(name)?.joined) return
      if (inFlight.has(name) || paused.has(name)) return
      const message = messages.find(({ room, state }) => room === name && state === 'sending')
      if (!message) return

      const { key, body, reply, mentions, quiet } = message
      inFlight.set(name, message)
      link.request('send', { room: name, key, body, reply, mentions, quiet }, (answer) => {
        const { code, retry } = answer
        if (inFlight.get(name) !== message) return
        demand(answer.type === 'error' || answer.seq > 0)
        inFlight.delete(name)
        const room = chat.rooms.get(name)
        if (answer.type === 'ok') finish(message, { state: 'sent', seq: answer.seq, at: answer.at })
        else if (!room) outbox.failRoom(name, left)
        else if (code === lost.code || (code === 'not_joined' && !room.joined)) return // sent again once the room is joined again
        else if (retry === false) fail(message, answer)
        else pause(name, retry)
        outbox.flush(name)
      })
    },

    resumeAll() {
      for (const name of [...paused.keys()]) resume(name)
    },

    // confirm takes an entry of a room. If the entry is a message of this outbox, the
    // message is sent: its entry may arrive before the answer to send, or instead.
    confirm({ room, key, from, seq, at }) {
      if (!key || from?.id !== chat.user?.id) return
      const message = messages.find((message) => message.key === key && message.room === room)
      if (!message) return
      finish(message, { state: 'sent', seq, at })
      outbox.flush(room)
    },

    // failRoom fails the messages of a room that the user may not be in, or has left.
    // After leaving, a message in flight still waits for its answer: the server may
    // have recorded it.
    failRoom(name, refusal) {
      for (const message of messages.filter(({ room, state }) => room === name && state === 'sending')) {
        if (refusal !== left || inFlight.get(name) !== message) fail(message, refusal)
      }
    },

    // setUser fails the messages of another user: a message is never sent in the
    // name of a user who did not write it.
    setUser(user) {
      for (const message of [...messages]) {
        message.user ??= user
        if (message.user !== user) fail(message, { code: 'other_user', message: 'another user wrote it' })
      }
      if (messages.length) save() // with the user
    },

    // clear deletes the messages of the user, also those of rooms that are not joined.
    clear() {
      const user = chat.user?.id
      for (const { key } of [...messages]) chat.discard(key)
      write(stored().filter((message) => user && message.user && message.user !== user))
    },

    // load takes the stored messages of a room that is joined now.
    load(room) {
      const user = chat.user?.id
      for (const message of others()) {
        if (message.room !== room || (user && message.user && message.user !== user)) continue
        messages.push(message)
        chat.emit('outbox', { ...message })
      }
    },
  }

  function enqueue(message) {
    const deferred = new Deferred()
    messages.push(message)
    promises.set(message.key, deferred)
    update(message, { state: 'sending', code: undefined })
    outbox.flush(message.room)
    return deferred.promise
  }

  // pause stops sending in a room for delay milliseconds.
  function pause(name, delay) {
    paused.set(name, new Timer(chat.clock))
    paused.get(name).set(delay, () => resume(name))
  }

  function resume(name) {
    paused.get(name).clear()
    paused.delete(name)
    outbox.flush(name)
  }

  function fail(message, refusal) {
    finish(message, { state: 'failed', code: refusal.code }, refusal)
  }

  // finish ends the sending of a message and settles its promise. Only a failed
  // message is kept.
  function finish(message, change, refusal = change) {
    if (inFlight.get(message.room) === message) inFlight.delete(message.room)
    if (change.state !== 'failed') take(message)
    const deferred = promises.get(message.key)
    promises.delete(message.key)
    update(message, change)
    if (change.state === 'sent') deferred?.resolve({ ...message })
    else deferred?.reject(refusal)
  }

  function take(message) {
    messages.splice(messages.indexOf(message), 1)
  }

  function update(message, change) {
    Object.assign(message, change)
    save(message.key)
    chat.emit('outbox', { ...message })
  }

  // save stores the messages of this outbox beside those of other clients, and returns
  // all of them. gone is the key of a message that this outbox may no longer hold.
  function save(gone) {
    const list = all(gone)
    write(list)
    return list
  }

  function all(gone) {
    return [...others(gone), ...messages]
  }

  // others returns the stored messages that this outbox does not hold.
  function others(gone) {
    return stored().filter(({ key }) => key !== gone && !messages.some((message) => message.key === key))
  }

  function stored() {
    try {
      return [...JSON.parse(chat.store.get('outbox') ?? '[]')].filter(isMessage)
    } catch (cause) {
      chat.store.failed(cause)
      return []
    }
  }

  function write(list) {
    chat.store.set('outbox', list.length ? JSON.stringify(list) : '')
  }

  return outbox
}

// isMessage reports whether a stored value is a message: it may be damaged.
const isMessage = (it) => it?.room && it.key && it.body !== undefined && /^(sending|failed)$/.test(it.state)

const notJoined = (room) => rejected({ code: 'not_joined', message: `join ${room} first` })
