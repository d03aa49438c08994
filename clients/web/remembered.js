/* global localStorage */

// Storage may be missing, null, full or forbidden, as in a frame of another site:
// the chat works without, and this map keeps what it would have remembered.
const kept = new Map()

// remembered returns the text that was stored under a name, or undefined.
export function remembered(name) {
  try {
    return kept.get(name) ?? localStorage.getItem(`caddy-chat ${name}`) ?? undefined
  } catch {
    return undefined
  }
}

// remember stores a text under a name, for the next visit if the browser lets it.
export function remember(name, text) {
  try {
    localStorage.setItem(`caddy-chat ${name}`, text)
    kept.delete(name)
  } catch {
    kept.set(name, text)
  }
}
