// The client of the user. It belongs to the app, not to a page: it stays while pages come and go.
const { Client } = require('caddy-chat-client')
const { list } = require('caddy-chat-client/list')
const { wechat } = require('caddy-chat-client/wechat')
const { login, url } = require('./config')

// signIn returns the stored token, or gets one with a code of wx.login. why is given if the
// stored token must be replaced.
async function signIn(/** @type {string | undefined} */ why) {
  const stored = !why && wx.getStorageSync('token')
  if (stored) return stored
  const { code } = await wx.login()
  const { statusCode, data } = await new Promise((success, fail) => wx.request({
    url: `${url.replace(/^ws/, 'http')}/login`,
    method: 'POST',
    data: { code },
    success,
    fail,
  }))
  if (statusCode !== 200) throw new Error(`status ${statusCode}`)
  wx.setStorageSync('token', data.token)
  return data.token
}

module.exports = new Client({
  url,
  list: list(),
  name: wx.getStorageSync('name') || undefined,
  token: login ? signIn : undefined,
  ...wechat(),
})
