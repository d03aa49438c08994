/* global wx */
import { miniProgram } from './platforms/sockettask.js'

// wechat is the platform for a WeChat mini program.
export function wechat() {
  return miniProgram(typeof wx === 'object' && wx)
}
