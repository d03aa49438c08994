import { randomKey } from './encode.js'
import { lost } from './link.js'
import { Outcome, refused } from './outcome.js'
import { Timer } from './timer.js'

// More than this doesn't wait: the next message is refused with outbox_full. In
// UTF-8 that many characters stay below the 1 MB that WeChat keeps under one key.
const most = 500
const mostText = 300_000

// Outbox keeps each message that was said until the server has recorded it or
// refused it for good. It is stored before anything is sent, so that it outlives
// the app. In each room one message is under way at a time: what is sent again
// can't fall behind what was said after it.
export class Outbox {
  constructor(chat) {
    this.chat = chat
    this.messages = []
    this.outcomes = new Map() // by key
    this.flying = new Map() // by room: the message under way
    this.held = new Map() // by room: the timer that it waits for
    this.load()
  }

  send(room, body, key = randomKey(this.chat.clock.random)) {
    if (!this.chat.rooms.has(room)) {
      return refused({ code: 'not_joined', message: `join ${room} first` })
    }
    const message = { room, key, body: JSON.parse(JSON.stringify(body)), at: this.chat.clock.now(), user: this.chat.user?.id }
    const waiting = this.messages.length
    if (waiting === most || (waiting > 0 && JSON.stringify([...this.messages, message]).length > mostText)) {
      return refused({ code: 'outbox_full', message: `${waiting} messages wait already` })
    }
    this.messages.push(message)
    return this.enqueue(message)
  }

  // retry says a failed message again, as the newest.
  retry(key) {
    const i = this.messages.findIndex((message) => message.key === key && message.state === 'failed')
    if (i < 0) return refused({ code: 'not_found', message: 'no such message has failed' })
    const [message] = this.messages.splice(i, 1)
    this.messages.push(message)
    return this.enqueue(message)
  }

  enqueue(message) {
    const outcome = new Outcome()
    this.outcomes.set(message.key, outcome)
    this.become(message, { state: 'sending', code: undefined })
    this.flush(message.room)
    return outcome.promise
  }

  // discard forgets a message. One that is under way may be said all the same.
  discard(key) {
    const message = this.messages.find((message) => message.key === key)
    if (message) this.settle(message, { state: 'discarded', code: 'discarded' })
  }

  // flush sends what is next in a room.
  flush(name) {
    const { link } = this.chat
    if (!link?.welcomed || !this.chat.rooms.get(name)?.entered) return
    if (this.flying.has(name) || this.held.has(name)) return
    const message = this.messages.find(({ room, state }) => room === name && state === 'sending')
    if (!message) return

    const { key, body } = message
    this.flying.set(name, message)
    link.ask('send', { room: name, key, body }, (answer) => {
      if (answer.code === lost.code || this.flying.get(name) !== message) return
      this.flying.delete(name)
      if (answer.type === 'ok') this.settle(message, { state: 'sent', seq: answer.seq, at: answer.at })
      else if (answer.code === 'not_joined' && !this.chat.rooms.get(name)?.entered) return // it waits until the room is joined again
      else if (answer.retry === false) this.settle(message, { state: 'failed', code: answer.code }, answer)
      else this.hold(name, answer.retry)
      this.flush(name)
    })
  }

  hold(name, delay) {
    const timer = new Timer(this.chat.clock)
    this.held.set(name, timer)
    timer.set(delay, () => this.release(name))
  }

  // release lets a room's messages go that were told to wait.
  release(name) {
    this.held.get(name)?.clear()
    this.held.delete(name)
    this.flush(name)
  }

  releaseAll() {
    for (const name of [...this.held.keys()]) this.release(name)
  }

  // recognize finds the user's own message in what a room says, which may come
  // before its answer, or in its place.
  recognize({ room, key, from, seq, at }) {
    if (!key || from?.id !== this.chat.user?.id) return
    const message = this.messages.find((message) => message.key === key && message.room === room)
    if (!message) return
    this.settle(message, { state: 'sent', seq, at })
    this.flush(room)
  }

  // giveUp fails what waits for a room that the user can't be in.
  giveUp(name, refusal) {
    for (const message of this.messages.filter(({ room, state }) => room === name && state === 'sending')) {
      this.settle(message, { state: 'failed', code: refusal.code }, refusal)
    }
  }

  // claim fails what another user has left behind: nobody speaks for another.
  claim(user) {
    for (const message of [...this.messages]) {
      message.user ??= user
      if (message.user === user) continue
      const refusal = { code: 'other_user', message: 'another user has said this' }
      this.settle(message, { state: 'failed', code: refusal.code }, refusal)
    }
  }

  // settle ends the sending of a message; only a failed one is kept.
  settle(message, change, refusal = change) {
    if (this.flying.get(message.room) === message) this.flying.delete(message.room)
    if (change.state !== 'failed') this.messages.splice(this.messages.indexOf(message), 1)
    const outcome = this.outcomes.get(message.key)
    this.outcomes.delete(message.key)
    this.become(message, change)
    if (change.state === 'sent') outcome?.resolve({ ...message })
    else outcome?.reject(refusal)
  }

  become(message, change) {
    Object.assign(message, change)
    this.store()
    this.chat.emit('outbox', { ...message })
  }

  // lost is called when a connection is over. What was under way is sent again
  // over the next.
  lost() {
    this.flying.clear()
  }

  clear() {
    for (const { key } of [...this.messages]) this.discard(key)
  }

  load() {
    const text = this.chat.store.get('outbox')
    if (!text) return
    try {
      this.messages = [...JSON.parse(text)]
    } catch (cause) {
      this.chat.storageFailed(cause)
    }
  }

  store() {
    this.chat.store.set('outbox', this.messages.length ? JSON.stringify(this.messages) : '')
  }
}
