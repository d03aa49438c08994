import type { Platform } from './index.js'

/** Takes the WebSocket of the package ws, and options of its constructor, where Node has none of its own. */
export function node(
  Socket?: new (url: string, protocols: string[], options?: any) => object,
  options?: object,
): Platform
