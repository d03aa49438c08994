import { html, nothing } from 'lit'
import { editNewest, saveEdit, stopDraft, targetOfDraft } from './drafts.js'
import { mentionsIn } from './known.js'
import { titleOf } from './text.js'

// What is below the messages of a room, or in place of them. element is the <caddy-chat>.

// drawField draws the text field, or why there is none.
export function drawField(element, state) {
  const { session, words, dates } = element
  const muted = session.mutedIn(state)
  const closed = state.known?.epoch !== undefined && !state.known.write ? words.get('readOnly')
    : muted === Infinity ? words.get('youAreMuted') : muted ? words.get('youAreMutedUntil', { time: dates.time.format(muted) }) : ''
  if (muted && muted !== Infinity) element.redrawLater(muted - session.chat.now())
  if (closed) return html`<p class="closed" role="status">${closed}</p>`
  const { reply, editing } = state
  const target = (reply || editing) && targetOfDraft(element, state)
  const draft = (reply || editing) && { target, title: words.get(editing ? 'editing' : 'replyTo', { name: target?.from ? words.name(target.from) : '' }) }
  return html`<caddy-chat-composer .state=${state} .label=${words.get('write', { room: titleOf(state.about, state.name, words) })} .words=${words} .draft=${draft} .editNewest=${() => editNewest(element, state)} .stopDraft=${() => stopDraft(element, state)} .said=${(text) => say(element, text)} .typed=${() => session.chat.typing(state.name)}
    .tell=${(text) => element.tell(text)}></caddy-chat-composer>`
}

// say sends a text to the room that is shown. It reports whether it did: the text
// of an edit stays until the server has it.
function say(element, text) {
  const { session, current, words } = element
  const over = [...text].length - (session.chat.limits?.text ?? Infinity)
  if (over > 0) {
    element.tell(words.get('tooLong', { n: over }))
    return false
  }
  element.note = undefined
  const state = session.rooms.get(current)
  if (state.editing) {
    saveEdit(element, state, text)
    return false
  }
  const { reply } = state
  state.divideAfter = state.reply = undefined
  session.chat.send(current, { text }, { reply, mentions: mentionsIn(state, text) }).catch(({ code }) => code === 'outbox_full' && element.tell(words.error(code))) // the list shows other failures
  state.called = undefined
  element.renderRoot.querySelector('caddy-chat-messages').toEnd()
  element.requestUpdate()
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
  const names = [...state.typing.values()].map(({ from }) => words.name(from))
  return names.length ? words.get('typing', { n: names.length, names: words.list(names.slice(0, 3)) }) : ''
}
