/* global uni */
import { miniProgram } from './platforms/sockettask.js'

// uniapp is the platform for a uni-app.
export function uniapp() {
  return miniProgram(typeof uni === 'object' && uni)
}
