const words = require('../../words')
const watchState = require('../../state')

Page({
  data: { words, state: 'offline', rooms: [], text: '' }, // rooms of { room, unread, members }

  onLoad() {
    wx.setNavigationBarTitle({ title: words.rooms })
  },

  onShow() {
    const { chat } = getApp()
    if (!chat) return wx.reLaunch({ url: '/pages/login/login' })
    this.draw()
    const draw = () => this.drawLater()
    this.stops = [watchState(this, chat), ...['room', 'message', 'notice', 'read', 'presence', 'removed'].map((name) => chat.on(name, draw))]
  },

  onHide() {
    this.stop()
  },

  onUnload() {
    this.stop()
  },

  stop() {
    for (const stop of this.stops || []) stop()
    this.stops = []
  },

  // drawLater draws once for all events of one task.
  drawLater() {
    if (this.drawing) return
    this.drawing = Promise.resolve().then(() => {
      this.drawing = undefined
      if (this.stops.length) this.draw()
    })
  },

  draw() {
    const { chat } = getApp()
    const rooms = [...chat.rooms.values()].map(({ room, unread, members }) => ({ room, unread, members: members || 0 }))
    this.setData({ rooms })
  },

  onInput({ detail }) {
    this.setData({ text: detail.value })
  },

  join() {
    const typed = this.data.text.trim()
    const room = typed.normalize ? typed.normalize() : typed // é is one character or two, but one room
    if (!room) return
    getApp().join(room)
    this.setData({ text: '' })
    this.open({ currentTarget: { dataset: { room } } })
  },

  open({ currentTarget }) {
    wx.navigateTo({ url: `/pages/chat/chat?room=${encodeURIComponent(currentTarget.dataset.room)}` })
  },

  // menu is called by a long press.
  menu({ currentTarget }) {
    const { room } = currentTarget.dataset
    wx.showActionSheet({
      itemList: [words.leave],
      success: () => {
        getApp().leave(room)
        this.draw()
      },
    })
  },

  startAnew() {
    if (this.data.state === 'closed') getApp().startAnew()
  },
})
