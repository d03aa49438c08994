const { Timeline } = require('caddy-chat-client/timeline')
const chat = require('../../chat')
const { nameOf, titleOf, words } = require('../../words')

Page({
  data: {
    words,
    state: chat.state,
    refusal: '',
    items: [], // for t-chat-list, oldest first
    text: '',
    buttons: [{ name: 'send', type: 'icon' }], // without TDesign's button for files
  },

  onLoad({ room }) {
    this.room = decodeURIComponent(room)
    this.entitle()
    this.timeline = new Timeline(chat, this.room, (index) => this.draw(index))
    this.stops = [
      chat.on('state', ({ state }) => this.setData({ state })),
      chat.on('room', ({ room }) => {
        if (room !== this.room) return
        this.entitle()
        this.read()
      }),
      chat.on('list', () => this.entitle()),
      chat.on('removed', ({ room, message }) => room === this.room && this.setData({ refusal: message })),
    ]
    const known = chat.rooms.get(this.room)
    if (known && known.live) this.timeline.older() // what was emitted before is history
    else chat.join(this.room)
  },

  onUnload() {
    for (const stop of this.stops) stop()
    this.timeline.close()
    chat.leave(this.room)
  },

  // draw draws once for all changes of one task. from: the first item that has changed. What
  // is before it is not passed to setData again.
  draw(from) {
    this.from = Math.min(from, this.from === undefined ? from : this.from)
    if (this.drawing) return
    this.drawing = Promise.resolve().then(() => {
      const { items } = this.timeline
      const changes = {}
      const whole = items.length < this.data.items.length
      for (let i = whole ? 0 : this.from; i < items.length; i++) changes[`items[${i}]`] = itemOf(items[i])
      const added = items.length !== this.data.items.length
      this.from = this.drawing = undefined
      this.setData(whole ? { items: items.map(itemOf) } : changes)
      if (!added || this.loading) return
      this.toEnd()
      this.read()
    })
  },

  entitle() {
    const called = titleOf(this.room, (chat.list && chat.list.get(this.room)) || chat.rooms.get(this.room))
    if (called !== this.called) wx.setNavigationBarTitle({ title: called })
    this.called = called
  },

  toEnd() {
    const list = this.selectComponent('#list')
    if (list) list.scrollToBottom()
  },

  read() {
    const room = chat.rooms.get(this.room)
    if (room && room.live && room.seq > room.read) chat.read(this.room, room.seq)
  },

  // older is called when the user scrolls; near the top it loads older messages.
  async older({ detail }) {
    const { scrollTop } = detail.detail || detail // TDesign passes on the event of its scroll-view
    if (scrollTop > 80 || this.loading || !this.timeline.more) return
    this.loading = true
    try {
      await this.timeline.older()
      await this.drawing
    } finally {
      this.loading = false
    }
  },

  onText({ detail }) {
    this.setData({ text: detail.value })
  },

  send() {
    const text = this.data.text.trim()
    if (!text) return
    chat.send(this.room, { text }) // the list shows it at once, and also if it fails
    this.setData({ text: '' })
  },
})

// itemOf returns a message as TDesign's list draws it: the user's own at the right.
function itemOf({ own, from, at, type, body, recalled, state }) {
  const text = recalled ? words.takenBack : body && typeof body.text === 'string' ? body.text : JSON.stringify(body)
  return {
    role: type === 'notice' ? 'system' : own ? 'user' : 'assistant',
    name: own || !from ? '' : nameOf(from),
    avatar: (from && from.avatar) || '',
    datetime: state === 'sent' ? timeOf(at) : words[state],
    content: [{ type: 'text', data: text }],
  }
}

function timeOf(at) {
  const time = new Date(at)
  return [time.getHours(), time.getMinutes()].map((n) => String(n).padStart(2, '0')).join(':')
}
