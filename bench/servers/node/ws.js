// ws, as in the broadcast example of its README: a message from one client goes to
// the others in its room (?room=NAME).
//
//   node ws.js PORT
import { WebSocket, WebSocketServer } from 'ws'

const rooms = new Map()
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096, maxPayload: 64 << 10 })

server.on('connection', (socket, request) => {
  const name = new URL(request.url, 'http://localhost').searchParams.get('room') ?? ''
  if (!rooms.has(name)) rooms.set(name, new Set())
  const room = rooms.get(name)
  room.add(socket)
  socket.on('error', () => {}) // connections are reset; close follows
  socket.on('close', () => room.delete(socket))
  socket.on('message', (data, isBinary) => {
    for (const other of room) {
      if (other !== socket && other.readyState === WebSocket.OPEN) other.send(data, { binary: isBinary })
    }
  })
})
