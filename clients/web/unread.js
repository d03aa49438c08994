// countUnread tells the page around an element how many messages are unread: those in sight
// are not.
export function countUnread(element) {
  const { session, current, isShown } = element
  const state = session?.rooms.get(current)
  const row = session?.chat?.list?.get(current)
  const counted = row ? row.notify && row.unread : state?.known?.unread
  const shown = isShown && state?.placed && state.window.follows ? counted || 0 : 0
  const unread = session?.chat ? session.unread - shown : 0
  if (element.mode === 'page') showUnread(unread, element.words.get('title'))
  if (unread === element.unread) return
  element.unread = unread
  element.report('unread', { unread })
  element.requestUpdate()
}

const bubble = '<path d="M4 6h24v17H14l-7 6v-6H4z" fill="#0f6b3a"/>'
const dot = '<circle cx="24" cy="8" r="7" fill="#d92d20"/>'

// showUnread shows their number in the title of the page and on its icon.
function showUnread(unread, title) {
  document.title = unread ? `(${unread}) ${title}` : title
  const icon = document.querySelector('link[rel=icon]')
  const picture = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${bubble}${unread ? dot : ''}</svg>`)}`
  if (icon && icon.href !== picture) icon.href = picture
}
