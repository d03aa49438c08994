const { Timeline } = require('../../caddy-chat/lib/chat')
const { groups, hue, initials, nameOf, pictureOf, textOf } = require('../../caddy-chat/lib/text')
const storage = require('../../storage')
const words = require('../../words')
const watchState = require('../../state')
const List = require('./list')

const keepItems = 100 // when the user scrolls back to the end of a long list
const batch = 30 // entries of the history that are loaded at a time
const typingTimeout = 5_000

Page({
  data: {
    words,
    state: 'offline',
    room: '',
    members: 0,
    older: [], // items as dataOf returns them, newest first
    recent: [], // the items after them, oldest first
    text: '',
    note: '',
    typist: '',
    write: true,
    more: false,
    loading: false,
    bottom: '', // the id of the element to scroll to
    avatar: storage.get('avatar'),
  },

  onLoad({ room }) {
    const { chat } = getApp()
    if (!chat) return wx.reLaunch({ url: '/pages/login/login' })
    this.chat = chat
    this.room = decodeURIComponent(room)
    this.atEnd = true
    wx.setNavigationBarTitle({ title: this.room })
    this.setData({ room: this.room })
    this.timeline = new Timeline(chat, this.room, (...change) => this.applyChange(...change))
    this.broken = new Set() // addresses of pictures that did not load
    this.list = new List(this, (item, before) => this.dataOf(item, before))
    this.draw()
    const inRoom = (name, listener) => chat.on(name, (event) => event.room === this.room && listener(event))
    this.stops = [
      watchState(this, chat),
      chat.on('state', ({ state }) => state !== 'online' && this.typing('')),
      inRoom('room', (room) => this.roomLive(room)),
      inRoom('presence', ({ members }) => this.setData({ members })),
      inRoom('typing', ({ from }) => this.typing(from.name || from.id)),
      inRoom('removed', () => this.setData({ note: words.notAllowed })),
      inRoom('gap', () => this.setData({ note: words.gap })),
    ]
    const known = chat.rooms.get(this.room)
    if (known && known.live) this.roomLive(known)
    else getApp().join(this.room)
    this.older()
  },

  onShow() {
    this.visible = true
    this.markRead()
  },

  onHide() {
    this.visible = false
  },

  onUnload() {
    this.visible = false
    this.closed = true
    for (const stop of this.stops || []) stop()
    if (this.timeline) this.timeline.close()
    clearTimeout(this.typingTimer)
  },

  roomLive({ write, members, read, unread }) {
    if (this.readBefore === undefined && unread > 0) this.readBefore = read
    this.setData({ write, members: members || 0, note: write ? '' : words.readOnly })
    if (!this.timeline.items.length) this.older()
    this.drawLater()
  },

  applyChange(index, removed, added) {
    this.list.change(index, removed, added)
    if (this.data.typist && added.some(({ own }) => !own)) this.setData({ typist: '' })
    this.drawLater()
  },

  // drawLater draws once for all events of one task.
  drawLater() {
    if (this.drawing) return
    this.drawing = Promise.resolve().then(() => {
      this.drawing = undefined
      if (!this.closed) this.draw()
    })
  },

  draw() {
    this.divide()
    this.list.flush()
    if (this.data.more !== this.timeline.more) this.setData({ more: this.timeline.more })
    if (this.atEnd) this.toEnd()
    this.markRead()
  },

  // dataOf returns the data with which chat.wxml draws an item, by the item before it. The
  // first of a group has the sender's name and face.
  dataOf(item, before) {
    const { id, type, seq, at, from, own, body, recalled, state, code } = item
    const divider = seq !== undefined && seq === this.divider
    const grouped = !divider && groups(item, before)
    return {
      id: `i${id.replace(/[^A-Za-z0-9]/g, '-')}`,
      notice: type === 'notice',
      ...(type === 'message' && !own && !grouped && { name: nameOf(from), ...this.faceOf(from) }),
      grouped,
      text: recalled ? words.recalled : textOf(body),
      time: timeOf(at),
      own,
      recalled,
      state,
      why: words[code] || code || '',
      divider,
    }
  },

  // faceOf returns the picture of a user, or the initials and their colour.
  faceOf(user) {
    const picture = pictureOf(user)
    return picture && !this.broken.has(picture) ? { picture } : { initials: initials(user), hue: hue(user) }
  },

  // pictureBroken draws initials instead of a picture that did not load.
  pictureBroken({ currentTarget }) {
    const { picture } = currentTarget.dataset
    this.broken.add(picture)
    this.timeline.items.forEach(({ from }, i) => {
      if (pictureOf(from) === picture) this.list.redraw(i, 1)
    })
    this.drawLater()
  },

  // divide sets the divider above the first message that was unread when the page
  // was opened. The user's own messages are read, even if the server's mark follows later.
  divide() {
    if (this.readBefore === undefined) return
    const { items } = this.timeline
    const first = items.findIndex(({ seq, own }) => seq > this.readBefore && !own)
    const before = this.divider
    if (first < 0 || items[first].seq === before) return
    this.divider = items[first].seq
    const last = items.findIndex(({ seq }) => before !== undefined && seq === before)
    for (const i of [first, last]) if (i >= 0) this.list.redraw(i, 1)
  },

  // older loads older messages.
  async older() {
    if (this.loading) return
    if (!this.timeline.more || this.chat.state !== 'online') return this.setData({ loading: false })
    this.loading = true
    this.setData({ loading: true })
    try {
      await this.timeline.older(batch)
    } catch (err) {
      this.setData({ note: err.message })
    }
    this.loading = false
    this.setData({ loading: false, more: this.timeline.more })
  },

  onScroll({ detail }) {
    const view = this.height || (this.height = wx.getWindowInfo().windowHeight)
    this.atEnd = detail.scrollHeight - detail.scrollTop < view + 120
    if (this.atEnd) this.markRead()
  },

  toEnd() {
    this.atEnd = true
    if (this.list.tooLong) this.timeline.trim(keepItems)
    const { items } = this.timeline
    if (!items.length) return
    this.setData({ bottom: '' })
    this.setData({ bottom: 'end' })
  },

  // markRead moves the read mark if the newest message is visible.
  markRead() {
    const room = this.chat.rooms.get(this.room)
    if (!room || !room.live || !this.visible || !this.atEnd || room.seq <= room.read) return
    this.chat.read(this.room, room.seq) // sent again when the room is live again
  },

  typing(name) {
    clearTimeout(this.typingTimer)
    this.setData({ typist: name })
    this.typingTimer = setTimeout(() => this.setData({ typist: '' }), typingTimeout)
  },

  onInput({ detail }) {
    this.setData({ text: detail.value })
    if (detail.value) this.chat.typing(this.room)
  },

  send() {
    const text = this.data.text.trim()
    if (!text) return
    this.chat.send(this.room, { text }) // the list shows a failure
    this.setData({ text: '' })
    this.toEnd()
  },

  // menu shows the actions for a message: recall and copy, or retry and discard.
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
    if (!own || chat.now() - at > chat.limits.recall) return [copy]
    const recall = () => chat.recall(room, seq).catch((err) => this.setData({ note: err.uncertain ? words.perhaps : err.message }))
    return [[words.recall, recall], copy]
  },

  startAnew() {
    if (this.data.state === 'closed') getApp().startAnew()
  },
})

function timeOf(at) {
  const time = new Date(at)
  return [time.getHours(), time.getMinutes()].map((n) => String(n).padStart(2, '0')).join(':')
}
