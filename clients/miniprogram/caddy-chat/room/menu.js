// The menu of a message. view is the component <caddy-chat>.
const host = require('../host')
const { nameOf, textOf, timeToEdit } = require('../lib/text')
const { setText, startEdit, startReply } = require('./field')

const common = ['👍', '❤️', '😂', '😮', '😢', '🙏']

// menuOf returns what a user may do to a message: reactions and lines, each with run.
function menuOf(view, item) {
  const { state, words } = view
  const { chat, name } = state
  const { own, seq, key, at, body, recalled } = item
  const { write, moderate, pins } = state.known || {}
  const lines = []
  const add = (word, run, warn) => lines.push({ label: words.get(word), run, warn })
  if (item.state === 'failed') {
    add('retry', () => chat.retry(key))
    add('copy', () => host.copy(textOf(body)))
    add('discard', () => chat.discard(key), true)
    return { lines, reactions: [] }
  }
  if (recalled) {
    if (own && state.taken.has(seq)) add('sayAgain', () => setText(view, state.taken.get(seq), true))
    return { lines, reactions: [] }
  }
  const message = item.type === 'message'
  if (seq && write && message) add('reply', () => startReply(view, seq))
  add('copy', () => host.copy(textOf(body)))
  if (timeToEdit(state, item) > 0) add('edit', () => startEdit(view, item))
  const pinned = pins && pins.includes(seq)
  if (seq && moderate && message) add(pinned ? 'unpin' : 'pin', () => view.attempt(chat.tag(name, seq, 'pin', !pinned, true)))
  const time = moderate ? Infinity : own ? at + (chat.limits ? chat.limits.recall : 0) - chat.now() : 0
  if (seq && message && time > 0) add('recall', () => recall(view, item), true)
  return { lines, reactions: seq && write && message ? common.map((tag) => reactionTo(view, item, tag)) : [] }
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
  const { lines, reactions } = menuOf(view, item)
  if (!lines.length && !reactions.length) return
  view.runs = { lines: lines.map(({ run }) => run), reactions: reactions.map(({ run }) => run) }
  const { from, body, recalled } = item
  view.setData({
    sheet: {
      title: recalled || !from ? '' : view.words.get('says', { name: nameOf(from), text: textOf(body).slice(0, 80) }),
      reactions: reactions.map(({ label, mine }) => ({ label, mine })),
      lines: lines.map(({ label, warn }) => ({ label, warn: warn === true })),
      cancel: view.words.get('cancel'),
    },
  })
}

module.exports = { openMenu, react }
