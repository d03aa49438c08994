// The component's way into a mini program: the one client of the app. Properties of
// components are copied as JSON, so the client is not one of them: the components take it
// from here. Files require in one direction only: a file of this list requires nothing but
// files above it (test/imports.test.js checks that).
//
//	lib/chat.js       the client, generated from ../../core
//	lib/text.js       what the page knows of rooms, names and texts, generated from ../../web
//	lib/linkify.js    links in texts, generated from ../../web
//	lib/emoji.js      all emoji for reactions, generated from emoji-picker-element-data
//	lib/words.js      the texts, generated from ../../web/words
//	words.js          the texts of one language
//	dates.js          days and times
//	host.js           calls of WeChat, which may fail or never answer
//	looks.js          what both components take from the phone: language, size of the letters
//	rows.js           the rows of a list, by setData of the changes
//	index.js          the client
//	room/past.js      which messages are kept
//	room/item.js      one message, as data
//	room/place.js     which part of a room is in sight, and what of it was read
//	room/field.js     what is being written
//	room/menu.js      what a user does to a message
//	room/room.js      <caddy-chat>
//	list/list.js      <caddy-chat-list>
//	sheet/sheet.js    the menu at the lower edge
const { Client, list, wechat } = require('./lib/chat')

const maxIdle = 20 // rooms that stay joined although no component shows them

let chat // of the user
let ended // the code with which the server has closed it for good
let hasToken = false
const watchers = new Set() // of components
const uses = new Map() // by room: how many components show it
let joined = [] // the rooms that a component has joined, the one that was shown last at the end
const drafts = new Map() // by room: what was not sent yet
const newest = new Map() // by room: the newest message or notice of rooms that are no conversations
const mutes = new Map() // by room, '' for all of them: until when the user may not write

// start connects the user. The options are those of the Client of lib/chat.js; list: false
// is for an app without a list of conversations. A client that was started before is closed.
exports.start = function start({ list: lists, ...options }) {
  const made = new Client({ ...wechat(), list: lists === false ? undefined : list(), ...options })
  exports.stop()
  chat = made
  hasToken = Boolean(options.token)
  ended = undefined
  made.on('state', ({ state, code }) => {
    ended = state === 'closed' ? code : undefined
    if (state === 'connecting') mutes.clear() // one may have been lifted meanwhile, which nobody tells
  })
  made.on('muted', ({ room, for: duration }) => exports.noteMuted(room, duration))
  for (const type of ['message', 'notice']) made.on(type, (entry) => newest.set(entry.room, entry))
  made.connect() // the components show what fails
  tell()
  return made
}

// stop closes the connection. The components are empty until the next start.
exports.stop = function stop() {
  if (!chat) return
  const old = chat
  chat = undefined
  joined = []
  drafts.clear()
  newest.clear()
  mutes.clear()
  old.close()
  tell()
}

// signOut also forgets the guest's token and what was not sent.
exports.signOut = function signOut() {
  if (chat) chat.forget()
  exports.stop()
}

// client returns the Client of the last start, or undefined.
exports.client = () => chat

// ended returns why the server has ended the connection for good: a code, or undefined.
exports.ended = () => ended

// again connects after that. A guest whose token has become useless is a new guest.
exports.again = function again() {
  if (!chat || chat.state !== 'closed') return
  if (!hasToken && (ended === 'bad_token' || ended === 'expired')) {
    const rooms = [...chat.rooms.keys()]
    chat.forget()
    for (const room of rooms) chat.join(room)
  }
  chat.connect()
}

// watch calls a listener with the client, now and after each start and stop. The function
// that it returns ends that.
exports.watch = function watch(listener) {
  const watcher = () => listener(chat)
  watchers.add(watcher)
  watcher()
  return () => watchers.delete(watcher)
}

function tell() {
  for (const watcher of [...watchers]) watcher()
}

// enter joins a room for a component, unless the app has joined it. The function that it
// returns is called when the component shows another room. Rooms that nobody shows stay
// joined for a while: what was not sent there would fail when they are left.
exports.enter = function enter(room) {
  const own = chat
  uses.set(room, (uses.get(room) || 0) + 1)
  if (!own.rooms.has(room)) {
    own.join(room) // the event removed tells of a refusal
    joined.push(room)
  } else if (joined.includes(room)) {
    joined.push(...joined.splice(joined.indexOf(room), 1))
  }
  return () => {
    uses.set(room, uses.get(room) - 1)
    if (!uses.get(room)) uses.delete(room)
    if (own === chat) leaveOldest()
  }
}

function leaveOldest() {
  const waits = (room) => chat.outbox.messages.some((message) => message.room === room)
  const idle = joined.filter((room) => !uses.has(room))
  for (const room of idle.slice(0, -maxIdle)) {
    if (waits(room)) continue
    joined.splice(joined.indexOf(room), 1)
    chat.leave(room)
  }
}

// newest returns the newest message or notice that has come in a room.
exports.newest = (room) => newest.get(room)

// noteMuted notes that the user may not write for so many milliseconds, or for good, in a room
// or, without one, anywhere. 0 ends that.
exports.noteMuted = (room = '', duration) => mutes.set(room, duration === undefined ? Infinity : duration && chat.now() + duration)

// mutedUntil returns until when the user may not write in a room, or 0.
exports.mutedUntil = function mutedUntil(room) {
  const until = Math.max(mutes.get(room) || 0, mutes.get('') || 0)
  return chat && until > chat.now() ? until : 0
}

// draft and keepDraft know what was written in a room and not sent, until the next start.
exports.draft = (room) => drafts.get(room) || ''

exports.keepDraft = function keepDraft(room, text) {
  if (text) drafts.set(room, text)
  else drafts.delete(room)
}
