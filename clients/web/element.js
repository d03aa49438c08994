// Files import in one direction only: a file of this list imports nothing but files
// above it, and files of ../core (test/imports.test.js checks that). Those marked * are
// loaded when they are first needed.
//
//	words/en.js     * the texts in English, from a JSON file
//	words/zh.js     * the texts in Chinese
//	words/later-en.js * those that are not needed to draw messages
//	words/later-zh.js *
//	text.js         names, initials and texts of users
//	texts.js        the texts of one language
//	words.js        those that are built in, and those of a site
//	colours.js      the colours, light and dark
//	style.js        the style sheet, from style.css
//	remembered.js   what the browser keeps for the next visit
//	dates.js        days and times
//	groups.js       which messages are drawn as a group
//	icons.js        the pictures on buttons
//	characters.js   the punctuation, for linkify-it
//	linkify.js      * links in texts
//	emoji.js        * the emoji picker
//	avatar.js       the picture of a user
//	window.js       which part of a list is drawn
//	room-state.js   what is known of one room
//	session.js      the connection: who the user is, and the rooms
//	item.js         one message or notice
//	messages.js     the list of a room's messages
//	reading.js      which messages are in sight, and the read mark
//	unread.js       how many are unread: title and icon
//	alerts.js       notifications and sound
//	more-icons.js   more pictures on buttons
//	preview.js      a message in one line
//	attempt.js      what the server says to a command
//	menu.js         a menu
//	targets.js      the messages that quotes and pins are about
//	jump.js         to a message, wherever it is
//	quotes.js       quotes and pins
//	reactions.js    reactions
//	drafts.js       answers and edits
//	known.js        whom the user knows
//	mention.js      the list of people that @ opens
//	moderation.js   the menu entries of moderators
//	people.js       who is present
//	settings.js     name, picture, notifications, sign out
//	acts.js         what a user does to messages and people
//	message-buttons.js   the buttons of messages, and the keys
//	composer.js     the text field
//	foot.js         what is below the messages
//	more.js         * the 21 above and their style, more.css, loaded when the first messages are drawn
//	page-mode.js    the address of the built-in page
//	views.js        the parts that have no state of their own
//	conversation-acts.js   what a user does to conversations, and what the server says to it
//	conversation-entry.js  an entry about members, in words
//	conversation-row.js    one conversation in the list
//	conversation-list.js   the list
//	conversation-new.js    the dialogs that begin a conversation or add people
//	conversation-panel.js  who belongs to a conversation, and what it is called
//	conversations.js  * the six above and their style, conversations.css, loaded when the server has a list
//	element.js      <caddy-chat>
import { html, LitElement, nothing } from 'lit'
import { Dates } from './dates.js'
import './messages.js'
import { roomOfAddress, showRoom, takeToken } from './page-mode.js'
import { remember, remembered, rememberedRooms, rememberRooms } from './remembered.js'
import { Session } from './session.js'
import { sheet } from './style.js'
import { textOf } from './text.js'
import { banner, conversations, header, launcher, nothingOpen, roomList, startView } from './views.js'
import { builtInWords, loadWords } from './words.js'

const ownServer = new URL('..', import.meta.url).href

// CaddyChat is the element <caddy-chat>. docs/web.md describes its attributes, properties,
// events, parts, slots and variables.
export class CaddyChat extends LitElement {
  static properties = {
    url: {},
    room: {},
    name: {},
    avatar: {},
    token: { attribute: false },
    mode: { reflect: true },
    isOpen: { attribute: 'open', type: Boolean, reflect: true },
    language: { attribute: 'lang' },
    wordsUrl: { attribute: 'words' },
    signIn: { attribute: 'sign-in' },
  }

  static styles = sheet

