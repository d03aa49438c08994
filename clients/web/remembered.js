/* global localStorage, sessionStorage */

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

// remember stores a text under a name, for the next visit if the browser lets it. An
// empty text is forgotten.
export function remember(name, text) {
  kept.delete(name)
  try {
    if (text) localStorage.setItem(`caddy-chat ${name}`, text)
    else localStorage.removeItem(`caddy-chat ${name}`)
  } catch {
    kept.set(name, text)
  }
}

// rememberForTab and rememberedForTab keep a text as long as the tab is open.
export function rememberForTab(name, text) {
  try {
    if (text) sessionStorage.setItem(`caddy-chat ${name}`, text)
    else sessionStorage.removeItem(`caddy-chat ${name}`)
  } catch {
    // It is kept until the page is loaded again.
  }
}

export function rememberedForTab(name) {
  try {
    return sessionStorage.getItem(`caddy-chat ${name}`) ?? undefined
  } catch {
    return undefined
  }
}

const maxRooms = 100

// rememberedRooms returns the rooms of the last visit of a server, or else those given.
export function rememberedRooms(server, otherwise = ['lobby']) {
  try {
    const rooms = JSON.parse(remembered(`rooms${server}`) ?? 'null')
    if (Array.isArray(rooms) && rooms.length) return rooms.filter((room) => typeof room === 'string' && room).slice(0, maxRooms)
  } catch {
    // Not written by this program.
  }
  return otherwise
}

export function rememberRooms(server, rooms) {
  remember(`rooms${server}`, JSON.stringify(rooms.slice(0, maxRooms)))
}
