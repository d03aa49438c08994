import { adaptWebSocket } from './platforms/websocket.js'

// node is the platform for Node: its own WebSocket (Node 22), or that of the
// package ws with options of its constructor, as in node(WebSocket, options).
export function node(Socket = globalThis.WebSocket, options = undefined) {
  if (!Socket) throw new TypeError('this Node has no WebSocket: use Node 22, or node(WebSocket) with that of the package ws')
  return {
    transport: (url, protocols, on) => adaptWebSocket(new Socket(url, protocols, options), on),
  }
}
