const chat = require('../../chat')

Page({
  data: {
    state: chat.state,
    complete: false,
    rows: [], // { room, name, text, unread }
  },

  onLoad() {
    this.list = chat.list
    this.stops = [
      chat.on('state', ({ state }) => this.setData({ state })),
      chat.on('list', () => this.draw()),
    ]
    this.draw()
  },

  onUnload() {
    for (const stop of this.stops) stop()
  },

  draw() {
    const { rows, complete } = this.list
    this.setData({
      complete,
      rows: rows.map(({ room, title, with: other, entry, unread }) => ({
        room,
        unread,
        name: title || (other && (other.name || other.id)) || room,
        text: entry && entry.type === 'message' && !entry.recalled ? entry.body.text : '',
      })),
    })
  },

  open({ currentTarget }) {
    this.enter(currentTarget.dataset.room)
  },

  enter(room) {
    wx.navigateTo({ url: `/pages/room/room?room=${encodeURIComponent(room)}` })
  },

  more() {
    this.list.more()
  },

  // Who may found groups is said in the server's policies.
  async found() {
    try {
      this.enter((await chat.create({ title: 'New group' })).room)
    } catch ({ message }) {
      wx.showToast({ icon: 'none', title: message })
    }
  },
})
