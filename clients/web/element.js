// Files import in one direction only: a file of this list imports nothing but files
// above it, and files of ../core (test/imports.test.js checks that).
//
//	words.js        the texts, in English and Chinese
//	colours.js      the colours, light and dark
//	style.js        the layout
//	remembered.js   what the browser keeps for the next visit
//	dom.js          make, which creates an element
//	item.js         one message or notice
//	room-view.js    one room: messages, text field
//	element.js      <caddy-chat>: sign-in, room list, the open room
import { Client } from '../core/client.js'
import { browser } from '../core/browser.js'
import { make } from './dom.js'
import { nameOf } from './item.js'
import { remember, remembered } from './remembered.js'
import { RoomView } from './room-view.js'
import { sheet } from './style.js'
import { words } from './words.js'

// CaddyChat is the element <caddy-chat>. Its attributes:
//
//	url   of the chat, ws:// or wss://; by default that of the server of this script
//	room  the only room; without it there is a list of rooms, with a lobby
//	name  of the user; without it the user is asked
//
// Its property token is a token, or a function that returns one, for sites that
// have signed their users in. Set it before the element is inserted into the page.
//
// If an attribute changes, the element starts again with the new ones.
export class CaddyChat extends HTMLElement {
  static observedAttributes = ['url', 'room', 'name']

  // attributeChangedCallback waits for the end of the task, in which a framework may
  // change several attributes.
  attributeChangedCallback(attribute, before, now) {
    if (before === now || !this.shadowRoot || this.restarting) return
    this.restarting = Promise.resolve().then(() => {
      this.restarting = undefined
      if (!this.isConnected) return
      this.disconnectedCallback()
      this.connectedCallback()
    })
  }

  connectedCallback() {
    if (this.chat) return
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = [sheet]
    this.onlyRoom = this.getAttribute('room') ?? undefined
    const name = this.getAttribute('name') ?? remembered('name')
    if (name || this.token) this.start(root, name)
    else this.signIn(root)
  }

  disconnectedCallback() {
    this.view?.close()
    this.chat?.close()
    this.chat = this.view = undefined
    this.shadowRoot.replaceChildren()
  }

  // signIn asks for a name.
  signIn(root) {
    const name = make('input', { id: 'name', name: 'name', required: true, maxLength: 64, autocomplete: 'nickname' })
    const submit = (event) => {
      event.preventDefault()
      const value = name.value.trim()
      if (!value) return
      remember('name', value)
      this.start(root, value)
    }
    root.replaceChildren(make('form.sign-in', { onsubmit: submit },
      make('h1', {}, words.hello),
      make('label', { for: 'name' }, words.whatName),
      name,
      make('button', { type: 'submit' }, words.enter)))
    name.focus()
  }

  start(root, name) {
    this.chat = new Client({ url: this.url, name, token: this.token, ...browser() })
    this.banner = make('div.banner', { role: 'status', hidden: true })
    this.heading = make('h1')
    this.members = make('button.members', { 'aria-expanded': 'false', onclick: () => this.togglePeople() })
    this.people = make('aside', { 'aria-label': words.people, hidden: true })
    this.roomItems = make('ul')
    this.viewBox = make('div.view')
    this.layout = make('div.layout', {},
      this.onlyRoom === undefined ? this.roomList() : undefined,
      make('main', {},
        make('header', {},
          make('button.back', { onclick: () => this.layout.classList.add('listing') }, words.back),
          this.heading, this.members),
        this.banner, this.people, this.viewBox))
    root.replaceChildren(this.layout)

    const { chat } = this
    chat.on('state', (change) => this.stateChanged(change))
    for (const event of ['room', 'message', 'notice', 'read', 'removed']) chat.on(event, () => this.drawLater())
    chat.on('presence', ({ room }) => room === this.current && this.drawMembers())
    chat.connect() // the banner shows the state
    const rooms = this.onlyRoom === undefined ? savedRooms() : [this.onlyRoom]
    for (const room of rooms) chat.join(room) // its RoomView shows a refusal
    this.open(rooms.includes(this.hashRoom) ? this.hashRoom : rooms[0])
  }

  get url() {
    const url = new URL(this.getAttribute('url') ?? '..', import.meta.url)
    url.protocol = url.protocol.replace('http', 'ws')
    url.pathname = url.pathname.replace(/\/$/, '')
    return url.href
  }

