// The menu of a message. view is the component <caddy-chat>.
const { textOf, timeToEdit } = require('../lib/text')
const { setText, startEdit, startReply } = require('./field')

const common = ['👍', '❤️', '😂', '😮', '😢', '🙏']
const minute = 60000 // milliseconds
const durations = [['tenMinutes', 10 * minute], ['oneHour', 60 * minute], ['oneDay', 1440 * minute], ['forGood', undefined]]

// menuOf returns what a user may do to a message: reactions and lines, each with run.
function menuOf(view, item) {
  const { state, words } = view
  const { chat, name } = state
  const { own, seq, key, at, body, from, recalled } = item
  const { write, moderate: moderates, pins } = state.known || {}
  const lines = []
  const add = (word, run, warn) => lines.push({ label: words.get(word), run, warn })
  if (item.state === 'failed') {
    add('retry', () => chat.retry(key))
    add('copy', () => view.copy(textOf(body)))
    add('discard', () => chat.discard(key), true)
    return { lines }
  }
  const manage = () => {
    if (moderates && !own && from) lines.push({ label: words.get('moderate', { name: words.name(from) }), run: () => moderate(view, from) })
  }
  if (recalled) {
    if (own && state.taken.has(seq)) add('sayAgain', () => setText(view, state.taken.get(seq), true))
    manage()
    return { lines }
  }
  const message = item.type === 'message'
  if (seq && write && message) add('reply', () => startReply(view, seq))
  add('copy', () => view.copy(textOf(body)))
  if (timeToEdit(state, item) > 0) add('edit', () => startEdit(view, item))
  const pinned = pins && pins.includes(seq)
  if (seq && moderates && message) add(pinned ? 'unpin' : 'pin', () => view.attempt(chat.tag(name, seq, 'pin', !pinned, true)))
  const time = moderates ? Infinity : own ? at + (chat.limits ? chat.limits.recall : 0) - chat.now() : 0
  if (seq && message && time > 0) add('recall', () => recall(view, item), true)
  if (message) manage()
  if (!seq || !write || !message) return { lines }
  const more = { label: '＋', name: words.get('react'), run: () => openPicker(view, item) }
  return { lines, reactions: [...common.map((tag) => reactionTo(view, item, tag)), more] }
}

function reactionTo(view, item, tag) {
  const mine = (item.tags || []).some((it) => it.tag === tag && it.mine)
  return { label: tag, mine, run: () => react(view, item.seq, tag, !mine) }
}

function react(view, seq, tag, value) {
  const { chat, name } = view.state
  return view.attempt(chat.tag(name, seq, tag, value))
}

async function recall(view, item) {
  const { state } = view
  const text = textOf(item.body)
  const done = await view.attempt(state.chat.recall(state.name, item.seq))
  if (done && item.own) state.taken.set(item.seq, text)
  if (view.state === state) view.drawLater()
}

// openMenu shows the menu of a message, if there is anything in it.
function openMenu(view, item) {
  const { from, body, recalled } = item
  const title = recalled || !from ? '' : view.words.get('says', { name: view.words.name(from), text: textOf(body).slice(0, 80) })
  openSheet(view, { title, ...menuOf(view, item) })
}

// openPicker shows all emoji for a reaction.
function openPicker(view, item) {
  const reacted = (tag) => (item.tags || []).some((it) => it.tag === tag && it.mine)
  openSheet(view, { title: view.words.get('react'), lines: [], emoji: (tag) => react(view, item.seq, tag, !reacted(tag)) })
}

// moderate shows what a moderator may do to a user.
function moderate(view, user) {
  const { state: { chat, name: room }, words } = view
  const name = words.name(user)
  const act = async (promise, done) => await view.attempt(promise) && view.tell(words.get(done, { name }))
  const forHowLong = (type, done, end, ended) => openSheet(view, {
    title: words.get(type, { name }),
    lines: [
      ...durations.map(([word, time]) => ({ label: words.get(word), warn: time === undefined, run: () => act(chat[type](room, user.id, time), done) })),
      { label: words.get(end, { name }), run: () => act(chat[type](room, user.id, 0), ended) },
    ],
  })
  openSheet(view, {
    title: name,
    lines: [
      { label: words.get('mute', { name }), run: () => forHowLong('mute', 'muted', 'unmute', 'unmuted') },
      { label: words.get('kick', { name }), warn: true, run: () => act(chat.kick(room, user.id), 'kicked') },
      { label: words.get('ban', { name }), warn: true, run: () => forHowLong('ban', 'banned', 'unban', 'unbanned') },
    ],
  })
}

// openSheet shows a menu with a title, reactions, lines, or all emoji. Reactions and lines
// have run; emoji is called with the one that was chosen.
function openSheet(view, { title, reactions = [], lines, emoji }) {
  if (!lines.length && !reactions.length && !emoji) return
  view.runs = { lines: lines.map(({ run }) => run), reactions: reactions.map(({ run }) => run), emoji }
  view.setData({
    sheet: {
      title,
      reactions: reactions.map(({ label, mine, name }) => ({ label, mine: mine === true, name: name || label })),
      lines: lines.map(({ label, warn }) => ({ label, warn: warn === true })),
      picker: Boolean(emoji),
      cancel: view.words.get('cancel'),
    },
  })
}

module.exports = { moderate, openMenu, react }
