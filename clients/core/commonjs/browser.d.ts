import type { Platform } from './index.js'

export function browser(): Required<Platform>
