import { Timeline } from '../core/timeline.js'
import { Timer } from '../core/timer.js'
import { make } from './dom.js'
import { drawItem, nameOf } from './item.js'
import { words } from './words.js'

const maxItems = 400 // that are drawn while the list is scrolled to its end
const edge = 80 // pixels: less than that from an end counts as being there
const typingTimeout = 5_000

// RoomView is the view of one room: its messages, who is typing, and a text field.
export class RoomView {
  constructor(chat, room) {
    this.chat = chat
    this.room = room
    this.typing = new Map() // by user: the name, and the timer that removes it
    this.recallable = new Map() // by element: until when its message may be recalled
    this.recallTimer = new Timer(chat.clock)
    this.list = make('ol')
    this.scroller = make('div.scroller', {
      role: 'log', 'aria-live': 'polite', 'aria-label': words.messages(room), tabIndex: 0, onscroll: () => this.onScroll(),
    }, this.list)
    this.typingLine = make('p.typing', { 'aria-live': 'polite' })
    this.note = make('p.note', { role: 'status' })
    this.newest = make('button.newest', { hidden: true, onclick: () => this.toEnd() }, words.toEnd)
    this.text = make('textarea', {
      'aria-label': words.write(room), placeholder: words.write(room), rows: '1',
      onkeydown: (event) => this.onKey(event), oninput: () => this.onInput(),
    })
    this.form = make('form', { onsubmit: (event) => this.submit(event) }, this.text, make('button.send', { type: 'submit' }, words.send))
    this.element = make('section.room-view', {}, make('div.log', {}, this.scroller, this.newest), this.typingLine, this.note, this.form)
    this.timeline = new Timeline(chat, room, (...change) => this.applyChange(...change))
    this.timeline.items.forEach((item, i) => this.list.insertBefore(this.draw(item), this.list.children[i] ?? null))
    this.stops = [
      chat.on('typing', (event) => event.room === room && this.addTyping(event.from)),
      chat.on('room', (event) => event.room === room && this.roomLive(event)),
      chat.on('removed', (event) => event.room === room && this.setNote(words.notAllowed(event.code))),
      chat.on('gap', (event) => event.room === room && this.setNote(words.gap)),
    ]
    const known = chat.rooms.get(room)
    if (known?.live) this.roomLive(known)
    this.fill()
  }

  close() {
    this.timeline.close()
    this.recallTimer.clear()
    for (const stop of this.stops) stop()
    for (const { timer } of this.typing.values()) clearTimeout(timer)
    if (this.readTimer) this.sendRead()
  }

  // show is called when the view is in the document.
  show() {
    this.toEnd()
    if (matchMedia('(hover: hover)').matches) this.text.focus()
  }

  roomLive({ write, read, unread }) {
    this.form.hidden = !write
    if (!write) this.setNote(words.readOnly)
    this.readBefore ??= unread > 0 ? read : undefined
    this.divide()
    this.fill()
    this.markRead()
  }

  setNote(text) {
    this.note.textContent = text
  }

  // applyChange takes a change of the timeline. The children of the list are the
  // items of the timeline, one for one.
  applyChange(index, removed, added) {
    const { list, scroller } = this
    const stay = this.atEnd()
    const height = scroller.scrollHeight
    const above = index === 0 && !stay
    for (let i = 0; i < removed; i++) list.children[index].remove()
    const next = list.children[index] ?? null
    for (const item of added) {
      list.insertBefore(this.draw(item), next)
      this.removeTyping(item.from)
    }
    this.divide()
    if (stay) this.toEnd()
    else if (above) scroller.scrollTop += scroller.scrollHeight - height
    this.newest.hidden = this.atEnd()
    this.markRead()
  }

  draw(item) {
    const { chat, room } = this
    const until = item.own && item.seq && chat.limits ? item.at + chat.limits.recall : 0
    const mayRecall = until > chat.now()
    const drawn = drawItem(item, {
      retry: () => chat.retry(item.key),
      discard: () => chat.discard(item.key),
      recall: mayRecall && (() => chat.recall(room, item.seq).catch((err) => this.setNote(err.uncertain ? words.perhaps : err.message))),
    })
    if (item.seq) drawn.dataset.seq = item.seq
    if (mayRecall) {
      this.recallable.set(drawn, until)
      this.recallTimer.set(0, () => this.removeRecalls()) // once drawn is in the list
    }
    return drawn
  }

