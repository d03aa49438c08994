import { openMenu } from './menu.js'
import { moderationItems } from './moderation.js'
import { remember, rememberForTab } from './remembered.js'
import { nameOf, textOf } from './text.js'

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
    sayAgain: ({ seq }) => sayAgain(element, state.taken.get(seq)),
    menu: (event, item) => openMessageMenu(element, event.currentTarget, state, item),
  }
}

function sayAgain(element, text) {
  const composer = element.renderRoot.querySelector('caddy-chat-composer')
  composer?.setText(text)
  composer?.field.focus({ preventScroll: true })
}

// openMessageMenu opens the menu of a message at its button.
export function openMessageMenu(element, button, state, item) {
  const { words, chat } = element
  const moderate = state.known?.moderate
  const items = [{ label: words.get('copy'), run: () => copy(element, textOf(item.body)) }]
  const mayRecall = moderate || (item.own && item.at + (chat.limits?.recall ?? 0) > chat.now())
  if (item.own) items.push({ label: words.get('sayAgain'), run: () => sayAgain(element, textOf(item.body)) })
  if (mayRecall && item.seq) items.push({ label: words.get('recall'), run: () => recall(element, state, item) })
  if (moderate && !item.own) items.push(...moderation(element, state, item.from))
  open(element, button, items)
}

export function openUserMenu(element, button, state, user) {
  open(element, button, moderation(element, state, user))
}

const open = (element, button, items) => openMenu(element.renderRoot.querySelector('.root'), button, items)

// moderation returns what a moderator may do to a user.
function moderation(element, state, user) {
  const name = nameOf(user)
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
