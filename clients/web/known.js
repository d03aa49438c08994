import { nameOf } from './text.js'

// knownUsers returns the users that somebody may want to talk to: those of the list of
// conversations, and the authors in open rooms. Each is there once, by name.
export function knownUsers({ chat, session, words }) {
  const found = new Map()
  const note = (user) => {
    if (user?.id && user.id !== chat.user?.id && !user.bot && (!found.get(user.id)?.name || user.name)) found.set(user.id, user)
  }
  for (const { with: other, entry } of chat.list.rows) {
    note(other)
    note(entry?.from)
  }
  for (const { items } of session.rooms.values()) for (const { from } of items) note(from)
  return [...found.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b), words.language))
}

// matches reports whether a user may be meant by what was typed.
export function matches(user, text) {
  const wanted = text.trim().toLocaleLowerCase()
  return nameOf(user).toLocaleLowerCase().includes(wanted) || user.id.toLocaleLowerCase().startsWith(wanted)
}