  constructor() {
    super()
    this.isOpen = false
    this.listing = this.peopleOpen = false
    this.unread = 0
    this.acted = false // the user has touched the chat: only then it takes the focus
    for (const event of ['pointerdown', 'keydown']) this.addEventListener(event, () => { this.acted = true })
    this.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.mode === 'popup' && this.isOpen) this.setOpen(false)
    })
    this.onHash = () => this.openAddress()
    this.onVisible = () => this.more?.countUnread(this)
  }

  // chat is the Client, for pages that want more than this element does.
  get chat() {
    return this.session?.chat
  }

  get single() {
    return this.room != null || this.mode === 'popup'
  }

  connectedCallback() {
    super.connectedCallback()
    window.addEventListener('hashchange', this.onHash)
    document.addEventListener('visibilitychange', this.onVisible)
    if (this.hasUpdated && !this.session) this.start()
  }

  // disconnectedCallback waits for the end of the task: an element that is moved goes on.
  disconnectedCallback() {
    super.disconnectedCallback()
    window.removeEventListener('hashchange', this.onHash)
    document.removeEventListener('visibilitychange', this.onVisible)
    Promise.resolve().then(() => this.isConnected || this.stop())
  }

  willUpdate(changed) {
    if (!this.hasUpdated || changed.has('language') || changed.has('wordsUrl')) this.chooseWords()
    if (!this.hasUpdated) return this.startIfWanted()
    if (changed.has('url') || changed.has('token')) return this.restart()
    if (changed.has('isOpen') || changed.has('mode')) this.startIfWanted()
    if (!this.session?.chat) return
    if (changed.has('name') || changed.has('avatar')) this.session.rename(this.ownName, this.ownAvatar)
    if (changed.has('room') && this.session.phase === 'chat') this.changeRooms()
  }

  startIfWanted() {
    if (this.session) return
    if (this.mode === 'popup' && this.isOpen) remember('popup', 'on')
    if (this.mode !== 'popup' || remembered('popup')) this.start()
  }

  get ownName() {
    return this.name ?? remembered('name') ?? ''
  }

  get ownAvatar() {
    return this.avatar ?? remembered('avatar') ?? ''
  }

  start() {
    const token = this.token ?? (this.mode === 'page' ? takeToken() : undefined)
    const eager = this.single || remembered(`rooms${this.roomsKey}`) || this.wantedRoom
    this.session = new Session({ url: this.serverUrl, token, name: this.ownName || undefined, avatar: this.ownAvatar || undefined, eager, withList: !this.single }, {
      changed: () => this.requestUpdate(),
      event: (name, detail) => this.report(name, detail),
      entered: () => this.changeRooms(),
      live: (message) => this.hear(message),
      loadList: () => import('./conversations.js'),
    })
    this.session.connect()
    this.requestUpdate()
  }

  stop() {
    this.readMark?.send()
    this.session?.close()
    this.session = this.current = this.talks = this.readMark = undefined
  }

  restart() {
    this.stop()
    this.startIfWanted()
  }

  get serverUrl() {
    try {
      const url = new URL(this.url ?? ownServer, document.baseURI)
      url.protocol = url.protocol.replace('http', 'ws')
      url.pathname = url.pathname.replace(/\/$/, '')
      return url.href
    } catch {
      return String(this.url)
    }
  }

  // roomsKey names the list of rooms: that of another server is another one.
  get roomsKey() {
    return this.url ? ` ${this.serverUrl}` : ''
  }

  // chooseWords loads the texts. Nothing is drawn before they are there.
  async chooseWords() {
    const { language, wordsUrl } = this
    const languages = language ? [language] : navigator.languages ?? []
    let words
    try {
      words = wordsUrl && await loadWords(new URL(wordsUrl, document.baseURI))
    } catch (cause) {
      this.report('error', cause)
    }
    words ||= await builtInWords(languages)
    if (this.more) await words.loadLater().catch(() => {})
    if (language !== this.language || wordsUrl !== this.wordsUrl) return
    this.words = words
    this.dates = new Dates(words.language)
    this.requestUpdate()
  }

  report(name, detail) {
    this.dispatchEvent(new CustomEvent(`chat-${name}`, { detail }))
    if (name === 'room' && !this.single) this.saveRooms()
  }

  // lists reports whether the rooms are a list of conversations, which the server keeps. As
  // long as that is not known, the last visit tells.
  get lists() {
    return !this.single && (this.session?.lists ?? Boolean(remembered(`list${this.roomsKey}`)))
  }

  get wantedRoom() {
    return this.mode === 'page' && !this.single ? roomOfAddress().normalize() : ''
  }

  // changeRooms joins the rooms that the attributes and the address ask for.
  changeRooms() {
    const { session, lists } = this
    if (session.lists !== undefined) remember(`list${this.roomsKey}`, lists ? 'on' : '')
    let wanted = this.wantedRoom
    if (lists && wanted.startsWith('with=')) {
      this.partner = wanted.slice(5) // whom the conversation part of the program talks to
      wanted = ''
    }
    const rooms = this.single ? [this.room || 'lobby'] : rememberedRooms(this.roomsKey, lists ? [] : undefined)
    if (wanted && !rooms.includes(wanted)) rooms.push(wanted)
    for (const [room, { refusal }] of session.rooms) if (this.single ? !rooms.includes(room) : lists && refusal && room !== wanted) session.leave(room)
    for (const room of rooms) session.join(room)
    if (wanted || rooms[0] === undefined || !lists) this.open(wanted || rooms[0], false)
    else this.showList()
    if (this.mode === 'page') this.acted = true
    this.focusField()
  }

  // openAddress follows a link to #room on the same page.
  openAddress() {
    if (this.mode !== 'page') return
    if (location.hash.startsWith('#token=')) return this.restart()
    if (this.session?.phase !== 'chat' || this.single) return
    const room = this.wantedRoom
    if (this.lists && (!room || room.startsWith('with='))) return room ? this.changeRooms() : this.showList()
    if (room && (room !== this.current || this.listing)) this.open(room)
  }

  // open shows a room, and joins it if need be.
  open(room, focus = true) {
    const { session } = this
    session.rooms.get(this.current)?.hide()
    this.current = room
    if (room !== undefined) session.join(room)
    if (this.lists) session.leaveOldest(room)
    this.listing = room === undefined
    this.peopleOpen = false
    this.note = undefined
    if (this.mode === 'page' && !this.single) showRoom(room)
    if (focus) this.focusField()
    this.requestUpdate()
  }

  joinRoom(event) {
    event.preventDefault()
    const { room: field } = event.target.elements
    const room = field.value.trim().normalize()
    if (!room) return
    field.value = ''
    this.open(room)
  }

  leave(room) {
    const { session } = this
    session.leave(room)
    if (room === this.current) this.open(this.lists ? undefined : [...session.rooms.keys()][0] ?? 'lobby', false)
    this.saveRooms()
    this.requestUpdate()
  }

  // saveRooms remembers the rooms that the user may be in, as far as that is known.
  saveRooms() {
    const before = rememberedRooms(this.roomsKey)
    const good = [...this.session.rooms.values()].filter(({ name, known, refusal, about }) => !refusal && !about && (known?.epoch !== undefined || before.includes(name)))
    rememberRooms(this.roomsKey, good.map(({ name }) => name))
  }

  enterName(event) {
    event.preventDefault()
    const name = event.target.elements.name.value.trim()
    if (!name) return
    remember('name', name)
    this.session.rename(name, this.ownAvatar)
  }

  // hear takes a message that has just come.
  async hear(message) {
    this.report('message', message)
    const { words, session } = this
    if (message.from?.id === session.chat.user?.id || message.recalled) return
    const name = words.name(message.from)
    if (message.room === this.current) this.announcement = words.get('says', { name, text: textOf(message.body) })
    if (!this.chat.list?.get(message.room)) this.more?.alert(this, message, message.room) // or its row tells of it
  }

  get isShown() {
    return document.visibilityState === 'visible' && (this.mode !== 'popup' || this.isOpen)
  }

  // tell shows a line above the text field.
  tell(text, action) {
    this.note = { text, action }
    this.requestUpdate()
  }

  render() {
    const { session, words, mode } = this
    const popup = mode === 'popup'
    if (!words) return nothing
    return html`<div class="root" part="root" lang=${words.language} dir=${words.direction ?? nothing}>
      ${!session || (popup && !this.isOpen) ? nothing : session.phase === 'chat' && (this.lists || this.current !== undefined) ? this.drawChat() : html`<div class="layout">
        ${popup ? html`<button class="quiet corner" aria-label=${words.get('close')} @click=${() => this.setOpen(false)}>×</button>` : nothing}${startView(this)}</div>`}
      ${popup ? launcher(this) : nothing}</div>`
  }

  drawChat() {
    const { session, words, more } = this
    const state = session.rooms.get(this.current)
    const known = state?.known
    const nav = this.single ? nothing : this.lists ? conversations(this) : roomList(this)
    if (!state) return html`<div class="layout listing">${nav}<main>${banner(this)}${nothingOpen(this)}</main></div>`
    const view = {
      late: more, me: session.chat.user?.id, direct: state.about?.with, pins: known?.pins, on: more?.buttonsFor(this, state), menu: (event, item) => this.openMenu(event, state, item),
      words, dates: this.dates, redraw: () => this.requestUpdate(), entryText: (item) => this.talks?.entryText(item, state, this),
      mayRecall: ({ own, at, seq, state: sent }) => seq && sent === 'sent' && (known?.moderate || (own && at + (session.chat.limits?.recall ?? 0) > session.chat.now())),
    }
    return html`<div class="layout ${this.listing ? 'listing' : ''} ${this.single ? 'single' : ''}">
      ${nav}
      <main>
        ${header(this, state)}${banner(this)}${known?.pins?.length && !state.refusal ? more?.drawPins(this, state) ?? html`<div class="pins"></div>` : nothing}
        ${state.refusal ? more?.drawRefusal(this, state) : html`<caddy-chat-messages .state=${state} .view=${view} .saw=${(seq) => more.saw(this, state, seq)}></caddy-chat-messages>
          <p class="typing">${more?.typingText(words, state)}</p>
          <p class="note" role="status">${state.gap && !this.note ? words.get('gap') : this.note?.text}${this.note?.action
            ? html` <button class="link" @click=${() => this.note.action.run()}>${this.note.action.label}</button>` : nothing}</p>
          ${more ? more.drawField(this, state) : html`<div class="field"></div>`}`}
        <p class="sr" aria-live="polite">${this.announcement}</p>
      </main>
      ${this.peopleOpen && state.about ? this.talks.drawPanel(this, state) : this.peopleOpen ? html`<caddy-chat-people .state=${state} .peopleChanged=${state.peopleChanged} .words=${words} .close=${() => this.togglePeople()}
        .menu=${known?.moderate ? ({ currentTarget }, user) => this.more.openUserMenu(this, currentTarget, state, user) : undefined}></caddy-chat-people>` : nothing}
    </div>`
  }

  redrawLater(delay) {
    clearTimeout(this.redrawTimer)
    this.redrawTimer = setTimeout(() => this.requestUpdate(), Math.min(delay, 60_000))
  }

  updated(changed) {
    if (!this.words) return // nothing is drawn before they are there
    this.more?.countUnread(this)
    if (this.chat?.list) this.beginTalks().catch(() => {})
    const state = this.session?.rooms.get(this.current)
    const why = state?.known?.live ? 'live' : this.session?.ended ?? state?.refusal
    if (why && why !== this.loadedFor) {
      this.loadedFor = why // once for each: a server that is away may come back
      this.load().then(() => this.focusField(), () => {})
    }
    if (this.session?.phase === 'name' && (this.mode === 'page' || this.acted)) {
      const field = this.renderRoot.querySelector('#name')
      if (field !== this.focusedName) field?.focus({ preventScroll: true })
      this.focusedName = field
    }
    if (changed.has('isOpen') && this.isOpen) this.renderRoot.querySelector('caddy-chat-messages')?.updateComplete.then(() => this.renderRoot.querySelector('caddy-chat-messages')?.shown())
  }

  // beginTalks has the part of the program for conversations draw the list.
  async beginTalks() {
    if (this.talks) return this.talks.openPartner(this)
    if (this.began === this.session) return
    this.began = this.session
    const [talks] = await Promise.all([import('./conversations.js'), this.load()])
    this.talks = talks
    talks.begin(this)
  }

  // load loads the rest of the program. If the server has a newer one by now, it is gone.
  async load() {
    try {
      const [more] = await Promise.all([import('./more.js'), this.words.loadLater()])
      more.begin(this.renderRoot)
      this.more = more
      return more
    } catch (cause) {
      this.tell(this.words.get('partMissing'))
      throw cause
    } finally {
      this.requestUpdate()
    }
  }

  // openMenu opens the menu of a message that was pressed long.
  async openMenu(event, state, item) {
    event.preventDefault()
    const { currentTarget } = event
    const more = await this.load()
    await this.updateComplete
    await this.renderRoot.querySelector('caddy-chat-messages')?.updateComplete
    more.openMessageMenu(this, currentTarget.querySelector('.more'), state, item)
  }

  async togglePeople() {
    if (!this.peopleOpen) await this.load()
    this.peopleOpen = !this.peopleOpen
    this.requestUpdate()
    if (!this.peopleOpen) this.renderRoot.querySelector('.members')?.focus({ preventScroll: true })
  }

  async openSettings() {
    (await this.load()).openSettings(this)
  }

  showList() {
    this.listing = true
    if (this.mode === 'page' && this.lists) showRoom()
    this.requestUpdate()
  }

  setOpen(open) {
    if (this.isOpen === open) return
    this.isOpen = open
    this.updateComplete.then(() => {
      if (open) this.focusField()
      else this.renderRoot.querySelector('.launcher')?.focus({ preventScroll: true })
    })
  }

  // focusField puts the cursor into the text field, if the user has touched the chat and no
  // keyboard would cover it.
  async focusField() {
    await this.updateComplete
    await this.renderRoot.querySelector('caddy-chat-composer')?.updateComplete
    if (this.acted && matchMedia('(hover: hover)').matches) this.renderRoot.querySelector('textarea')?.focus({ preventScroll: true })
  }
}

customElements.define('caddy-chat', CaddyChat)
