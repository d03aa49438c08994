const host = require('../../host')
const links = require('../../links')
const storage = require('../../storage')
const words = require('../../words')

Page({
  data: { scale: words.scale, t: words.some('whatName', 'picture', 'pictureHint', 'enter'), name: '', avatar: storage.get('avatar') },

  // The query has the chat that a share card leads to.
  onLoad(query) {
    this.place = links.read(query)
    host.title(words.get('hello'))
  },

  onName({ detail }) {
    this.setData({ name: detail.value })
  },

  // The picture is a file on this phone and is shown on this phone only; its path is
  // sent to nobody. WeChat deletes its temporary file when the mini program ends, so
  // we save a copy.
  onAvatar({ detail: { avatarUrl } }) {
    this.chosen = avatarUrl
    this.setData({ avatar: avatarUrl || '' })
    host.keep(avatarUrl, (avatar) => {
      if (avatarUrl === this.chosen) storage.set('avatar', avatar)
    })
  },

  enter({ detail } = {}) {
    const name = ((detail && detail.value && detail.value.name) || this.data.name).trim().slice(0, 64)
    if (!name || this.entered) return
    this.entered = true
    const app = getApp()
    app.name = name
    app.start()
    host.restart(links.after('/pages/rooms/rooms', this.place))
  },
})
