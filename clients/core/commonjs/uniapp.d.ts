import type { Platform } from './index.js'

export function uniapp(): Required<Platform>
