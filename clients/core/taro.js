import { miniProgram } from './platforms/sockettask.js'

// taro is what a Taro app lends the client: taro(Taro). Taro.connectSocket returns
// a promise of the task.
export function taro(Taro) {
  return miniProgram(Taro, (options) => Taro.connectSocket(options))
}