  // hashRoom is the room in the fragment of the page's URL.
  get hashRoom() {
    try {
      return decodeURIComponent(location.hash.slice(1))
    } catch {
      return '' // a percent sign that escapes nothing
    }
  }

  roomList() {
    const name = make('input', { 'aria-label': words.newRoom, placeholder: words.newRoom, required: true, maxLength: 64 })
    const submit = (event) => {
      event.preventDefault()
      const room = name.value.trim()
      if (!room) return
      name.value = ''
      this.chat.join(room) // its RoomView shows a refusal
      saveRooms([...savedRooms(), room])
      this.open(room)
    }
    return make('nav', { 'aria-label': words.rooms },
      make('h2', {}, words.rooms),
      this.roomItems,
      make('form', { onsubmit: submit }, name, make('button', { type: 'submit' }, words.join)))
  }

  // open shows a room.
  open(room) {
    this.view?.close()
    this.current = room
    this.view = new RoomView(this.chat, room)
    this.viewBox.replaceChildren(this.view.element)
    this.heading.textContent = room
    this.people.hidden = true
    this.layout.classList.remove('listing')
    if (this.onlyRoom === undefined) history.replaceState(null, '', `#${encodeURIComponent(room)}`)
    this.drawRooms()
    this.view.show()
  }

  leave(room) {
    this.chat.leave(room)
    saveRooms(savedRooms().filter((other) => other !== room))
    if (room !== this.current) return this.drawRooms()
    const [next] = savedRooms()
    if (!this.chat.rooms.has(next)) this.chat.join(next)
    this.open(next)
  }

  // drawLater draws the room list once for all events of one task. It waits for the
  // end of the task, since a message is emitted before its room's unread changes.
  drawLater() {
    this.drawing ??= Promise.resolve().then(() => {
      this.drawing = undefined
      if (this.chat) this.drawRooms()
    })
  }

  drawRooms() {
    const { chat, current } = this
    this.drawMembers()
    const focused = this.shadowRoot.activeElement?.dataset.room
    this.roomItems.replaceChildren(...[...chat.rooms.values()].map(({ room, unread }) => make('li', {},
      make('button.room', { 'data-room': room, 'aria-current': room === current ? 'true' : undefined, onclick: () => this.open(room) },
        make('span', { dir: 'auto' }, room),
        unread > 0 && room !== current ? make('b', { 'aria-label': words.unreadCount(unread) }, String(unread)) : undefined),
      make('button.leave', { 'aria-label': `${words.leave}: ${room}`, onclick: () => this.leave(room) }, '×'))))
    if (focused) this.roomItems.querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus()
  }

  drawMembers() {
    const members = this.chat.rooms.get(this.current)?.members
    this.members.hidden = members === undefined
    this.members.textContent = words.members(members ?? 0)
    if (!this.people.hidden) this.drawPeople()
  }

  togglePeople() {
    this.people.hidden = !this.people.hidden
    this.members.setAttribute('aria-expanded', String(!this.people.hidden))
    if (!this.people.hidden) this.drawPeople()
  }

  async drawPeople() {
    const { current } = this
    const { users } = await this.chat.who(current).catch(() => ({ users: [] })) // drawn again with the next presence frame
    if (current !== this.current) return
    this.people.replaceChildren(make('ul', {}, ...users.map((user) => make('li', { dir: 'auto' },
      nameOf(user) + (user.id === this.chat.user?.id ? ` (${words.you})` : user.guest ? ` (${words.guest})` : '')))))
  }

  stateChanged({ state, message, code }) {
    const { banner } = this
    banner.hidden = state === 'online' || state === 'suspended'
    banner.className = `banner ${state}`
    if (state === 'closed') {
      const restart = () => {
        this.chat.forget()
        this.chat.connect()
      }
      banner.replaceChildren(words.closed(message || code), make('button', { onclick: restart }, words.anew))
    } else {
      banner.replaceChildren(state === 'connecting' ? words.connecting : words.offline)
    }
  }
}

const lobby = 'lobby'

function savedRooms() {
  try {
    const rooms = JSON.parse(remembered('rooms') ?? 'null')
    if (Array.isArray(rooms) && rooms.length) return rooms
  } catch {
    // Not written by this element.
  }
  return [lobby]
}

function saveRooms(rooms) {
  remember('rooms', JSON.stringify([...new Set(rooms)]))
}

customElements.define('caddy-chat', CaddyChat)
