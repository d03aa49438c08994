const { Client, wechat } = require('./lib/chat')
const config = require('./config')

// The conversation belongs to the app: pages come and go.
App({
  onLaunch() {
    this.name = wx.getStorageSync('name') || ''
    if (this.name) this.start()
  },

  // start connects the user. The rooms are those of last time.
  start() {
    wx.setStorageSync('name', this.name)
    this.chat = new Client({
      url: config.url,
      name: this.name,
      token: config.login ? signIn : undefined,
      ...wechat(),
    })
    this.chat.connect().catch(() => {}) // the pages show the state
    for (const room of this.rooms()) this.chat.join(room).catch(() => {}) // and what became of it
  },

  rooms() {
    return wx.getStorageSync('rooms') || config.rooms
  },

  join(room) {
    wx.setStorageSync('rooms', [...new Set([...this.rooms(), room])])
    this.chat.join(room).catch(() => {})
  },

  leave(room) {
    wx.setStorageSync('rooms', this.rooms().filter((other) => other !== room))
    this.chat.leave(room).catch(() => {})
  },

  // startAnew is for when the server won't have the user as it is.
  startAnew() {
    wx.removeStorageSync('token')
    this.chat.forget()
    this.chat.connect().catch(() => {})
    for (const room of this.rooms()) this.chat.join(room).catch(() => {})
  },
})

// signIn returns the token of last time, or gets one for a code of wx.login. The
// client says why it asks when the last one is of no more use.
async function signIn(why) {
  const kept = !why && wx.getStorageSync('token')
  if (kept) return kept
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
