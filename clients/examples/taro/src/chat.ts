// The client of the user. It belongs to the app, not to a page: it stays while pages come and go.
import Taro from '@tarojs/taro'
import { Client } from 'caddy-chat-client'
import { list } from 'caddy-chat-client/list'
import { taro } from 'caddy-chat-client/taro'
import { login, url } from './config'

export const chat = new Client({
  url,
  list: list(),
  name: Taro.getStorageSync('name') || undefined,
  token: login ? signIn : undefined,
  ...taro(Taro),
})

// signIn returns the stored token, or gets one with a code of the platform's login. why is
// given if the stored token must be replaced.
async function signIn(why?: string): Promise<string> {
  const stored = !why && Taro.getStorageSync('token')
  if (stored) return stored
  const { code } = await Taro.login()
  const { statusCode, data } = await Taro.request({ url: `${url.replace(/^ws/, 'http')}/login`, method: 'POST', data: { code } })
  if (statusCode !== 200) throw new Error(`status ${statusCode}`)
  Taro.setStorageSync('token', data.token)
  return data.token
}
