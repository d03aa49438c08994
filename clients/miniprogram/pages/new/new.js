const component = require('../../caddy-chat/index')
const { hue, initials } = require('../../caddy-chat/lib/text')
const host = require('../../host')
const links = require('../../links')
const storage = require('../../storage')
const words = require('../../words')

// New conversations, groups and rooms, and who the user is.
Page({
  data: {
    scale: words.scale, t: words.some('newChat', 'newGroup', 'joinRoom', 'roomHint', 'idHint', 'groupTitle', 'beginGroup', 'join', 'invite', 'yourId', 'copy', 'signOut'),
    id: '', title: '', room: '', me: null, busy: false,
  },

  onLoad() {
    if (!getApp().chat) return host.restart('/pages/login/login')
    this.chat = component.client()
    host.title(words.get('begin'))
    this.stop = this.chat.on('state', () => this.draw())
    this.draw()
  },

  onUnload() {
    if (this.stop) this.stop()
  },

  draw() {
    const { user } = this.chat
    const avatar = storage.get('avatar')
    this.setData({ me: user ? { id: user.id, name: user.name, ...(avatar ? { picture: avatar } : { initials: initials(user), hue: hue(user) }) } : null })
  },

  onInput({ detail, currentTarget }) {
    this.setData({ [currentTarget.dataset.field]: detail.value })
  },

  direct() {
    const id = this.data.id.trim()
    if (id) this.open(this.chat.direct(id))
  },

  // group founds a group; whom to add is asked on its own page.
  group() {
    const title = this.data.title.trim()
    if (title) this.open(this.chat.create({ title }), '/pages/people/people')
  },

  join() {
    const typed = this.data.room.trim()
    const room = typed.normalize ? typed.normalize() : typed // é is one character or two, but one room
    if (room) this.open(Promise.resolve({ room }))
  },

  // open goes to the room of an answer, once: a second tap waits for the first one.
  async open(answer, page) {
    if (this.data.busy) return
    this.setData({ busy: true })
    try {
      const { room } = await answer
      host.replace(links.to({ room }), () => page && host.go(links.after(page, { room })))
    } catch (refusal) {
      host.toast(words.why(refusal))
    } finally {
      this.setData({ busy: false })
    }
  },

  copyId() {
    if (this.data.me) host.copy(this.data.me.id)
  },

  signOut() {
    host.ask(words.get('signOutSure'), () => getApp().signOut())
  },

  // The card opens a chat with the one who has shared it.
  onShareAppMessage() {
    const { me } = this.data
    return me ? { title: words.get('cardOf', { name: me.name }), path: links.to({ user: me.id }) } : { title: words.get('title') }
  },
})
