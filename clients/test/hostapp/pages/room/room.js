Page({
  data: { room: '', events: [], theme: 'auto', shown: true, words: null, language: '', header: false, readonly: false, placeholder: '' },
  onLoad({ room }) {
    this.setData({ room: decodeURIComponent(room) })
  },
  onTitle({ detail }) {
    wx.setNavigationBarTitle({ title: detail.title })
  },
  onEvent({ type, detail }) {
    this.setData({ events: [...this.data.events, { type, detail }] })
  },
})
