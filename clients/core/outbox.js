import { Deferred, rejected } from './deferred.js'
import { randomKey } from './encode.js'
import { lost } from './link.js'
import { Timer } from './timer.js'

// When the outbox is full, send refuses with outbox_full. WeChat stores at most
// 1 MB under one key: that many characters stay below it in UTF-8.
const maxMessages = 500
const maxChars = 300_000

export const left = { code: 'left', message: 'the room was left' }

// Outbox keeps each message of the user until the server has recorded it or
// refused it for good. It stores a message before it sends it, so that the
// message survives the end of the app. It sends one message at a time per room, so
// that a message that must be sent again is not overtaken by a later one.
//
// Clients of one page share the stored list: each client takes from it the messages
// of the rooms that it joins, and changes only the messages that it holds.
export class Outbox {
  constructor(chat) {
    this.chat = chat
    this.messages = []
    this.promises = new Map() // by key: the Deferred of send or retry
    this.inFlight = new Map() // by room: the message that waits for its answer
    this.paused = new Map() // by room: the timer that resumes sending
  }

  send(room, body, key = randomKey(this.chat.clock.random)) {
    if (!this.chat.rooms.has(room)) return notJoined(room)
    const message = { room, key, body: JSON.parse(JSON.stringify(body)), at: this.chat.now(), user: this.chat.user?.id }
    const all = this.all()
    const waiting = all.length
    if (waiting >= maxMessages || (waiting > 0 && JSON.stringify([...all, message]).length > maxChars)) {
      return rejected({ code: 'outbox_full', message: `${waiting} messages are waiting already` })
    }
    this.messages.push(message)
    return this.enqueue(message)
  }

  // retry sends a failed message again, as the newest.
  retry(key) {
    const i = this.messages.findIndex((message) => message.key === key && message.state === 'failed')
    if (i < 0) return rejected({ code: 'not_found', message: 'no failed message has this key' })
    const { room } = this.messages[i]
    if (!this.chat.rooms.has(room)) return notJoined(room)
    const [message] = this.messages.splice(i, 1)
    this.messages.push(message)
    return this.enqueue(message)
  }

  enqueue(message) {
    const deferred = new Deferred()
    this.promises.set(message.key, deferred)
    this.update(message, { state: 'sending', code: undefined })
    this.flush(message.room)
    return deferred.promise
  }

  // discard deletes a message. If it is in flight, the server may still record it.
  discard(key) {
    const message = this.messages.find((message) => message.key === key)
    if (message) this.finish(message, { state: 'discarded', code: 'discarded' })
  }

  // flush sends the next message of a room.
  flush(name) {
    const { link } = this.chat
    if (!link?.welcomed || !this.chat.rooms.get(name)?.joined) return
    if (this.inFlight.has(name) || this.paused.has(name)) return
    const message = this.messages.find(({ room, state }) => room === name && state === 'sending')
    if (!message) return

    const { key, body } = message
    this.inFlight.set(name, message)
    link.request('send', { room: name, key, body }, (answer) => {
      if (answer.code === lost.code || this.inFlight.get(name) !== message) return
      this.inFlight.delete(name)
      if (answer.type === 'ok') this.finish(message, { state: 'sent', seq: answer.seq, at: answer.at })
      else if (!this.chat.rooms.has(name)) this.failRoom(name, left)
      else if (answer.code === 'not_joined' && !this.chat.rooms.get(name).joined) return // sent again once the room is joined again
      else if (answer.retry === false) this.finish(message, { state: 'failed', code: answer.code }, answer)
      else this.pause(name, answer.retry)
      this.flush(name)
    })
  }

  // pause stops sending in a room for delay milliseconds.
  pause(name, delay) {
    const timer = new Timer(this.chat.clock)
    this.paused.set(name, timer)
    timer.set(delay, () => this.resume(name))
  }

