import type { Platform } from './index.js'

/** Taro is the default export of @tarojs/taro. */
export function taro(Taro: object): Required<Platform>
