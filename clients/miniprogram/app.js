// Files require in one direction only: a file of this list requires nothing but
// files above it, and the component's folder, caddy-chat (test/imports.test.js checks that).
//
//	config.js                 the settings
//	words.js                  the texts, in English and Chinese
//	host.js                   calls of WeChat, which may fail or never answer
//	storage.js                what the phone keeps for the next start
//	links.js                  where a share card leads
//	login.js                  signing in by WeChat
//	pages/chat/chat.js        the pages
//	pages/people/people.js
//	pages/new/new.js
//	pages/rooms/rooms.js
//	pages/login/login.js
//	app.js                    the user and the rooms, kept while pages come and go
const component = require('./caddy-chat/index')
const config = require('./config')
const host = require('./host')
const signIn = require('./login')
const storage = require('./storage')

const maxRooms = 100 // that are no conversations: the oldest is forgotten

// The app says who the user is. The component has the client.
App({
  onLaunch() {
    this.name = storage.get('name')
    if (this.name) this.start()
  },

  // start connects the user and joins the rooms that were open last time. Conversations need
  // no join: the server has a list of them.
  start() {
    storage.set('name', this.name)
    this.chat = component.start({ url: config.url, name: this.name, token: config.login ? signIn : undefined })
    for (const room of this.rooms()) this.chat.join(room)
  },

  rooms() {
    return storage.list('rooms') || config.rooms
  },

  // keep remembers a room that is no conversation, for the list and for the next start.
  keep(room) {
    if (!this.rooms().includes(room)) storage.set('rooms', [...this.rooms(), room].slice(-maxRooms))
  },

  drop(room) {
    storage.set('rooms', this.rooms().filter((other) => other !== room))
  },

  signOut() {
    for (const name of ['name', 'token', 'rooms', 'avatar']) storage.remove(name)
    this.name = ''
    this.chat = undefined
    component.signOut()
    host.restart('/pages/login/login')
  },
})
