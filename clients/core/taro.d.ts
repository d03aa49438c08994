import type { Platform } from './index.js'

/** Takes what `import Taro from '@tarojs/taro'` names. */
export function taro(Taro: object): Required<Platform>
