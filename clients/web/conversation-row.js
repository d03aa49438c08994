import { html, nothing } from 'lit'
import { avatar } from './avatar.js'
import { atIcon, moreIcon, quietIcon, topIcon } from './more-icons.js'
import { previewOf } from './preview.js'
import { faceOf, titleOf } from './text.js'

// drawRow draws one conversation. stop: the Tab key reaches it.
export function drawRow(row, { element, stop }) {
  const { words, dates, current, chat } = element
  const { room, unread, notify, top, mention, read, at } = row
  const shown = room === current ? 0 : unread
  const title = titleOf(row, room, words)
  return html`<li data-room=${room} class=${top ? 'pinned' : ''}>
    <button class="room" tabindex=${stop ? 0 : -1} aria-current=${room === current ? 'true' : nothing} @click=${() => element.open(room)}>
      ${avatar(faceOf(row, room, words), () => element.requestUpdate())}<strong dir="auto">${title}</strong>
      <small class="when">${dates.short(at, chat.now())}</small>
      <small class="last" dir="auto">${drawNewest(row, element)}</small>
      <span class="signs">${top ? sign(topIcon, words.get('isTop')) : nothing}${notify ? nothing : sign(quietIcon, words.get('isQuiet'))}${
        shown && mention > read ? html`<b aria-label=${words.get('mentioned')}>${atIcon}</b>` : nothing}${
        shown ? html`<b class=${notify ? '' : 'soft'} aria-label=${words.get('unreadCount', { n: shown })}>${shown > 99 ? '99+' : shown}</b>` : nothing}</span></button>
    <button class="leave quiet" tabindex=${stop ? 0 : -1} aria-haspopup="menu" aria-label="${words.get('more')}: ${title}" title=${words.get('more')}
      @click=${(event) => element.talks.openRowMenu(element, event.currentTarget, row)}>${moreIcon}</button></li>`
}

const sign = (icon, label) => html`<i role="img" aria-label=${label} title=${label}>${icon}</i>`

// drawNewest draws the newest message in one line, or what the user has begun to write.
function drawNewest({ room, entry, with: other }, { words, session, current, chat }) {
  const draft = room !== current && session.rooms.get(room)?.draft.trim()
  if (draft) return html`<em>${words.get('draft')}</em> ${draft}`
  if (!entry) return nothing
  const { type, from, recalled } = entry
  const text = recalled ? words.get('recalled') : previewOf(entry, words)
  return other || type !== 'message' || recalled || from?.id === chat.user?.id ? text : words.get('says', { name: words.name(from), text })
}
