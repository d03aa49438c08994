import { rememberedForTab, rememberForTab } from './remembered.js'

// What an element with mode="page" does to the page around it: the token and the room come
// from the page's address.

// takeToken takes the token from the fragment of the address, once: it is kept for the tab,
// and removed from the address at once.
export function takeToken() {
  const given = /^#token=([^&]+)/.exec(location.hash)?.[1]
  if (given) {
    history.replaceState(history.state, '', location.pathname + location.search)
    rememberForTab('token', decode(given))
    return decode(given)
  }
  return rememberedForTab('token')
}

// roomOfAddress returns the room in the address of the page: #tea or ?room=tea.
export function roomOfAddress() {
  return decode(location.hash.slice(1)) || new URLSearchParams(location.search).get('room') || ''
}

// showRoom names a room in the address, or none. From the list to a conversation one can
// go back.
export function showRoom(room) {
  const hash = room === undefined ? '' : `#${encodeURIComponent(room)}`
  if (location.hash === hash) return
  const list = history.state?.list
  if (hash && list) history.pushState({}, '', hash)
  else history.replaceState({ list: !hash }, '', hash || location.pathname + location.search)
}

function decode(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return '' // a percent sign that escapes nothing
  }
}
