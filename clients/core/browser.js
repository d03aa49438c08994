/* global self, document, localStorage, sessionStorage */
import { adaptWebSocket } from './platforms/websocket.js'

// browser is the platform for a web page.
export function browser() {
  if (typeof WebSocket === 'undefined') throw new TypeError('there is no WebSocket here')
  return {
    transport: (url, protocols, on) => adaptWebSocket(new WebSocket(url, protocols), on),
    storage: {
      getItem: (name) => storageFor(name).getItem(name),
      setItem: (name, text) => storageFor(name).setItem(name, text),
      removeItem: (name) => storageFor(name).removeItem(name),
    },
    // The client checks its connection when the page wakes up. A worker has no document,
    // and other hosts have neither that nor events.
    watch(chat) {
      const targets = [typeof self === 'object' && self, typeof document === 'object' && document]
      const check = () => targets[1]?.visibilityState !== 'hidden' && chat.check()
      const each = (method) => {
        for (const type of ['online', 'offline', 'pageshow', 'visibilitychange']) {
          for (const target of targets) target?.[method]?.(type, check)
        }
      }
      each('addEventListener')
      return () => each('removeEventListener')
    },
  }
}

// All tabs share one guest, but each tab has its own outbox.
function storageFor(name) {
  return name.endsWith('outbox') ? sessionStorage : localStorage
}
