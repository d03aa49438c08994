import { openMenu } from './menu.js'
import { nameOf } from './text.js'

// What a user does to conversations. element is the <caddy-chat>.

// reason returns in words why the server has refused something. users are those that the
// command names: the refusal may be about one of them.
export function reason({ words }, { code, field, uncertain }, users = []) {
  if (uncertain) return words.get('perhaps')
  const user = users[/^users\[(\d+)\]$/.exec(field)?.[1]]
  return user ? words.get('notThem', { name: nameOf(user), why: words.error(code) }) : words.error(code)
}

// attempt resolves to whether a command was carried out, and says why not.
export async function attempt(element, promise, users) {
  try {
    await promise
    return true
  } catch (err) {
    element.tell(reason(element, err, users))
    return false
  }
}

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
