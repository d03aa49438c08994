/* global window, document, localStorage, sessionStorage */
import { lend } from './platforms/websocket.js'

// browser is what a web page lends the client.
export function browser() {
  return {
    transport: (url, protocols, on) => lend(new WebSocket(url, protocols), on),
    storage: {
      getItem: (name) => placeOf(name).getItem(name),
      setItem: (name, text) => placeOf(name).setItem(name, text),
      removeItem: (name) => placeOf(name).removeItem(name),
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

// All tabs are one guest, but each has an outbox of its own.
function placeOf(name) {
  return name.endsWith('outbox') ? sessionStorage : localStorage
}
