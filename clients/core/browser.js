/* global window, document, localStorage, sessionStorage */
import { adaptWebSocket } from './platforms/websocket.js'

// browser is the platform for a web page.
export function browser() {
  if (typeof WebSocket === 'undefined') throw new TypeError('there is no WebSocket here: browser() is for web pages, node() for Node')
  return {
    transport: (url, protocols, on) => adaptWebSocket(new WebSocket(url, protocols), on),
    storage: {
      getItem: (name) => storageFor(name).getItem(name),
      setItem: (name, text) => storageFor(name).setItem(name, text),
      removeItem: (name) => storageFor(name).removeItem(name),
    },
    watch(chat) {
      const check = () => {
        if (document.visibilityState === 'visible') chat.check()
      }
      const signals = [[window, 'online'], [window, 'offline'], [window, 'pageshow'], [document, 'visibilitychange']]
      for (const [target, type] of signals) target.addEventListener(type, check)
      return () => {
        for (const [target, type] of signals) target.removeEventListener(type, check)
      }
    },
  }
}

// All tabs share one guest, but each tab has its own outbox.
function storageFor(name) {
  return name.endsWith('outbox') ? sessionStorage : localStorage
}
