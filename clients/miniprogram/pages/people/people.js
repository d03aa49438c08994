const component = require('../../caddy-chat/index')
const { hue, initials, pictureOf, titleOf } = require('../../caddy-chat/lib/text')
const host = require('../../host')
const links = require('../../links')
const words = require('../../words')

const page = 50 // members that are drawn at a time
const most = 500 // that are loaded at once, and put in order

// A conversation: who belongs to it, and what the user does with it. Any other room: who is there.
Page({
  data: {
    scale: words.scale, t: words.some('add', 'addPeople', 'share', 'rename', 'notify', 'onTop', 'clear', 'leaveGroup', 'leave', 'more', 'idHint', 'you', 'guest', 'known'),
    room: '', title: '', label: '',
    group: false, row: null, // of the list: { notify, top }
    people: [], more: false,
    canAdd: false, canRename: false,
    id: '', known: [], note: '',
  },

  onLoad(query) {
    const { room } = links.read(query)
    if (!getApp().chat || !room) return host.restart(links.after('/pages/login/login', { room }))
    this.chat = component.client()
    const again = (event) => (event.room === undefined || event.room === room) && this.load()
    this.stops = ['member', 'info', 'room', 'removed', 'presence'].map((name) => this.chat.on(name, again))
    this.stops.push(this.chat.on('list', () => this.draw()))
    this.shown = page
    this.setData({ room })
    this.load()
  },

  onShow() {
    this.visible = true
    this.draw()
  },

  onHide() {
    this.visible = false
  },

  onUnload() {
    this.closed = true
    for (const stop of this.stops || []) stop()
  },

  // about returns what is known of the conversation, or undefined if the room is none.
  about() {
    const known = this.chat.rooms.get(this.data.room)
    return (known && known.role && known) || (this.chat.list && this.chat.list.get(this.data.room))
  },

  // load reads the people anew. Of several calls the last one counts.
  async load(after) {
    const turn = this.turn = {}
    const about = this.about()
    try {
      let found = []
      let more = false
      if (about) {
        do {
          const last = found.length ? found[found.length - 1].id : after
          const answer = await this.chat.members(this.data.room, { limit: 100, ...(last && { after: last }) })
          found.push(...answer.users.map(({ user, role }) => ({ ...user, role })))
          more = answer.more
        } while (more && found.length < most && turn === this.turn)
      } else {
        found = (await this.chat.who(this.data.room)).users
      }
      if (this.closed || turn !== this.turn) return
      this.people = after ? [...this.people, ...found] : found
      this.rest = more
      this.setData({ note: '' })
      this.draw()
    } catch (refusal) {
      if (!this.closed && turn === this.turn) this.setData({ note: words.why(refusal) })
    }
  },

  // showMore draws more of the people who are loaded, or loads more: they come by id.
  showMore() {
    if (!this.people) return
    this.shown += page
    if (this.shown > this.people.length && this.rest) this.load(this.people.map(({ id }) => id).sort().pop())
    else this.draw()
  },

  draw() {
    if (!this.people || this.closed) return
    const { chat, data: { room } } = this
    const about = this.about()
    const row = chat.list && chat.list.get(room)
    const me = { role: about && about.role }
    const state = chat.rooms.get(room)
    const moderate = Boolean(state && state.moderate) || /owner|admin/.test(me.role)
    const group = Boolean(about) && !about.with
    const title = about ? titleOf(about, room, words.shared) : room
    const here = new Set(this.people.map(({ id }) => id))
    if (this.visible) host.title(title)
    Object.assign(this, { moderate, me })
    this.setData({
      title, group, canAdd: group, canRename: group && moderate, // the server decides
      label: about ? words.get('memberCount', { n: about.size || this.people.length }) : words.get('here'),
      row: row ? { notify: row.notify, top: row.top } : null,
      more: this.people.length > this.shown || this.rest,
      people: [...this.people].sort(byRole).slice(0, this.shown).map((user) => ({
        id: user.id, name: words.name(user.id === chat.user.id ? chat.user : user), you: user.id === chat.user.id, guest: Boolean(user.guest && user.name) && user.id !== chat.user.id, ...faceOf(user.id === chat.user.id ? chat.user : user),
        role: user.role === 'owner' || user.role === 'admin' ? words.get(user.role) : '',
      })),
      known: group ? others(chat).filter(({ id }) => !here.has(id)).map((user) => ({ id: user.id, name: words.name(user), ...faceOf(user) })) : [],
    })
  },

  // attempt does something and says what the server thinks of it.
  async attempt(promise, done) {
    try {
      await promise
      if (done) host.toast(done)
      this.load()
    } catch (refusal) {
      host.toast(words.why(refusal))
    }
  },

  onId({ detail }) {
    this.setData({ id: detail.value })
  },

  add({ currentTarget }) {
    const id = currentTarget.dataset.id || this.data.id.trim()
    if (!id) return
    this.setData({ id: '' })
    this.attempt(this.chat.member(this.data.room, [id], 'member'))
  },

  // person shows what the user may do with somebody.
  person({ currentTarget }) {
    const user = this.people.find(({ id }) => id === currentTarget.dataset.id)
    const { chat, data: { room, group }, me } = this
    if (!user || user.id === chat.user.id) return
    const name = words.name(user)
    const owner = me.role === 'owner'
    const role = (role) => () => this.attempt(chat.member(room, [user.id], role))
    const lines = [
      [words.get('chatWith', { name }), () => host.go(links.to({ user: user.id }))],
      ...(group && owner ? [user.role === 'admin' ? [words.get('noAdmin'), role('member')] : [words.get('makeAdmin'), role('admin')]] : []),
      ...(group && owner ? [[words.get('handOver'), () => host.ask(words.get('handOverSure'), role('owner'))]] : []),
      ...(group && this.moderate ? [[words.get('removeMember'), role('none')]] : []),
      ...(this.moderate ? [[words.get('mute', { name }), () => this.sanction(user, 'mute')]] : []),
      ...(!group && this.moderate ? [[words.get('kick', { name }), () => this.attempt(chat.kick(room, user.id), words.get('kicked', { name }))]] : []),
      ...(this.moderate ? [[words.get('ban', { name }), () => this.sanction(user, 'ban')]] : []),
    ] // six at most: WeChat shows no more
    host.choose(lines)
  },

  // sanction asks for how long somebody is muted or banned.
  sanction(user, type) {
    const { chat, data: { room } } = this
    const name = words.name(user)
    const [done, end, ended] = type === 'mute' ? ['muted', 'unmute', 'unmuted'] : ['banned', 'unban', 'unbanned']
    const line = (word, time, done) => [words.get(word, { name }), () => this.attempt(chat[type](room, user.id, time), words.get(done, { name }))]
    host.choose([line('tenMinutes', 600000, done), line('oneHour', 3600000, done), line('oneDay', 86400000, done), line('forGood', undefined, done), line(end, 0, ended)])
  },

  rename() {
    const { room, title } = this.data
    host.ask(words.get('groupTitle'), (text) => text && text.trim() && this.attempt(this.chat.info(room, { title: text.trim() })), title)
  },

  mute() {
    this.attempt(this.chat.set(this.data.room, { notify: !this.data.row.notify }))
  },

  top() {
    this.attempt(this.chat.set(this.data.room, { top: !this.data.row.top }))
  },

  clear() {
    host.ask(words.get('clearSure'), () => this.attempt(this.chat.set(this.data.room, { clear: true })))
  },

  // leave ends the membership of a group; of another room the user only hears no more.
  leave() {
    const { room, group } = this.data
    const end = async () => {
      try {
        await (group ? this.chat.quit(room) : this.chat.leave(room))
        getApp().drop(room)
        host.restart('/pages/rooms/rooms')
      } catch (refusal) {
        host.toast(words.why(refusal))
      }
    }
    host.ask(words.get(group ? 'leaveGroup' : 'leave'), end)
  },

  onShareAppMessage() {
    return { title: this.data.title, path: links.to({ room: this.data.room }) }
  },
})

// others returns the people whom the user chats with alone.
const others = (chat) => (chat.list ? chat.list.rows.map(({ with: other }) => other).filter(Boolean) : [])

// byRole puts the owner first, then the admins, each by name.
const rank = ({ role }) => ['owner', 'admin'].indexOf(role) + 1 || 3
const byRole = (a, b) => rank(a) - rank(b) || (words.name(a) < words.name(b) ? -1 : 1)

function faceOf(user) {
  const picture = pictureOf(user)
  return picture ? { picture } : { initials: initials(user), hue: hue(user) }
}
