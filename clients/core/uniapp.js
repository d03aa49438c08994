/* global uni */
import { miniProgram } from './platforms/sockettask.js'

// uniapp is what a uni-app lends the client. Because fail is among the options,
// uni.connectSocket returns the task itself.
export function uniapp() {
  return miniProgram(uni, (options) => uni.connectSocket(options))
}
