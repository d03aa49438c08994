// What is being written in a room. view is the component <caddy-chat>; its state has reply,
// the seq of what is answered, editing, and called: who was chosen for the text.
const index = require('../index')
const { matches, mentionsIn, peopleOf, targetsOf, textOf } = require('../lib/text')
const { faceOf, quoteOf } = require('./item')

const most = 30 // people that are offered

// setText replaces what is written.
function setText(view, text, focus) {
  view.typed = text
  if (!view.state.editing) index.keepDraft(view.state.name, text)
  view.setData({ text, ready: Boolean(text.trim()), ...(focus && { focus: true }) })
}

// typed takes what the user has typed, and where the cursor is.
function typed(view, text, cursor) {
  const { state } = view
  view.typed = text
  if (!state.editing) index.keepDraft(state.name, text)
  view.setData({ text, ready: Boolean(text.trim()) })
  if (text && !state.editing) state.chat.typing(state.name)
  lookForPeople(view, text, cursor)
}

// lookForPeople offers the people that an @ before the cursor may mean.
async function lookForPeople(view, text, cursor) {
  const { state } = view
  const end = cursor >= 0 ? cursor : text.length
  const found = /(^|[^\w.@-])@([^\s@]{0,32})$/.exec(text.slice(0, end))
  if (!found || state.editing) return closePeople(view)
  view.people = view.people || peopleOf(state).catch(() => closePeople(view)) // the next letter asks again
  const people = await view.people
  if (!view.people || view.state !== state || view.typed !== text) return
  const { chat } = state
  const all = state.known && state.known.moderate && !(state.about && state.about.with) ? [{ id: '*', name: view.words.get('all') }] : []
  const users = [...people.filter(({ id }) => id !== chat.user.id).sort(view.words.compare), ...all].filter((user) => matches(user, found[2], view.words)).slice(0, most)
  view.called = { users, from: end - found[2].length - 1, end }
  view.setData({
    people: users.map((user) => ({ id: user.id, name: view.words.name(user), face: user.id === '*' ? { initials: '@', hue: 3 } : faceOf(user) })),
  }, () => view.resized())
}

function closePeople(view) {
  view.people = undefined
  if (view.data.people.length) view.setData({ people: [] }, () => view.resized())
}

// choosePerson puts a name in place of what was typed of it.
function choosePerson(view, id) {
  const { state, called, typed: text } = view
  const user = called && called.users.find((it) => it.id === id)
  if (!user) return
  const name = `@${view.words.name(user)}`
  state.called = { ...state.called, [name]: user.id }
  closePeople(view)
  setText(view, `${text.slice(0, called.from)}${name} ${text.slice(called.end)}`, true)
}

function startReply(view, seq) {
  const { state } = view
  if (state.editing) stop(view)
  state.reply = seq
  setText(view, view.typed, true)
  view.drawLater()
}

function startEdit(view, { seq, body }) {
  const { state } = view
  if (state.editing) stop(view)
  state.editing = { seq, body, draft: view.typed }
  setText(view, textOf(body), true)
  view.drawLater()
}

// stop ends an edit: what was written before comes back. Or else it ends an answer.
function stop(view) {
  const { state } = view
  const { editing } = state
  if (editing) {
    state.editing = undefined
    setText(view, editing.draft)
  } else {
    state.reply = undefined
  }
  view.drawLater()
}

// targetFor returns what is answered or edited, as data. Of a message that was taken back
// nothing stays in the text field.
function targetFor(view) {
  const { state, words } = view
  const { editing, reply } = state
  const seq = editing ? editing.seq : reply
  if (!seq) return null
  const target = targetsOf(state).get(seq)
  if (editing && target && target.recalled) {
    stop(view)
    return null
  }
  const quote = quoteOf(seq, state, words)
  return { ...quote, title: editing ? words.get('editing') : words.get('replyTo', { name: quote.title }) }
}

// send sends what is written, or saves it in place of what is edited.
function send(view) {
  const { state, words } = view
  const text = (view.typed || '').trim()
  if (!text || !state) return
  const { chat, name, reply } = state
  const over = chat.limits ? [...text].length - chat.limits.text : 0
  if (over > 0) return view.tell(words.get('tooLong', { n: over }))
  if (state.editing) return save(view, text)
  closePeople(view)
  const sent = chat.send(name, { text }, { reply, mentions: mentionsIn(state, text) })
  sent.then((message) => view.triggerEvent('sent', message), ({ code }) => {
    if (code === 'muted' && index.client() === chat) index.noteMuted(name) // the list shows why
    if (code === 'outbox_full' && view.state === state) view.tell(words.error(code))
    view.drawLater()
  })
  state.reply = state.called = undefined
  setText(view, '')
  view.toEnd()
}

async function save(view, text) {
  const { state } = view
  const { editing } = state
  if (editing.saving) return
  editing.saving = true
  const { seq, body } = editing
  const made = typeof body === 'string' ? text : { ...body, text }
  const done = text === textOf(body) || await view.attempt(state.chat.edit(state.name, seq, made))
  editing.saving = false
  if (done && view.state === state && state.editing === editing) stop(view)
}

module.exports = { choosePerson, closePeople, send, setText, startEdit, startReply, stop, targetFor, typed }
