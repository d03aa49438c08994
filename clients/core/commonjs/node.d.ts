import type { Platform } from './index.js'

/** If Node has no WebSocket of its own, pass that of the package ws, and options of its constructor. */
export function node(
  Socket?: new (url: string, protocols: string[], options?: any) => object,
  options?: object,
): Platform
