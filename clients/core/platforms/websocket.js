// lend listens to a standard WebSocket.
export function lend(socket, on) {
  socket.onopen = on.open
  socket.onmessage = ({ data }) => on.message(data)
  socket.onerror = on.error
  socket.onclose = on.close
  return {
    send: (text) => socket.send(text),
    close: () => socket.close(),
  }
}
