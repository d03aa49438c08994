// What conversations need, in one part. list keeps the list of a client.
export { list } from '../core/list.js'
export { openRowMenu } from './conversation-acts.js'
export { entryText } from './conversation-entry.js'
import { html } from 'lit'
import { attempt } from './attempt.js'
import { openDirect } from './conversation-acts.js'
import './conversation-list.js'
import './conversation-new.js'
import './conversation-panel.js'
import text from './conversations.css'
import { openMenu } from './menu.js'
import { titleOf } from './text.js'

const sheet = new CSSStyleSheet()
sheet.replaceSync(text)

// begin starts with the list of an element.
export function begin(element) {
  const { renderRoot: { adoptedStyleSheets: sheets }, chat } = element
  if (!sheets.includes(sheet)) sheets.push(sheet)
  chat.on('list', () => element.requestUpdate())
  chat.on('head', (row) => alertOf(element, row))
  element.requestUpdate() // updated() calls openPartner
}

// openPartner begins the conversation that the address asks for, as #with=ann, once.
export async function openPartner(element) {
  const { partner, chat } = element
  if (!partner || chat.state !== 'online') return
  element.partner = undefined
  if (partner !== chat.user?.id) await attempt(element, openDirect(element, { id: partner }))
}

// alertOf tells of the newest message of a conversation, while the chat is not looked at.
function alertOf(element, { room, entry, notify, unread, with: other, title, size }) {
  if (!notify || !unread || entry?.type !== 'message' || entry.recalled || entry.from?.id === element.chat.user?.id) return
  element.more.alert(element, entry, titleOf({ title, with: other, size }, room, element.words))
}

export const drawList = (element) => html`<caddy-chat-conversations .element=${element} .version=${{}}></caddy-chat-conversations>`

export const drawPanel = (element, state) => html`<caddy-chat-conversation .element=${element} .state=${state} .version=${{}} .close=${() => element.togglePeople()}></caddy-chat-conversation>`

// openNew opens the dialog of a kind, with more properties.
export function openNew(element, kind, more) {
  const dialog = document.createElement('caddy-chat-new')
  Object.assign(dialog, { element, kind, ...more })
  element.renderRoot.querySelector('.root').append(dialog)
}

export function openNewMenu(element, button) {
  const item = (word, kind) => ({ label: element.words.get(word), run: () => openNew(element, kind) })
  openMenu(element.renderRoot.querySelector('.root'), button, [item('newChat', 'direct'), item('newGroup', 'group'), item('openRoom', 'room')])
}
