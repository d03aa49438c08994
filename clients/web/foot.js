import { html, nothing } from 'lit'

// What is below the messages of a room, or in place of them. element is the <caddy-chat>.

// drawField draws the text field, or why there is none.
export function drawField(element, state) {
  const { session, words, dates } = element
  const muted = session.mutedIn(state)
  const closed = state.known?.epoch !== undefined && !state.known.write ? words.get('readOnly')
    : muted === Infinity ? words.get('youAreMuted') : muted ? words.get('youAreMutedUntil', { time: dates.time.format(muted) }) : ''
  if (muted && muted !== Infinity) element.redrawLater(muted - session.chat.now())
  if (closed) return html`<p class="closed" role="status">${closed}</p>`
  return html`<caddy-chat-composer .state=${state} .words=${words} .said=${(text) => say(element, text)} .typed=${() => session.chat.typing(state.name)}
    .tell=${(text) => element.tell(text)}></caddy-chat-composer>`
}

// say sends a text to the room that is shown. It reports whether it did.
function say(element, text) {
  const { session, current, words } = element
  const over = [...text].length - (session.chat.limits?.text ?? Infinity)
  if (over > 0) {
    element.tell(words.get('tooLong', { n: over }))
    return false
  }
  element.note = undefined
  session.rooms.get(current).divideAfter = undefined
  session.chat.send(current, { text }).catch(({ code }) => code === 'outbox_full' && element.tell(words.error(code))) // the list shows other failures
  element.renderRoot.querySelector('caddy-chat-messages').toEnd()
  return true
}

// drawRefusal is shown in place of the messages of a room that the user may not be in.
export function drawRefusal(element, state) {
  const { words } = element
  return html`<div class="start" role="status"><p>${words.get('notInRoom', { why: words.error(state.refusal) })}</p>
    <button @click=${() => element.session.join(state.name)}>${words.get('retry')}</button>
    ${element.single ? nothing : html`<button @click=${() => element.leave(state.name)}>${words.get('leave')}</button>`}</div>`
}

// typingText names who is writing, and says so in the right number.
export function typingText(words, state) {
  const names = [...state.typing.values()].map(({ name }) => name)
  return names.length ? words.get('typing', { n: names.length, names: new Intl.ListFormat(words.language).format(names.slice(0, 3)) }) : ''
}
