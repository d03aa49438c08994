// Socket.IO over WebSocket only, with the rooms of Socket.IO: a message from one
// client goes to the others in its room (?room=NAME).
//
//   node socketio.js PORT
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer()
const io = new Server(http, { transports: ['websocket'], maxHttpBufferSize: 64 << 10 })

io.on('connection', (socket) => {
  const room = socket.handshake.query.room ?? ''
  socket.join(room)
  socket.on('m', (message) => socket.to(room).emit('m', message))
})

http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
