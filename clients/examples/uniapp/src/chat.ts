// The client of the user. It belongs to the app, not to a page: it stays while pages come and go.
import { Client } from 'caddy-chat-client'
import { list } from 'caddy-chat-client/list'
import { uniapp } from 'caddy-chat-client/uniapp'
import { login, url } from './config'

export const chat = new Client({
  url,
  list: list(),
  name: uni.getStorageSync('name') || undefined,
  token: login ? signIn : undefined,
  ...uniapp(),
})

// signIn returns the stored token, or gets one with a code of the platform's login. why is
// given if the stored token must be replaced.
async function signIn(why?: string): Promise<string> {
  const stored = !why && uni.getStorageSync('token')
  if (stored) return stored
  const code = await new Promise<string>((resolve, fail) => uni.login({ success: (done) => resolve(done.code), fail }))
  const token = await new Promise<string>((resolve, fail) => uni.request({
    url: `${url.replace(/^ws/, 'http')}/login`,
    method: 'POST',
    data: { code },
    success: ({ statusCode, data }) => (statusCode === 200 ? resolve((data as { token: string }).token) : fail(new Error(`status ${statusCode}`))),
    fail,
  }))
  uni.setStorageSync('token', token)
  return token
}
