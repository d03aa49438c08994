const chat = require('../../chat')
const { titleOf, words } = require('../../words')

Page({
  data: {
    words,
    state: chat.state,
    complete: false,
    rows: [], // { room, name, text, unread }
  },

  onLoad() {
    wx.setNavigationBarTitle({ title: words.chats })
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
      rows: rows.map((row) => ({
        room: row.room,
        unread: row.unread,
        name: titleOf(row.room, row),
        text: row.entry && row.entry.type === 'message' && !row.entry.recalled ? row.entry.body.text : '',
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
      this.enter((await chat.create({ title: words.newGroup })).room)
    } catch ({ message }) {
      wx.showToast({ icon: 'none', title: message })
    }
  },
})
