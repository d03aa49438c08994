// Files require in one direction only: a file of this list requires nothing but
// files above it, and the component's folder, caddy-chat (test/imports.test.js checks that).
//
//	config.js             the settings
//	words.js              the texts, in English and Chinese
//	storage.js            what the phone keeps for the next start
//	state.js              shows the client's state in a page
//	pages/chat/list.js    the messages of a room, by setData
//	pages/chat/chat.js    the pages
//	pages/rooms/rooms.js
//	pages/login/login.js
//	app.js                the client of the user, kept while pages come and go
const { Client, wechat } = require('./caddy-chat/lib/chat')
const config = require('./config')
const storage = require('./storage')

// The app owns the client. Its promises need no catch: the pages show what fails.
App({
  onLaunch() {
    this.name = storage.get('name')
    if (this.name) this.start()
  },

  // start connects the user and joins the rooms that were open last time.
  start() {
    storage.set('name', this.name)
    this.chat = new Client({
      url: config.url,
      name: this.name,
      token: config.login ? signIn : undefined,
      ...wechat(),
    })
    this.connect()
  },

  connect() {
    this.chat.connect()
    for (const room of this.rooms()) this.chat.join(room)
  },

  rooms() {
    return storage.get('rooms') || config.rooms
  },

  join(room) {
    storage.set('rooms', [...new Set([...this.rooms(), room])])
    this.chat.join(room)
  },

  leave(room) {
    storage.set('rooms', this.rooms().filter((other) => other !== room))
    this.chat.leave(room)
  },

  // startAnew is called after the server has refused the user: it forgets the token
  // and signs in again.
  startAnew() {
    storage.remove('token')
    this.chat.forget()
    this.connect()
  },
})

// signIn returns the stored token, or gets one with a code of wx.login. why is given
// if the stored token must be replaced.
async function signIn(why) {
  const stored = !why && storage.get('token')
  if (stored) return stored
  const { code } = await new Promise((success, fail) => wx.login({ success, fail }))
  const { statusCode, data } = await new Promise((success, fail) => wx.request({
    url: `${config.url.replace(/^ws/, 'http')}/login`,
    method: 'POST',
    header: { 'Content-Type': 'application/json' },
    data: { code },
    success,
    fail,
  }))
  if (statusCode !== 200) throw new Error(data.detail || `status ${statusCode}`)
  storage.set('token', data.token)
  return data.token
}
