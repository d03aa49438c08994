const host = require('../../host')
const links = require('../../links')
const words = require('../../words')

Page({
  data: { scale: words.scale, t: words.some('begin'), ready: false },

  // A page that is opened with a room goes on to it: so one comes back to the list from there.
  onLoad(query) {
    const place = links.read(query)
    if (!getApp().chat) return host.restart(links.after('/pages/login/login', place))
    this.setData({ ready: true })
    if (place.room || place.user) setTimeout(() => host.go(links.to(place)), 0) // WeChat opens one page at a time
  },

  onShow() {
    this.visible = true
    this.entitle()
  },

  onHide() {
    this.visible = false
  },

  onUnread({ detail: { unread } }) {
    this.unread = unread
    this.entitle()
  },

  // entitle says how much is unread. WeChat gives the title to the page on top, whoever asks.
  entitle() {
    const { visible, unread } = this
    const title = words.get('chats')
    if (visible) host.title(unread ? `${title} (${unread > 99 ? '99+' : unread})` : title)
  },

  onOpen({ detail: { room } }) {
    host.go(links.to({ room }))
  },

  onLeft({ detail: { room } }) {
    getApp().drop(room)
  },

  onError({ detail }) {
    if (detail.message) host.toast(detail.message)
  },

  begin() {
    host.go('/pages/new/new')
  },
})
