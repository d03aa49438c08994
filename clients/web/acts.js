import { attempt } from './attempt.js'
import { setText, startEdit, startReply, timeToEdit } from './drafts.js'
import { jump } from './jump.js'
import { openMenu } from './menu.js'
import { moderationItems } from './moderation.js'
import { reactionRow } from './reactions.js'
import { remember, rememberForTab } from './remembered.js'
import { targetsOf } from './targets.js'
import { textOf } from './text.js'

// The acts of a user on messages and people, for menus and buttons. element is the
// <caddy-chat>; tell(text, action) shows a line, with a button if there is an action.

async function recall(element, state, item) {
  const text = textOf(item.body)
  const done = await attempt(element, state.chat.recall(state.name, item.seq))
  if (done && item.own) state.taken.set(item.seq, text)
  element.requestUpdate()
}

// buttonsFor returns what the buttons of messages do.
export function buttonsFor(element, state) {
  const { chat } = state
  return {
    retry: (key) => chat.retry(key),
    discard: (key) => chat.discard(key),
    recall: (item) => recall(element, state, item),
    textOfTaken: ({ own, seq }) => own && state.taken.get(seq),
    sayAgain: ({ seq }) => setText(element, state.taken.get(seq)),
    target: (seq) => targetsOf(state).get(seq),
    jump: (seq) => jump(element, state, seq),
    react: (seq, tag, value) => attempt(element, chat.tag(state.name, seq, tag, value)),
    menu: (event, item) => openMessageMenu(element, event.currentTarget, state, item),
  }
}

// openMessageMenu opens the menu of a message at its button.
export function openMessageMenu(element, button, state, item) {
  const { words, chat } = element
  const { write, moderate, pins } = state.known ?? {}
  const { own, seq, at, body } = item
  const items = []
  const add = (word, run, time) => items.push({ label: words.get(word), run, time })
  const { react } = buttonsFor(element, state)
  if (seq && write) {
    items.push(reactionRow(words, item, react))
    add('reply', () => startReply(element, state, item))
  }
  add('copy', () => copy(element, textOf(body)))
  const time = timeToEdit(state, item)
  if (time > 0) add('edit', () => startEdit(element, state, item), time)
  if (own) add('sayAgain', () => setText(element, textOf(body)))
  const pinned = pins?.includes(seq)
  if (seq && moderate) add(pinned ? 'unpin' : 'pin', () => attempt(element, chat.tag(state.name, seq, 'pin', !pinned, true)))
  const timeToRecall = moderate ? Infinity : own ? at + (chat.limits?.recall ?? 0) - chat.now() : 0
  if (seq && timeToRecall > 0) add('recall', () => recall(element, state, item), timeToRecall)
  if (moderate && !own) items.push(...moderation(element, state, item.from))
  open(element, button, items)
}

export function openUserMenu(element, button, state, user) {
  open(element, button, moderation(element, state, user))
}

const open = (element, button, items) => openMenu(element.renderRoot.querySelector('.root'), button, items)

// moderation returns what a moderator may do to a user.
function moderation(element, state, user) {
  const name = element.words.name(user)
  return moderationItems(element.words, user, name, (type, fields, done) => moderate(element, state, type, fields, done, name))
}

// openSettings opens the dialog behind the user's name.
export function openSettings(element) {
  const { session, words } = element
  const { user } = session.chat
  const settings = document.createElement('caddy-chat-settings')
  const mine = element.mode === 'page' && session.hasToken && !element.token
  Object.assign(settings, {
    words, user, mayRename: user.guest || user.name === session.name,
    save: (name, avatar) => {
      remember('name', name)
      remember('avatar', avatar)
      session.rename(name, avatar)
    },
    signOut: user.guest || mine ? () => signOut(element) : undefined,
    close: () => settings.remove(),
  })
  element.renderRoot.querySelector('.root').append(settings)
}

// signOut forgets the user and what was remembered of them.
function signOut(element) {
  element.chat.forget()
  for (const name of ['name', 'avatar', 'notify', 'sound', `rooms${element.roomsKey}`]) remember(name, '')
  rememberForTab('token', '')
  element.report('sign-out', {})
  element.restart()
}

async function copy(element, text) {
  if (await copyText(element.renderRoot, text)) element.tell(element.words.get('copied'))
}

// moderate carries out mute, kick or ban, and offers to undo it.
async function moderate(element, state, type, fields, done, name) {
  const { words } = element
  const act = (more) => attempt(element, state.chat.request(type, { room: state.name, ...fields, ...more }))
  if (!await act()) return
  const undo = async () => await act({ for: 0 }) && element.tell(words.get('undone'))
  element.tell(words.get(done, { name }), type === 'kick' ? undefined : { label: words.get('undo'), run: undo })
}

// copyText does without the clipboard of the browser, which pages over http do not have.
export async function copyText(root, text) {
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
