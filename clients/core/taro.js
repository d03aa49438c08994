import { miniProgram } from './platforms/sockettask.js'

// taro is the platform for a Taro app: taro(Taro).
export function taro(Taro) {
  return miniProgram(Taro)
}
