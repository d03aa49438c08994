const minute = 60_000
const day = 24 * 60 * minute

// moderationItems returns the entries of a menu with which a moderator of a room acts on a
// user. act(type, fields, done) carries one out, and done is the word that tells of it.
export function moderationItems(words, user, name, act) {
  const durations = (type, done) => [['tenMinutes', 10 * minute], ['oneHour', 60 * minute], ['oneDay', day], ['forGood']].map(([word, duration]) => ({
    label: words.get(word),
    run: () => act(type, { user: user.id, for: duration }, done),
  }))
  return [
    { label: words.get('mute', { name }), title: words.get('mute', { name }), items: durations('mute', 'muted') },
    { label: words.get('kick', { name }), run: () => act('kick', { user: user.id }, 'kicked') },
    { label: words.get('ban', { name }), title: words.get('ban', { name }), items: durations('ban', 'banned') },
  ]
}
