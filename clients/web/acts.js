import { textOf } from './text.js'

// The acts of a user on messages and people, for menus and buttons. element is the
// <caddy-chat>; tell(text, action) shows a line, with a button if there is an action.

export async function recall(element, state, item) {
  const text = textOf(item.body)
  const done = await attempt(element, state.chat.recall(state.name, item.seq))
  if (done && item.own) state.taken.set(item.seq, text)
  element.requestUpdate()
}

export async function copy(element, text) {
  if (await copyText(element.renderRoot, text)) element.tell(element.words.get('copied'))
}

// moderate carries out mute, kick or ban, and offers to undo it.
export async function moderate(element, state, type, fields, done, name) {
  const { words } = element
  const act = (more) => attempt(element, state.chat.request(type, { room: state.name, ...fields, ...more }))
  if (!await act()) return
  const undo = async () => await act({ for: 0 }) && element.tell(words.get('undone'))
  element.tell(words.get(done, { name }), type === 'kick' ? undefined : { label: words.get('undo'), run: undo })
}

// attempt resolves to whether a command was carried out, and says why not.
async function attempt(element, promise) {
  const { words } = element
  try {
    await promise
    return true
  } catch (err) {
    element.tell(err.uncertain ? words.get('perhaps') : words.error(err.code))
    return false
  }
}

// copyText does without the clipboard of the browser, which pages over http do not have.
async function copyText(root, text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement('textarea')
    field.value = text
    field.className = 'sr'
    const focused = root.activeElement
    root.append(field)
    field.select()
    const done = document.execCommand('copy')
    field.remove()
    focused?.focus({ preventScroll: true })
    return done
  }
}
