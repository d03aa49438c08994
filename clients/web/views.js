import { html, nothing } from 'lit'
import { avatar } from './avatar.js'
import { backIcon, bubbleIcon, closeIcon, peopleIcon } from './icons.js'
import { faceOf, textOf, titleOf } from './text.js'

// The parts of the element that have no state of their own. element is the <caddy-chat>.

// startView is shown until the user has rooms.
export function startView(element) {
  const { words, session } = element
  if (session.phase === 'name') {
    return html`<form class="start" @submit=${(event) => element.enterName(event)}>
      <h1>${words.get('hello')}</h1>
      <label for="name">${words.get('whatName')}</label>
      <input id="name" name="name" required maxlength="64" autocomplete="nickname">
      <button type="submit">${words.get('enter')}</button></form>`
  }
  if (session.phase === 'sign-in') {
    return html`<div class="start" role="status"><h1>${words.get('signInTitle')}</h1><p>${words.get('signInText')}</p>
      <slot name="sign-in">${element.signIn ? html`<a class="button" href=${element.signIn}>${words.get('signIn')}</a>` : nothing}</slot>
      <button @click=${() => session.again()}>${words.get('retry')}</button></div>`
  }
  const ended = session.phase !== 'impossible' && session.ended
  return html`<div class="start" role="status"><p>${session.phase === 'impossible' ? words.get('impossible') : statusText(element) || words.get('connecting')}</p>
    ${ended ? html`<button @click=${() => session.again()}>${words.get('retry')}</button>` : nothing}</div>`
}

// statusText says what is wrong with the connection, or nothing.
export function statusText({ words, session }) {
  const { state } = session.chat
  if (session.ended) return words.get('notConnected', { why: words.error(session.ended) })
  if (state === 'online' || state === 'suspended') return ''
  if (session.problem) return words.get(session.problem)
  return words.get(state === 'connecting' ? 'connecting' : 'offline')
}

// banner shows it above the messages.
export function banner(element) {
  const text = statusText(element)
  const { session } = element
  return html`<div class="banner ${session.chat.state}" role="status" ?hidden=${!text}>${text}${session.ended
    ? html`<button @click=${() => session.again()}>${element.words.get('retry')}</button>` : nothing}</div>`
}

// conversations draws the list of conversations, or a place for it until it is there.
export function conversations(element) {
  const { words, chat, talks, current } = element
  return chat?.list && talks ? talks.drawList(element)
    : html`<nav part="rooms" aria-label=${words.get('chats')}><h2>${words.get('chats')}</h2><p class="top">${current === undefined ? statusText(element) || words.get('loading') : words.get('loading')}</p></nav>`
}

// nothingOpen is shown in place of a room.
export const nothingOpen = ({ words }) => html`<div class="start"><p>${words.get('chooseChat')}</p></div>`

export function roomList(element) {
  const { words, session, current } = element
  const { user } = session.chat
  return html`<nav part="rooms" aria-label=${words.get('rooms')}>
    <h2>${words.get('rooms')}</h2>
    <ul>${[...session.rooms.values()].map((state) => {
      const unread = state.name === current ? 0 : state.known?.unread ?? 0
      return html`<li><button class="room" data-room=${state.name} aria-current=${state.name === current ? 'true' : nothing} @click=${() => element.open(state.name)}>
          ${avatar({ id: state.name, name: state.name })}<strong dir="auto">${state.name}</strong>${lastOf(state, element)}${
            unread > 0 ? html`<b aria-label=${words.get('unreadCount', { n: unread })}>${unread > 99 ? '99+' : unread}</b>` : nothing}</button>
        <button class="leave quiet" aria-label=${words.get('leaveRoom', { room: state.name })} title=${words.get('leave')} @click=${() => element.leave(state.name)}>${closeIcon}</button></li>`
    })}</ul>
    <form @submit=${(event) => element.joinRoom(event)}>
      <input name="room" aria-label=${words.get('newRoom')} placeholder=${words.get('newRoom')} required maxlength="64" autocomplete="off">
      <button type="submit">${words.get('join')}</button></form>
    ${user ? html`<button class="me" @click=${() => element.openSettings()} aria-label="${words.get('settings')}: ${words.name(user)}">
      ${avatar(user, () => element.requestUpdate())}<span dir="auto">${words.name(user)}</span></button>` : nothing}</nav>`
}

// lastOf draws the newest message of a room, in one line, and its time.
function lastOf({ items, chat }, { words, dates }) {
  const item = items[items.length - 1]
  if (!item) return nothing
  const text = item.recalled ? words.get('recalled') : textOf(item.body)
  return html`<small class="when">${dates.short(item.at, chat.now())}</small>
    <small dir="auto">${item.own || item.type === 'notice' ? text : words.get('says', { name: words.name(item.from), text })}</small>`
}

export function header(element, state) {
  const { words, session } = element
  const { about, name } = state
  const members = about ? about.size : state.known?.members
  const list = words.get(element.lists ? 'chats' : 'rooms')
  return html`<header part="header">
    ${element.single ? nothing : html`<button class="back quiet" aria-label=${list} title=${list} @click=${() => element.showList()}>${backIcon}</button>`}
    ${about ? avatar(faceOf(about, name, words), () => element.requestUpdate()) : nothing}<h1 dir="auto">${titleOf(about, name, words)}</h1>
    <slot name="header"></slot>
    ${members === undefined ? nothing : html`<button class="members quiet" aria-expanded=${String(element.peopleOpen)} aria-label=${words.get('members', { n: members })}
      title=${words.get('people')} @click=${() => element.togglePeople()}>${peopleIcon}<span>${about?.with ? nothing : members}</span></button>`}
    ${element.single && session.chat.user ? html`<button class="me quiet" aria-label=${words.get('settings')} title=${words.get('settings')}
      @click=${() => element.openSettings()}>${avatar(session.chat.user, () => element.requestUpdate())}</button>` : nothing}
    ${element.mode === 'popup' ? html`<button class="quiet" aria-label=${words.get('close')} title=${words.get('close')} @click=${() => element.setOpen(false)}>${closeIcon}</button>` : nothing}
  </header>`
}

// launcher is the floating button of mode="popup".
export function launcher(element) {
  const { words, unread } = element
  return html`<button class="launcher" part="launcher" aria-expanded=${String(element.isOpen)} aria-label="${words.get('open')}${unread ? `: ${words.get('unreadCount', { n: unread })}` : ''}"
    @click=${() => element.setOpen(!element.isOpen)}>${element.isOpen ? closeIcon : bubbleIcon}${unread ? html`<b>${unread > 99 ? '99+' : unread}</b>` : nothing}</button>`
}
