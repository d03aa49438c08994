// Texts and names of users. They come from strangers: they only become text nodes.

const names = new Map() // by id, of users that were drawn: the server may not know a guest's name
const maxNames = 1000

export function nameOf(user) {
  const { id, name } = user ?? {}
  if (!name) return names.get(id) ?? id ?? '?'
  if (names.size === maxNames) names.clear()
  names.set(id, name)
  return name
}

// initials returns one or two letters that stand for a user without a picture.
export function initials(user) {
  const words = nameOf(user).replace(/^guest-(\w*(?=\w{4}$))?/, '').split(/[\s._-]+/).filter(Boolean)
  const letters = words.slice(0, 2).map((word) => [...word][0])
  return (/^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]/u.test(letters[0] ?? '') ? letters.join('') : letters[0] ?? '?').toLocaleUpperCase()
}

// hue returns a number from 0 to 7, the same for the same user.
export function hue(user) {
  let sum = 0
  for (const letter of user?.id ?? '') sum = (sum * 31 + letter.codePointAt(0)) % 4096
  return sum % 8
}

// titleOf returns what a conversation is called. about is its row or its state; a room that
// is none is called by its name, but for the user's own, in which the site speaks.
export function titleOf(about, name, words) {
  if (name[0] === '@') return words.get('own')
  if (!about) return name
  return about.title || (about.with ? words.name(about.with) : words.get('untitled', { n: about.size ?? 1 }))
}

// faceOf returns whose picture stands for a conversation: that of the other one of two.
export const faceOf = (about, name, words) => about?.with ?? { id: name, name: titleOf(about, name, words), avatar: about?.avatar }

// pictureOf returns the address of a user's picture, if it is one.
export function pictureOf(user) {
  return typeof user?.avatar === 'string' && /^https?:\/\/\S+$/i.test(user.avatar) ? user.avatar : undefined
}

// textOf returns the text of a body, or the body as JSON if it has none.
export function textOf(body) {
  if (typeof body === 'string') return body
  if (typeof body?.text === 'string') return body.text
  return JSON.stringify(body) ?? ''
}

// bigEmoji reports whether a text is one to three emoji and nothing else.
export function bigEmoji(text) {
  return text.length < 40 && /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|\u200D\p{Extended_Pictographic})*\s*){1,3}$/u.test(text)
}

// mayHaveLinks reports whether it is worth looking for links in a text.
export const mayHaveLinks = (text) => /[a-z][.:@]|@[a-z]/i.test(text) && /\S[.:@]\S/.test(text)
