Page({
  data: { events: [], theme: 'auto', words: null, language: '', hidden: false },
  onOpen({ detail }) {
    wx.navigateTo({ url: `/pages/room/room?room=${encodeURIComponent(detail.room)}` })
  },
  onEvent({ type, detail }) {
    this.setData({ events: [...this.data.events, { type, detail }] })
  },
})
