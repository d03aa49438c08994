// miniProgram returns the transport, storage and signals of a mini program. api is
// its global object; connect returns a SocketTask, or a promise of one, as in Taro.
export function miniProgram(api, connect = (options) => api.connectSocket(options)) {
  if (!api) throw new TypeError('not a mini program')
  return {
    transport: (url, protocols, on) => adaptTask(connect({ url, protocols, fail: on.error }), on),
    storage: {
      getItem: (name) => api.getStorageSync(name),
      setItem: (name, text) => api.setStorageSync(name, text),
      removeItem: (name) => api.removeStorageSync(name),
    },
    // A host may lack any of these events, or refuse it. One that does not tell when the
    // app comes back must not suspend it either.
    watch(chat) {
      const stops = []
      const listen = (name, listener) => {
        try {
          api[`on${name}`](listener)
          return stops.push(() => api[`off${name}`]?.(listener))
        } catch {
          // The client does without it.
        }
      }
      if (listen('AppShow', () => chat.resume())) listen('AppHide', () => chat.suspend())
      listen('NetworkStatusChange', () => chat.check())
      return () => stops.forEach((stop) => {
        try {
          stop()
        } catch {
          // The client ignores what it is told from now on.
        }
      })
    },
  }
}

// adaptTask waits for the task, also if it is there at once. A SocketTask has no way to
// remove listeners; the client ignores the events of an old connection.
function adaptTask(task, on) {
  const ready = Promise.resolve(task)
  const use = (run) => void ready.then(run).catch(on.error)
  use((it) => {
    if (!it) return // fail says why
    it.onOpen((event) => on.open(protocolOf(event)))
    it.onMessage(({ data }) => on.message(data))
    it.onError(on.error)
    it.onClose(on.close)
  })
  return {
    send: (data) => use((it) => it.send({ data, fail: on.error })),
    close: () => use((it) => it.close({ fail() {} })),
  }
}

// protocolOf returns the subprotocol that the server agreed on, or undefined on hosts that
// report no headers. A proxy may drop it, and a SocketTask, unlike a WebSocket, opens all
// the same.
function protocolOf(event) {
  const header = event?.header ?? {}
  const names = Object.keys(header)
  return names.length ? header[names.find((name) => /^sec-websocket-protocol$/i.test(name))] ?? '' : undefined
}
