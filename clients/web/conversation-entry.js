
const most = 10 // names in one line

// entryText says in words what an entry about members, or about what a conversation is
// called, has changed. state is that of the room: an entry does not say which role somebody had.
export function entryText({ entry, seq }, { items, about }, { words, chat }) {
  if (about?.with) return '' // the two of a conversation are always the same
  const { type, from, users, role, owner, title } = entry
  const isMe = (user) => user?.id === chat.user?.id
  const name = isMe(from) ? words.get('youSelf') : words.name(from)
  const names = users?.slice(0, most).map((user) => (isMe(user) ? words.get('you') : words.name(user))) ?? []
  if (users?.length > most) names.push(words.get('morePeople', { n: users.length - most }))
  const say = (key) => words.get(key, { name, title, users: words.list(names, users?.length > most ? 'narrow' : undefined), n: names.length })
  if (type === 'info') return say(title ? 'saidInfo' : 'saidInfoOnly')
  const self = users.length === 1 && users[0].id === from?.id
  if (role === 'none') {
    const text = say(self ? 'saidLeft' : 'saidRemoved')
    return owner ? `${text} ${words.get('saidFollows', { name: isMe(owner) ? words.get('youSelf') : words.name(owner) })}` : text
  }
  if (owner) return say(users.length ? 'saidBegan' : 'saidBeganAlone')
  if (role !== 'member') return say(role === 'owner' ? 'saidOwner' : 'saidAdmin')
  const before = items.filter((item) => item.seq < seq && item.entry?.users?.some(({ id }) => id === users[0].id)).pop()
  if (['admin', 'owner'].includes(before?.entry.role)) return say(self ? 'saidStepped' : 'saidNoAdmin')
  return say(self ? 'saidCame' : 'saidAdded')
}
