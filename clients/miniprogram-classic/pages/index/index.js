const { url } = require('../../config')

Page({
  data: {
    status: 'offline', // or connecting, or online
    lines: [], // { id, text, own }
    text: '', // of the input
  },

  onLoad() {
    wx.onSocketOpen(() => this.setData({ status: 'online' }))
    wx.onSocketMessage(({ data }) => this.show(data, false))
    wx.onSocketError(() => this.setData({ status: 'offline' }))
    wx.onSocketClose(() => this.setData({ status: 'offline' }))
    this.connect()
  },

  onUnload() {
    wx.closeSocket()
  },

  connect() {
    if (this.data.status !== 'offline') return
    this.setData({ status: 'connecting' })
    wx.connectSocket({ url })
  },

  onInput({ detail }) {
    this.setData({ text: detail.value })
  },

  // The server sends a message to everybody except its sender, so we show it here.
  send() {
    const { text } = this.data
    if (!text) return
    wx.sendSocketMessage({
      data: text,
      success: () => {
        this.show(text, true)
        this.setData({ text: '' })
      },
    })
  },

  show(text, own) {
    const id = this.data.lines.length
    this.setData({ [`lines[${id}]`]: { id, text, own } })
  },
})
