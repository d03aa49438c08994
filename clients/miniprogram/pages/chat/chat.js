const component = require('../../caddy-chat/index')
const host = require('../../host')
const links = require('../../links')
const words = require('../../words')

Page({
  data: { scale: words.scale, t: words.some('about', 'waiting'), room: '', count: '', why: '' },

  // A share card leads here with a room, or with the user who shared it. Who is not signed in
  // signs in first, and then comes back.
  onLoad(query) {
    const place = links.read(query)
    if (!getApp().chat) return host.restart(links.after('/pages/login/login', place))
    if (place.user) return this.meet(place.user)
    this.show(place.room)
  },

  // WeChat gives a title to the page on top, whoever asks.
  onShow() {
    this.visible = true
    if (this.title) host.title(this.title)
  },

  onHide() {
    this.visible = false
  },

  onUnload() {
    this.closed = true
    if (this.stop) this.stop()
  },

  show(room) {
    if (!room || this.closed) return
    this.stop = component.client().on('room', (state) => {
      if (state.room === room && !state.role) getApp().keep(room)
    })
    this.setData({ room, why: '' })
  },

  // meet opens the conversation with one user. The server knows its name.
  async meet(user) {
    const chat = component.client()
    try {
      await chat.connect()
      const { room } = await chat.direct(user)
      this.show(room)
    } catch (refusal) {
      this.setData({ why: words.why(refusal) })
    }
  },

  onTitle({ detail: { title, count } }) {
    this.title = title
    if (this.visible) host.title(title)
    const { role } = component.client().rooms.get(this.data.room) || {}
    this.setData({ count: count ? words.get(role ? 'memberCount' : 'members', { n: Number(count) }) : '' })
  },

  onRemoved({ detail: { room } }) {
    getApp().drop(room)
  },

  onPerson() {
    this.about()
  },

  about() {
    if (this.data.room) host.go(links.after('/pages/people/people', { room: this.data.room }))
  },

  // The card of a conversation of two leads to the one who shares it: nobody else may enter.
  onShareAppMessage() {
    const chat = component.client()
    const { room } = this.data
    const { with: other } = (chat && (chat.rooms.get(room) || (chat.list && chat.list.get(room)))) || {}
    if (!chat || !room || !other) return { title: this.title || words.get('title'), path: room ? links.to({ room }) : '/pages/rooms/rooms' }
    return { title: words.get('cardOf', { name: chat.user.name }), path: links.to({ user: chat.user.id }) }
  },
})
