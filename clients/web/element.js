import { Client } from '../core/client.js'
import { browser } from '../core/browser.js'
import { Conversation } from './conversation.js'
import { make } from './dom.js'
import { nameOf } from './item.js'
import { sheet } from './style.js'
import { words } from './words.js'

// CaddyChat is the element <caddy-chat>. Its attributes:
//
//	url   the chat's, ws:// or wss://; by default that which the script came from
//	room  the only room; without it there is a list of rooms, with a lobby
//	name  what the user is called; without it the user is asked
//
// Its property token takes a token, or a function that gets one, for sites that
// know their users. Set it before the element is put into the page.
export class CaddyChat extends HTMLElement {
  connectedCallback() {
    if (this.chat) return
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = [sheet]
    this.only = this.getAttribute('room') ?? undefined
    const name = this.getAttribute('name') ?? localStorage.getItem('caddy-chat name') ?? undefined
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
      localStorage.setItem('caddy-chat name', value)
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
    this.members = make('button.members', { type: 'button', 'aria-expanded': 'false', onclick: () => this.togglePeople() })
    this.people = make('aside', { 'aria-label': words.people, hidden: true })
    this.links = make('ul')
    this.place = make('div.place')
    this.frame = make('div.frame', {},
      this.only === undefined ? this.roomList() : undefined,
      make('main', {},
        make('header', {},
          make('button.back', { type: 'button', onclick: () => this.frame.classList.add('listing') }, words.back),
          this.heading, this.members),
        this.banner, this.people, this.place))
    root.replaceChildren(this.frame)

    const { chat } = this
    chat.on('state', (change) => this.stateChanged(change))
    for (const event of ['room', 'message', 'read', 'removed']) chat.on(event, () => this.drawSoon())
    chat.on('presence', ({ room }) => room === this.current && this.drawMembers())
    this.connect()
    const rooms = this.only === undefined ? savedRooms() : [this.only]
    for (const room of rooms) chat.join(room).catch(() => {}) // the view of the room tells
    this.open(rooms.includes(this.wanted) ? this.wanted : rooms[0])
  }

  get url() {
    const url = new URL(this.getAttribute('url') ?? '..', import.meta.url)
    url.protocol = url.protocol.replace('http', 'ws')
    url.pathname = url.pathname.replace(/\/$/, '')
    return url.href
  }

  // wanted is the room that the page's address names.
  get wanted() {
    return decodeURIComponent(location.hash.slice(1))
  }

  connect() {
    this.chat.connect().catch(() => {}) // the banner tells
  }

  roomList() {
    const name = make('input', { 'aria-label': words.newRoom, placeholder: words.newRoom, required: true, maxLength: 64 })
    const submit = (event) => {
      event.preventDefault()
      const room = name.value.trim()
      if (!room) return
      name.value = ''
      this.chat.join(room).catch(() => {}) // the view of the room tells
      saveRooms([...savedRooms(), room])
      this.open(room)
    }
    return make('nav', { 'aria-label': words.rooms },
      make('h2', {}, words.rooms),
      this.links,
      make('form', { onsubmit: submit }, name, make('button', { type: 'submit' }, words.join)))
  }

  // open shows a room.
  open(room) {
    this.view?.close()
    this.current = room
    this.view = new Conversation(this.chat, room)
    this.place.replaceChildren(this.view.element)
    this.heading.textContent = room
    this.people.hidden = true
    this.frame.classList.remove('listing')
    if (this.only === undefined) history.replaceState(null, '', `#${encodeURIComponent(room)}`)
    this.drawRooms()
    this.view.show()
  }

  leave(room) {
    this.chat.leave(room).catch(() => {}) // it is left all the same
    saveRooms(savedRooms().filter((other) => other !== room))
    if (room !== this.current) return this.drawRooms()
    const [next] = savedRooms()
    if (!this.chat.rooms.has(next)) this.chat.join(next).catch(() => {})
    this.open(next)
  }

  // drawSoon draws once for all that happens in one go, and when it has happened:
  // what is told of a message comes before what that does to its room.
  drawSoon() {
    this.drawing ??= Promise.resolve().then(() => {
      this.drawing = undefined
      if (this.chat) this.drawRooms()
    })
  }

  drawRooms() {
    const { chat, current } = this
    this.drawMembers()
    const focused = this.shadowRoot.activeElement?.dataset.room
    this.links.replaceChildren(...[...chat.rooms.values()].map(({ room, unread }) => make('li', {},
      make('button.room', { type: 'button', 'data-room': room, 'aria-current': room === current ? 'true' : undefined, onclick: () => this.open(room) },
        make('span', { dir: 'auto' }, room),
        unread > 0 && room !== current ? make('b', { 'aria-label': words.unreadCount(unread) }, String(unread)) : undefined),
      make('button.leave', { type: 'button', 'aria-label': `${words.leave}: ${room}`, onclick: () => this.leave(room) }, '×'))))
    if (focused) this.links.querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus()
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
    const { users } = await this.chat.who(current).catch(() => ({ users: [] })) // drawn again with the next presence
    if (current !== this.current) return
    this.people.replaceChildren(make('ul', {}, ...users.map((user) => make('li', { dir: 'auto' },
      nameOf(user) + (user.id === this.chat.user?.id ? ` (${words.you})` : user.guest ? ` (${words.guest})` : '')))))
  }

  stateChanged({ state, message, code }) {
    const { banner } = this
    banner.hidden = state === 'online' || state === 'suspended'
    banner.className = `banner ${state}`
    if (state === 'closed') {
      const anew = () => {
        this.chat.forget()
        this.connect()
      }
      banner.replaceChildren(words.closed(message || code), make('button', { type: 'button', onclick: anew }, words.anew))
    } else {
      banner.replaceChildren(state === 'connecting' ? words.connecting : words.offline)
    }
  }
}

const lobby = 'lobby'

function savedRooms() {
  try {
    const rooms = JSON.parse(localStorage.getItem('caddy-chat rooms'))
    if (Array.isArray(rooms) && rooms.length) return rooms
  } catch {
    // What is there is not ours.
  }
  return [lobby]
}

function saveRooms(rooms) {
  localStorage.setItem('caddy-chat rooms', JSON.stringify([...new Set(rooms)]))
}

customElements.define('caddy-chat', CaddyChat)
