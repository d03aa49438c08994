import { attempt } from './attempt.js'
import { openMenu } from './menu.js'

// What a user does to conversations. element is the <caddy-chat>.

export const idsOf = (users) => users.map(({ id }) => id)

// openDirect opens the conversation with a user. The server makes it if there is none.
export async function openDirect(element, user) {
  const { room } = await element.chat.direct(user.id)
  openNew(element, room, { with: user, role: 'member' })
}

export async function openGroup(element, title, users) {
  const { room } = await element.chat.create({ title, users: idsOf(users) })
  openNew(element, room, { title, role: 'owner', size: users.length + 1 })
}

function openNew(element, room, expected) {
  element.session.join(room).expected = expected
  element.open(room)
}

export const setRole = (element, room, users, role) => attempt(element, element.chat.member(room, idsOf(users), role), users)

export const setInfo = (element, room, fields) => attempt(element, element.chat.info(room, fields))

export const setRow = (element, room, fields) => attempt(element, element.chat.set(room, fields))

// openRowMenu opens the menu of a conversation in the list.
export function openRowMenu(element, button, row) {
  const { words } = element
  const show = (items) => openMenu(element.renderRoot.querySelector('.root'), button, items)
  if (row.plain) return show([{ label: words.get('leave'), run: () => element.leave(row.room) }])
  const set = (word, fields) => ({ label: words.get(word), run: () => setRow(element, row.room, fields) })
  show([
    set(row.top ? 'untop' : 'top', { top: !row.top }),
    set(row.notify ? 'quietly' : 'loudly', { notify: !row.notify }),
    set('hide', { hide: true }),
    sure(words, 'clear', () => setRow(element, row.room, { clear: true })),
  ])
}

// sure is an entry of a menu that asks once more.
export const sure = (words, word, run) => ({
  label: words.get(word), title: words.get(`${word}Sure`), items: [{ label: words.get(word), run }, { label: words.get('back'), run: () => {} }],
})
