const config = require('./config')
const storage = require('./storage')

// signIn returns the stored token, or gets one with a code of wx.login. why is given if the
// stored token must be replaced.
module.exports = async function signIn(why) {
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
  if (statusCode !== 200 || !data.token) throw new Error((data && data.detail) || `status ${statusCode}`)
  storage.set('token', data.token)
  return data.token
}
