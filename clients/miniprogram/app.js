// Files require in one direction only: a file of this list requires nothing but
// files above it (test/imports.test.js checks that).
//
//	lib/chat.js           the client, generated from ../core
//	config.js             the settings
//	words.js              the texts, in English and Chinese
//	state.js              shows the client's state in a page
//	pages/chat/list.js    the messages of a room, by setData
//	pages/chat/chat.js    the pages
//	pages/rooms/rooms.js
//	pages/login/login.js
//	app.js                the client of the user, kept while pages come and go
const { Client, wechat } = require('./lib/chat')
const config = require('./config')

// The app owns the client. Its promises need no catch: the pages show what fails.
App({
  onLaunch() {
    this.name = wx.getStorageSync('name') || ''
    if (this.name) this.start()
  },

  // start connects the user and joins the rooms that were open last time.
  start() {
    wx.setStorageSync('name', this.name)
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
    return wx.getStorageSync('rooms') || config.rooms
  },

  join(room) {
    wx.setStorageSync('rooms', [...new Set([...this.rooms(), room])])
    this.chat.join(room)
  },

  leave(room) {
    wx.setStorageSync('rooms', this.rooms().filter((other) => other !== room))
    this.chat.leave(room)
  },

  // startAnew is called after the server has refused the user: it forgets the token
  // and signs in again.
  startAnew() {
    wx.removeStorageSync('token')
    this.chat.forget()
    this.connect()
  },
})

// signIn returns the stored token, or gets one with a code of wx.login. why is given
// if the stored token must be replaced.
async function signIn(why) {
  const stored = !why && wx.getStorageSync('token')
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
  wx.setStorageSync('token', data.token)
  return data.token
}
