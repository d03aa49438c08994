const most = 500 // people that are looked through

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
  return [...found.values()].sort(words.compare)
}

// matches reports whether a user may be meant by what was typed.
export function matches(user, text, words) {
  const wanted = text.trim().toLocaleLowerCase()
  return words.name(user).toLocaleLowerCase().includes(wanted) || user.id.toLocaleLowerCase().startsWith(wanted)
}

// peopleOf returns whom one may mention in a room: the members of a conversation, and
// otherwise those who are present.
export async function peopleOf({ chat, name, about }) {
  if (about?.with) return [about.with]
  if (!about) return (await chat.who(name)).users
  const people = []
  let page
  do {
    page = await chat.members(name, { after: people[people.length - 1]?.id })
    people.push(...page.users.map(({ user }) => user))
  } while (page.more && people.length < most)
  return people
}

// mentionsIn returns whom a text mentions, of those who were chosen for it.
export function mentionsIn({ called = {} }, text) {
  const ids = new Set(Object.keys(called).filter((name) => text.includes(name)).map((name) => called[name]))
  return ids.has('*') ? ['*'] : ids.size ? [...ids].slice(0, 50) : undefined
}
