const { bigEmoji, entryText, groups, hue, initials, mayHaveLinks, pictureOf, previewOf, sameDay, targetsOf, textOf } = require('../lib/text')

const maxText = 20000 // characters of one message that are drawn
const broken = new Set() // addresses of pictures that did not load
let links // what finds links in a text

// faceOf returns the picture of a user, or the initials and their colour.
function faceOf(user) {
  const picture = pictureOf(user)
  return picture && !broken.has(picture) ? { picture } : { initials: initials(user), hue: hue(user) }
}

// pictureBroken has initials drawn from now on, instead of a picture that did not load.
function pictureBroken(picture) {
  broken.add(picture)
}

// idOf returns the id of an item as an id of WXML, which has only letters, digits and hyphens.
const idOf = ({ id }) => `i${id.replace(/[^A-Za-z0-9]/g, (letter) => `-${letter.charCodeAt(0)}`)}`

// rowOf returns the data with which room.wxml draws an item, by the item before it. view has
// state, a RoomState; words, dates, divider, the id of the first unread item, and goal, that
// of the one that was jumped to.
function rowOf(item, before, view) {
  const { state, words, dates } = view
  const now = state.chat.now()
  const id = idOf(item)
  const row = { id }
  const newDay = !before || !sameDay(before.at, item.at)
  if (newDay) row.day = dates.day(item.at, now)
  if (item.id === view.divider) row.divider = true
  if (item.id === view.goal) row.goal = true
  if (item.seq) row.seq = item.seq
  if (item.type === 'member' || item.type === 'info') return { ...row, info: entryText(item, state, { words, chat: state.chat }) }
  if (item.type === 'notice') return { ...row, notice: true, ...partsOf(textOf(item.body)), time: dates.time(item.at) }
  return { ...row, ...messageOf(item, newDay || row.divider ? undefined : before, view) }
}

// messageOf returns what a message has, beside what all rows have. The first of a group has
// the sender's name and face.
function messageOf(item, before, { state, words, dates }) {
  const { own, from, recalled, state: sent, code, edited, reply, tags, mentions, at } = item
  const { chat, about } = state
  const direct = about && about.with
  const grouped = groups(item, before)
  const me = chat.user && chat.user.id
  const row = { message: true, own, state: sent, time: dates.time(at) }
  if (grouped) row.grouped = true
  else row.face = faceOf(from)
  if (!own && !grouped && (!direct || from.guest)) row.name = words.name(from)
  if (row.name && from.name && from.guest) row.guest = true
  if (recalled) return { ...row, gone: true, text: words.get('recalled'), again: own && state.taken.has(item.seq) }
  const text = textOf(item.body)
  Object.assign(row, partsOf(text))
  if (bigEmoji(text)) row.big = true
  if (edited) row.edited = true
  if (mentions && mentions.some((id) => id === '*' || id === me) && !own) row.mentioned = true
  if (sent === 'failed') row.why = words.get('notSent', { why: words.error(code) })
  if (reply) row.quote = quoteOf(reply, state, words)
  const chips = (tags || []).filter(({ users }) => users)
  if (chips.length) row.chips = chips.map(({ tag, users, mine }) => ({ tag, users, mine: mine === true }))
  return row
}

// quoteOf returns a message in two lines: the author, and what it says.
function quoteOf(seq, state, words) {
  const target = targetsOf(state).get(seq)
  if (!target) return { seq, title: '', line: words.get(target === null ? 'gone' : 'loading') }
  return { seq, title: target.from ? words.name(target.from) : '', line: target.recalled ? words.get('recalled') : previewOf(target, words) }
}

// pinOf returns a message in one line.
function pinOf(seq, state, words) {
  const { title, line } = quoteOf(seq, state, words)
  return { seq, line: title ? words.get('says', { name: title, text: line }) : line }
}

// partsOf returns a text, in parts if there are links in it.
function partsOf(whole) {
  const text = whole.length > maxText ? `${whole.slice(0, maxText)}…` : whole
  if (!mayHaveLinks(text)) return { text }
  const parts = split(text)
  return parts.some((part) => part.href) ? { parts: parts.map((part, n) => (typeof part === 'string' ? { n, text: part } : { n, text: part.text, href: part.href })) } : { text }
}

// split finds the links in a text. iOS before 16.4 cannot run what does that in the page:
// there only whole addresses are links.
function split(text) {
  if (!links) {
    try {
      links = require('../lib/linkify')
    } catch (err) {
      links = { parts: simpleParts }
    }
  }
  return links.parts(text)
}

function simpleParts(text) {
  return text.split(/(https?:\/\/[\w./?=&%#~+:@!$,;-]*[\w/=&#~+$-])/i).map((part, i) => (i % 2 ? { text: part, href: part } : part)).filter(Boolean)
}

module.exports = { faceOf, idOf, pictureBroken, pinOf, quoteOf, rowOf, simpleParts }
