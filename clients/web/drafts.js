import { attempt } from './attempt.js'
import { targetsOf } from './targets.js'
import { textOf } from './text.js'

// What the text field is for: a new message, an answer or an edit. element is the
// <caddy-chat>; a RoomState has reply, the seq of what is answered, or editing.

const composerOf = (element) => element.renderRoot.querySelector('caddy-chat-composer')

export function setText(element, text) {
  const composer = composerOf(element)
  composer?.setText(text)
  composer?.field.focus({ preventScroll: true })
  element.requestUpdate()
}

export function startReply(element, state, { seq }) {
  if (state.editing) stopDraft(element, state)
  state.reply = seq
  setText(element, state.draft)
}

export function startEdit(element, state, { seq, body }) {
  if (state.editing) stopDraft(element, state)
  state.editing = { seq, body, draft: state.draft }
  setText(element, textOf(body))
}

// stopDraft ends an edit: what was written before comes back. Or else it ends an answer.
export function stopDraft(element, state) {
  const { editing } = state
  if (editing) state.editing = undefined
  else state.reply = undefined
  setText(element, editing?.draft ?? state.draft)
}

// timeToEdit returns for how long a user may edit a message.
export function timeToEdit({ chat, known }, { own, at, type, state, body, recalled }) {
  const hasText = typeof body === 'string' || typeof body?.text === 'string'
  return own && type === 'message' && state === 'sent' && !recalled && hasText && known?.write ? at + (chat.limits?.edit ?? 0) - chat.now() : 0
}

// editNewest begins to edit the user's newest message, if that may still be edited.
export function editNewest(element, state) {
  const item = state.items.findLast(({ own, recalled, type }) => own && !recalled && type === 'message')
  if (!item || timeToEdit(state, item) <= 0) return false
  startEdit(element, state, item)
  return true
}

// saveEdit has the server replace the text of a message. The text stays in the field if it
// refuses.
export async function saveEdit(element, state, text) {
  const { editing } = state
  if (editing.saving) return
  editing.saving = true
  const { seq, body } = editing
  const same = text === textOf(body)
  const made = typeof body === 'string' ? text : { ...body, text }
  if ((same || await attempt(element, state.chat.edit(state.name, seq, made))) && state.editing === editing) stopDraft(element, state)
  editing.saving = false
}

// targetOfDraft returns the message that is answered or edited. Of one that was taken back
// nothing stays in the text field.
export function targetOfDraft(element, state) {
  const { editing, reply } = state
  const target = targetsOf(state).get(editing?.seq ?? reply)
  if (editing && target?.recalled) queueMicrotask(() => state.editing === editing && stopDraft(element, state))
  return target
}
