import { miniProgram } from './platforms/sockettask.js'

// taro is the platform for a Taro app: taro(Taro). Taro.connectSocket returns a
// promise of the SocketTask.
export function taro(Taro) {
  return miniProgram(Taro, (options) => Taro.connectSocket(options))
}