  resume(name) {
    this.paused.get(name)?.clear()
    this.paused.delete(name)
    this.flush(name)
  }

  resumeAll() {
    for (const name of [...this.paused.keys()]) this.resume(name)
  }

  // confirm takes an entry of a room. If the entry is a message of this outbox, the
  // message is sent: its entry may arrive before the answer to send, or instead.
  confirm({ room, key, from, seq, at }) {
    if (!key || from?.id !== this.chat.user?.id) return
    const message = this.messages.find((message) => message.key === key && message.room === room)
    if (!message) return
    this.finish(message, { state: 'sent', seq, at })
    this.flush(room)
  }

  // failRoom fails the messages of a room that the user may not be in, or has left.
  // After leaving, a message in flight still waits for its answer: the server may
  // have recorded it.
  failRoom(name, refusal) {
    for (const message of this.messages.filter(({ room, state }) => room === name && state === 'sending')) {
      if (refusal.code === 'left' && this.inFlight.get(name) === message) continue
      this.finish(message, { state: 'failed', code: refusal.code }, refusal)
    }
  }

  // setUser fails the messages of another user: a message is never sent in the
  // name of a user who did not write it.
  setUser(user) {
    for (const message of [...this.messages]) {
      message.user ??= user
      if (message.user === user) continue
      const refusal = { code: 'other_user', message: 'another user wrote this message' }
      this.finish(message, { state: 'failed', code: refusal.code }, refusal)
    }
    if (this.messages.length) this.save() // with the user
  }

  // finish ends the sending of a message and settles its promise. Only a failed
  // message is kept.
  finish(message, change, refusal = change) {
    if (this.inFlight.get(message.room) === message) this.inFlight.delete(message.room)
    if (change.state !== 'failed') this.messages.splice(this.messages.indexOf(message), 1)
    const deferred = this.promises.get(message.key)
    this.promises.delete(message.key)
    this.update(message, change)
    if (change.state === 'sent') deferred?.resolve({ ...message })
    else deferred?.reject(refusal)
  }

  update(message, change) {
    Object.assign(message, change)
    this.save(message.key)
    this.chat.emit('outbox', { ...message })
  }

  // linkLost is called when the connection has ended. Messages in flight are sent
  // again over the next one, unless their room was left.
  linkLost() {
    const names = [...this.inFlight.keys()]
    this.inFlight.clear()
    for (const name of names) if (!this.chat.rooms.has(name)) this.failRoom(name, left)
  }

  // clear deletes the messages of the user, also those of rooms that are not joined.
  clear() {
    const user = this.chat.user?.id
    for (const { key } of [...this.messages]) this.discard(key)
    this.write(this.stored().filter((message) => user && message.user && message.user !== user))
  }

  // load takes the stored messages of a room that is joined now.
  load(room) {
    const user = this.chat.user?.id
    for (const message of this.others()) {
      if (message.room !== room || (user && message.user && message.user !== user)) continue
      this.messages.push(message)
      this.chat.emit('outbox', { ...message })
    }
  }

  // save stores the messages of this outbox beside those of other clients. gone is
  // the key of a message that this outbox may no longer hold.
  save(gone) {
    this.write(this.all(gone))
  }

  all(gone) {
    return [...this.others(gone), ...this.messages]
  }

  // others returns the stored messages that this outbox does not hold.
  others(gone) {
    const held = new Set([gone, ...this.messages.map(({ key }) => key)])
    return this.stored().filter(({ key }) => !held.has(key))
  }

  stored() {
    try {
      return [...JSON.parse(this.chat.store.get('outbox') ?? '[]')].filter((message) => message?.key)
    } catch (cause) {
      this.chat.storageFailed(cause)
      return []
    }
  }

  write(messages) {
    this.chat.store.set('outbox', messages.length ? JSON.stringify(messages) : '')
  }
}

const notJoined = (room) => rejected({ code: 'not_joined', message: `join ${room} first` })
