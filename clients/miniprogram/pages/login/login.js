const storage = require('../../storage')
const words = require('../../words')

Page({
  data: { words, name: '', avatar: storage.get('avatar') },

  onName({ detail }) {
    this.setData({ name: detail.value })
  },

  // The picture is a file on this phone and is shown on this phone only; its path is
  // sent to nobody. WeChat deletes its temporary file when the mini program ends, so
  // we save a copy.
  onAvatar({ detail }) {
    wx.getFileSystemManager().saveFile({
      tempFilePath: detail.avatarUrl,
      success: ({ savedFilePath }) => {
        storage.set('avatar', savedFilePath)
        this.setData({ avatar: savedFilePath })
      },
    })
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
