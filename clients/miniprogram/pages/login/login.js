const words = require('../../words')

Page({
  data: { words, name: '', avatar: wx.getStorageSync('avatar') || '' },

  onName({ detail }) {
    this.setData({ name: detail.value })
  },

  // The picture is shown on this phone alone: it is a file of it.
  onAvatar({ detail }) {
    wx.setStorageSync('avatar', detail.avatarUrl)
    this.setData({ avatar: detail.avatarUrl })
  },

  enter({ detail } = {}) {
    const name = ((detail && detail.value && detail.value.name) || this.data.name).trim().slice(0, 64)
    if (!name) return
    const app = getApp()
    app.name = name
    app.start()
    wx.reLaunch({ url: '/pages/rooms/rooms' })
  },
})