  // removeRecalls removes the buttons of the messages that may no longer be recalled,
  // and sets the timer for the next one.
  removeRecalls() {
    const now = this.chat.now()
    for (const [drawn, until] of this.recallable) {
      if (until > now && this.list.contains(drawn)) continue
      drawn.querySelector('.recall')?.remove()
      this.recallable.delete(drawn)
    }
    if (this.recallable.size) this.recallTimer.set(Math.min(...this.recallable.values()) - now, () => this.removeRecalls())
  }

  // divide draws the divider above the first message that was unread when the view
  // was opened. The user's own messages are read, even if the server's mark follows later.
  divide() {
    this.list.querySelector('[data-unread]')?.removeAttribute('data-unread')
    if (this.readBefore === undefined) return
    const first = [...this.list.children].find(({ dataset, classList }) => Number(dataset.seq) > this.readBefore && !classList.contains('own'))
    if (first) first.dataset.unread = words.unread
  }

  atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller
    return scrollHeight - scrollTop - clientHeight < edge
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight
    this.newest.hidden = true
    this.timeline.trim(maxItems)
  }

  onScroll() {
    this.newest.hidden = this.atEnd()
    if (this.scroller.scrollTop < edge) this.older()
    this.markRead()
  }

  // fill loads history until the list can be scrolled.
  fill() {
    if (this.scroller.scrollHeight <= this.scroller.clientHeight) this.older()
  }

  async older() {
    if (this.loading || !this.timeline.more || this.chat.state !== 'online') return
    this.loading = true
    try {
      await this.timeline.older(50)
    } catch {
      return // tried again when the room is live again
    } finally {
      this.loading = false
    }
    this.fill()
  }

  // markRead moves the read mark, soon, if the newest message is visible.
  markRead() {
    const room = this.chat.rooms.get(this.room)
    const visible = this.element.isConnected && document.visibilityState === 'visible' && this.atEnd()
    if (!room?.live || !visible || room.seq <= room.read || this.readTimer) return
    this.readTimer = setTimeout(() => this.sendRead(), 300)
  }

  sendRead() {
    clearTimeout(this.readTimer)
    this.readTimer = undefined
    const { seq } = this.chat.rooms.get(this.room) ?? {}
    if (seq) this.chat.read(this.room, seq) // sent again when the room is live again
  }

  addTyping(from) {
    clearTimeout(this.typing.get(from.id)?.timer)
    const timer = setTimeout(() => this.removeTyping(from), typingTimeout)
    this.typing.set(from.id, { timer, name: nameOf(from) })
    this.drawTyping()
  }

  removeTyping(from) {
    const user = this.typing.get(from?.id)
    if (!user) return
    clearTimeout(user.timer)
    this.typing.delete(from.id)
    this.drawTyping()
  }

  drawTyping() {
    const names = [...this.typing.values()].map(({ name }) => name)
    this.typingLine.textContent = names.length ? words.typing(names.join(', ')) : ''
  }

  onKey(event) {
    // In Safari the Enter that picks a candidate comes after the composition; its keyCode tells.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
    this.submit(event)
  }

  onInput() {
    this.text.style.height = 'auto'
    this.text.style.height = `${Math.min(this.text.scrollHeight, 160)}px`
    if (this.text.value) this.chat.typing(this.room)
  }

  submit(event) {
    event.preventDefault()
    const text = this.text.value.trim()
    if (!text) return
    const limit = this.chat.limits?.text ?? Infinity
    if ([...text].length > limit) return this.setNote(`${[...text].length} > ${limit}`)
    this.setNote('')
    this.readBefore = undefined
    this.chat.send(this.room, { text }) // the list shows a failure
    this.text.value = ''
    this.onInput()
    this.toEnd()
  }
}
