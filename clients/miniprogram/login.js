const config = require('./config')
const host = require('./host')
const storage = require('./storage')

// signIn returns the stored token, or gets one with a code of wx.login. why is given if the
// stored token must be replaced.
module.exports = async function signIn(why) {
  const stored = !why && storage.get('token')
  if (stored) return stored
  const { code } = await host.call('login', {})
  const { statusCode, data } = await host.call('request', {
    url: `${config.url.replace(/^ws/, 'http')}/login`,
    method: 'POST',
    header: { 'Content-Type': 'application/json' },
    data: { code },
  })
  if (statusCode !== 200 || !data || !data.token) throw new Error((data && data.detail) || `status ${statusCode}`)
  storage.set('token', data.token)
  return data.token
}
