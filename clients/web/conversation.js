import { Timeline } from '../core/timeline.js'
import { make } from './dom.js'
import { drawItem, nameOf } from './item.js'
import { words } from './words.js'

const most = 400 // items that are drawn while the newest are in sight
const near = 80 // pixels from an end that count as being there
const typingFor = 5_000

// Conversation is the view of one room: what was said, who is there, and a place
// to write.
export class Conversation {
  constructor(chat, room) {
    this.chat = chat
    this.room = room
    this.typists = new Map() // by user: the timer that forgets them
    this.list = make('ol')
    this.scroller = make('div.scroller', {
      role: 'log', 'aria-live': 'polite', 'aria-label': words.messages(room), tabIndex: 0, onscroll: () => this.scrolled(),
    }, this.list)
    this.writing = make('p.typing', { 'aria-live': 'polite' })
    this.note = make('p.note', { role: 'status' })
    this.newest = make('button.newest', { type: 'button', hidden: true, onclick: () => this.toEnd() }, words.toEnd)
    this.text = make('textarea', {
      'aria-label': words.write(room), placeholder: words.write(room), rows: '1',
      onkeydown: (event) => this.typed(event), oninput: () => this.edited(),
    })
    this.form = make('form', { onsubmit: (event) => this.submit(event) }, this.text, make('button.send', { type: 'submit' }, words.send))
    this.element = make('section.conversation', {}, make('div.log', {}, this.scroller, this.newest), this.writing, this.note, this.form)
    this.timeline = new Timeline(chat, room, (...change) => this.changed(...change))
    this.timeline.items.forEach((item, i) => this.list.insertBefore(this.draw(item), this.list.children[i] ?? null))
    this.stops = [
      chat.on('typing', (event) => event.room === room && this.isTyping(event.from)),
      chat.on('room', (event) => event.room === room && this.entered(event)),
      chat.on('removed', (event) => event.room === room && this.say(words.notAllowed(event.code))),
      chat.on('gap', (event) => event.room === room && this.say(words.gap)),
    ]
    const known = chat.rooms.get(room)
    if (known?.live) this.entered(known)
    this.fill()
  }

  close() {
    this.timeline.close()
    for (const stop of this.stops) stop()
    for (const { timer } of this.typists.values()) clearTimeout(timer)
    if (this.marking) this.markRead()
  }

  // show is called when the view has come into sight.
  show() {
    this.toEnd()
    if (matchMedia('(hover: hover)').matches) this.text.focus()
  }

  entered({ write, read, unread }) {
    this.form.hidden = !write
    if (!write) this.say(words.readOnly)
    this.mark ??= unread > 0 ? read : undefined
    this.divide()
    this.fill()
    this.seen()
  }

  say(text) {
    this.note.textContent = text
  }

  // changed takes a change of the timeline. The items of the list are those of
  // the timeline, one for one.
  changed(index, removed, added) {
    const { list, scroller } = this
    const stay = this.atEnd()
    const height = scroller.scrollHeight
    const above = index === 0 && !stay
    for (let i = 0; i < removed; i++) list.children[index].remove()
    const next = list.children[index] ?? null
    for (const item of added) {
      list.insertBefore(this.draw(item), next)
      this.hasSpoken(item.from)
    }
    this.divide()
    if (stay) this.toEnd()
    else if (above) scroller.scrollTop += scroller.scrollHeight - height
    this.newest.hidden = this.atEnd()
    this.seen()
  }

  draw(item) {
    const { chat, room } = this
    const age = Date.now() - item.at
    const mayRecall = item.own && item.seq && chat.limits && age < chat.limits.recall
    const drawn = drawItem(item, {
      retry: () => chat.retry(item.key),
      discard: () => chat.discard(item.key),
      recall: mayRecall && (() => chat.recall(room, item.seq).catch((err) => this.say(err.message))),
    })
    if (item.seq) drawn.dataset.seq = item.seq
    if (mayRecall) setTimeout(() => drawn.querySelector('.recall')?.remove(), chat.limits.recall - age)
    return drawn
  }

  // divide marks the first message that was unread when the room was entered.
  divide() {
    this.list.querySelector('[data-unread]')?.removeAttribute('data-unread')
    if (this.mark === undefined) return
    const first = [...this.list.children].find(({ dataset }) => Number(dataset.seq) > this.mark)
    if (first) first.dataset.unread = words.unread
  }

  atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller
    return scrollHeight - scrollTop - clientHeight < near
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight
    this.newest.hidden = true
    this.timeline.trim(most)
  }

  scrolled() {
    this.newest.hidden = this.atEnd()
    if (this.scroller.scrollTop < near) this.older()
    this.seen()
  }

  // fill loads older messages until there is something to scroll.
  fill() {
    if (this.scroller.scrollHeight <= this.scroller.clientHeight) this.older()
  }

  async older() {
    if (this.loading || !this.timeline.more || this.chat.state !== 'online') return
    this.loading = true
    try {
      await this.timeline.older(50)
    } catch {
      return // the room says so when it is entered again
    } finally {
      this.loading = false
    }
    this.fill()
  }

  // seen moves the read mark when the newest message is in sight.
  seen() {
    const room = this.chat.rooms.get(this.room)
    const visible = this.element.isConnected && document.visibilityState === 'visible' && this.atEnd()
    if (!room?.live || !visible || room.seq <= room.read || this.marking) return
    this.marking = setTimeout(() => this.markRead(), 300)
  }

  markRead() {
    clearTimeout(this.marking)
    this.marking = undefined
    const { seq } = this.chat.rooms.get(this.room) ?? {}
    if (seq) this.chat.read(this.room, seq).catch(() => {}) // it is moved when the room is entered again
  }

  isTyping(from) {
    clearTimeout(this.typists.get(from.id)?.timer)
    const timer = setTimeout(() => {
      this.typists.delete(from.id)
      this.tellTypists()
    }, typingFor)
    this.typists.set(from.id, { timer, name: nameOf(from) })
    this.tellTypists()
  }

  hasSpoken(from) {
    const typist = this.typists.get(from?.id)
    if (!typist) return
    clearTimeout(typist.timer)
    this.typists.delete(from.id)
    this.tellTypists()
  }

  tellTypists() {
    const names = [...this.typists.values()].map(({ name }) => name)
    this.writing.textContent = names.length ? words.typing(names.join(', ')) : ''
  }

  typed(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    this.submit(event)
  }

  edited() {
    this.text.style.height = 'auto'
    this.text.style.height = `${Math.min(this.text.scrollHeight, 160)}px`
    if (this.text.value) this.chat.typing(this.room)
  }

  submit(event) {
    event.preventDefault()
    const text = this.text.value.trim()
    if (!text) return
    const limit = this.chat.limits?.text ?? Infinity
    if ([...text].length > limit) return this.say(`${[...text].length} > ${limit}`)
    this.say('')
    this.mark = undefined
    this.chat.send(this.room, { text }).catch(() => {}) // the message itself tells
    this.text.value = ''
    this.edited()
    this.toEnd()
  }
}
