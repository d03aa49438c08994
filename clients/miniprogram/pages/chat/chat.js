const { Timeline } = require('../../lib/chat')
const words = require('../../words')
const watchState = require('../../state')
const List = require('./list')

const keep = 100 // items that are kept when the page is at its end again
const page = 30 // items that are loaded at a time
const typingFor = 5_000

Page({
  data: {
    words,
    state: 'offline',
    room: '',
    members: 0,
    older: [], // items of { id, text, own, name, time, state, divider }, the newest first
    recent: [], // and those after them, the oldest first
    text: '',
    note: '',
    typist: '',
    write: true,
    more: false,
    loading: false,
    bottom: '', // the id of what to scroll to
    avatar: wx.getStorageSync('avatar') || '',
  },

  onLoad({ room }) {
    const { chat } = getApp()
    if (!chat) return wx.reLaunch({ url: '/pages/login/login' })
    this.chat = chat
    this.room = decodeURIComponent(room)
    this.atEnd = true
    wx.setNavigationBarTitle({ title: this.room })
    this.setData({ room: this.room })
    this.timeline = new Timeline(chat, this.room, (...change) => this.changed(...change))
    this.list = new List(this, (item) => this.view(item))
    this.draw()
    const here = (name, listener) => chat.on(name, (event) => event.room === this.room && listener(event))
    this.stops = [
      watchState(this, chat),
      chat.on('state', ({ state }) => state !== 'online' && this.typing('')),
      here('room', (state) => this.entered(state)),
      here('presence', ({ members }) => this.setData({ members })),
      here('typing', ({ from }) => this.typing(from.name || from.id)),
      here('removed', () => this.setData({ note: words.notAllowed })),
      here('gap', () => this.setData({ note: words.gap })),
    ]
    const known = chat.rooms.get(this.room)
    if (known && known.live) this.entered(known)
    else getApp().join(this.room)
    this.older()
  },

  onShow() {
    this.visible = true
    this.seen()
  },

  onHide() {
    this.visible = false
  },

  onUnload() {
    this.visible = false
    this.over = true
    for (const stop of this.stops || []) stop()
    if (this.timeline) this.timeline.close()
    clearTimeout(this.quiet)
  },

  entered({ write, members, read, unread }) {
    if (this.mark === undefined && unread > 0) this.mark = read
    this.setData({ write, members: members || 0, note: write ? '' : words.readOnly })
    if (!this.timeline.items.length) this.older()
    this.drawSoon()
  },

  changed(index, removed, added) {
    this.list.change(index, removed, added)
    if (this.data.typist && added.some(({ own }) => !own)) this.setData({ typist: '' })
    this.drawSoon()
  },

  // drawSoon draws once for all that happens in one go.
  drawSoon() {
    if (this.drawing) return
    this.drawing = Promise.resolve().then(() => {
      this.drawing = undefined
      if (!this.over) this.draw()
    })
  },

  draw() {
    this.divide()
    this.list.flush()
    if (this.data.more !== this.timeline.more) this.setData({ more: this.timeline.more })
    if (this.atEnd) this.toEnd()
    this.seen()
  },

  // view is what is drawn of an item.
  view({ id, type, seq, at, from, own, body, recalled, state, code }) {
    return {
      id: `i${id.replace(/[^A-Za-z0-9]/g, '-')}`,
      notice: type === 'notice',
      name: own || !from ? '' : from.name || from.id,
      text: recalled ? words.recalled : textOf(body),
      time: clock(at),
      own,
      recalled,
      state,
      why: words[code] || code || '',
      divider: seq !== undefined && seq === this.divider,
    }
  },

  // divide marks the first message that was unread when the room was entered.
  divide() {
    if (this.mark === undefined) return
    const { items } = this.timeline
    const first = items.findIndex(({ seq }) => seq > this.mark)
    const before = this.divider
    if (first < 0 || items[first].seq === before) return
    this.divider = items[first].seq
    const last = items.findIndex(({ seq }) => before !== undefined && seq === before)
    for (const i of [first, last]) if (i >= 0) this.list.set(i, [items[i]])
  },

  // older loads what was said before.
  async older() {
    if (this.loading) return
    if (!this.timeline.more || this.chat.state !== 'online') return this.setData({ loading: false })
    this.loading = true
    this.setData({ loading: true })
    try {
      await this.timeline.older(page)
    } catch (err) {
      this.setData({ note: err.message })
    }
    this.loading = false
    this.setData({ loading: false, more: this.timeline.more })
  },

  onScroll({ detail }) {
    const view = this.height || (this.height = wx.getWindowInfo().windowHeight)
    this.atEnd = detail.scrollHeight - detail.scrollTop < view + 120
    if (this.atEnd) this.seen()
  },

  toEnd() {
    this.atEnd = true
    if (this.list.tooLong) this.timeline.trim(keep)
    const { items } = this.timeline
    if (!items.length) return
    this.setData({ bottom: '' })
    this.setData({ bottom: 'end' })
  },

  // seen moves the read mark when the newest message is in sight.
  seen() {
    const room = this.chat.rooms.get(this.room)
    if (!room || !room.live || !this.visible || !this.atEnd || room.seq <= room.read) return
    this.chat.read(this.room, room.seq).catch(() => {}) // it is moved when the room is entered again
  },

  typing(name) {
    clearTimeout(this.quiet)
    this.setData({ typist: name })
    this.quiet = setTimeout(() => this.setData({ typist: '' }), typingFor)
  },

  onInput({ detail }) {
    this.setData({ text: detail.value })
    if (detail.value) this.chat.typing(this.room)
  },

  send() {
    const text = this.data.text.trim()
    if (!text) return
    this.chat.send(this.room, { text }).catch(() => {}) // the message itself tells
    this.setData({ text: '' })
    this.toEnd()
  },

  // menu is what can be done with a message: take it back, send it again.
  menu({ currentTarget }) {
    const item = this.timeline.items.find(({ id }) => `i${id.replace(/[^A-Za-z0-9]/g, '-')}` === currentTarget.dataset.id)
    if (!item) return
    const choices = this.choices(item)
    if (!choices.length) return
    wx.showActionSheet({
      itemList: choices.map(([word]) => word),
      success: ({ tapIndex }) => choices[tapIndex][1](),
    })
  },

  choices({ own, key, seq, at, state, recalled, body }) {
    const { chat, room } = this
    if (state === 'failed') return [[words.retry, () => chat.retry(key)], [words.discard, () => chat.discard(key)]]
    if (recalled || !seq) return []
    const copy = [words.copy, () => wx.setClipboardData({ data: textOf(body) })]
    if (!own || Date.now() - at > chat.limits.recall) return [copy]
    const recall = () => chat.recall(room, seq).catch((err) => this.setData({ note: err.message }))
    return [[words.recall, recall], copy]
  },

  startAnew() {
    if (this.data.state === 'closed') getApp().startAnew()
  },
})

// textOf is a body in words: its text, or itself as JSON.
function textOf(body) {
  if (typeof body === 'string') return body
  if (body && typeof body.text === 'string') return body.text
  return JSON.stringify(body)
}

function clock(at) {
  const time = new Date(at)
  return [time.getHours(), time.getMinutes()].map((n) => String(n).padStart(2, '0')).join(':')
}
