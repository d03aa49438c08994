/* global wx */
import { miniProgram } from './platforms/sockettask.js'

// wechat is what a WeChat mini program lends the client.
export function wechat() {
  return miniProgram(wx, (options) => wx.connectSocket(options))
}
