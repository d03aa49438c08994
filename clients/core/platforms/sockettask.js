// miniProgram returns the transport, storage and signals of a mini program. api is
// its global object; connect returns a SocketTask, or a promise of one.
export function miniProgram(api, connect) {
  return {
    transport: (url, protocols, on) => adaptTask(connect({ url, protocols, fail: on.error }), on),
    storage: {
      getItem: (name) => api.getStorageSync(name),
      setItem: (name, text) => api.setStorageSync(name, text),
      removeItem: (name) => api.removeStorageSync(name),
    },
    watch(chat) {
      const show = () => chat.resume()
      const hide = () => chat.suspend()
      const check = () => chat.check()
      api.onAppShow(show)
      api.onAppHide(hide)
      api.onNetworkStatusChange(check)
      return () => {
        api.offAppShow(show)
        api.offAppHide(hide)
        api.offNetworkStatusChange(check)
      }
    },
  }
}

function adaptTask(task, on) {
  if (task.then) {
    const socket = task.then((it) => adaptTask(it, on))
    socket.catch(on.error)
    return {
      send: (text) => void socket.then((it) => it.send(text)).catch(on.error),
      close: () => void socket.then((it) => it.close()).catch(on.error),
    }
  }
  // A SocketTask has no way to remove listeners; the client ignores the events of
  // an old connection. A task that was closed while connecting may still open.
  let closed = false
  const close = () => task.close({ fail() {} })
  task.onOpen((event) => (closed ? close() : on.open(protocolOf(event))))
  task.onMessage(({ data }) => on.message(data))
  task.onError(on.error)
  task.onClose(on.close)
  return {
    send: (data) => task.send({ data, fail: on.error }),
    close() {
      closed = true
      close()
    },
  }
}

// protocolOf returns the subprotocol that the server agreed on. A proxy may drop it,
// and a SocketTask, unlike a WebSocket, opens all the same. On hosts that report no
// headers the client cannot know; there the server refuses a hello in the raw dialect.
function protocolOf(event) {
  const header = (event && event.header) || {}
  const names = Object.keys(header)
  const name = names.find((it) => it.toLowerCase() === 'sec-websocket-protocol')
  return names.length ? String(header[name]) : protocol
}

const protocol = 'chat.v1'
