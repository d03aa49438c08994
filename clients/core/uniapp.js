/* global uni */
import { miniProgram } from './platforms/sockettask.js'

// uniapp is the platform for a uni-app. uni.connectSocket returns the SocketTask
// itself, not a promise, because the options contain fail.
export function uniapp() {
  return miniProgram(uni, (options) => uni.connectSocket(options))
}
