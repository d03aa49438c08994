import type { Platform } from './index.js'

export function wechat(): Required<Platform>
