// adaptWebSocket connects a standard WebSocket to the four events of a transport.
export function adaptWebSocket(socket, on) {
  socket.onopen = () => on.open(socket.protocol)
  socket.onmessage = ({ data }) => on.message(data)
  socket.onerror = on.error
  socket.onclose = on.close
  return {
    send: (text) => socket.send(text),
    close: () => socket.close(),
  }
}
