import { lend } from './platforms/websocket.js'

// node is what Node lends the client: its own WebSocket (Node 22), or that of the
// package ws: node(WebSocket, options of its constructor).
export function node(Socket = globalThis.WebSocket, options = undefined) {
  return {
    transport: (url, protocols, on) => lend(new Socket(url, protocols, options), on),
  }
}
