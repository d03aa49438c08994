const index = require('../index')
const host = require('../host')
const { titleOf, untilMidnight } = require('../lib/text')
const { looksFor, properties, textsFor } = require('../looks')
const { Rows } = require('../rows')
const { choosePerson, closePeople, send, setText, stop, targetFor, typed } = require('./field')
const { idOf, pictureBroken, pinOf, rowOf } = require('./item')
const { moderate, openMenu, react } = require('./menu')
const { Room } = require('./past')
const place = require('./place')

const pause = 50 // milliseconds between two drawings: many messages may come in one
const markTime = 2000 // milliseconds for which a message is marked that was jumped to
const texts = ['send', 'unread', 'sending', 'edited', 'guest', 'sayAgain', 'toEnd', 'loading', 'empty', 'cancel', 'pinned']

Component({
  options: { multipleSlots: true, styleIsolation: 'isolated' },
  externalClasses: ['custom-class', 'header-class', 'bubble-class', 'own-bubble-class', 'composer-class', 'send-class'],

  properties: {
    ...properties,
    room: { type: String, value: '' },
    header: { type: Boolean, value: false },
    readonly: { type: Boolean, value: false },
    placeholder: { type: String, value: '' },
  },

  data: {
    t: {}, // texts
    scale: 1,
    banner: '', // what is wrong with the connection
    canRetry: false,
    title: '',
    count: 0,
    gap: '',
    order: [], // see Rows
    rows: {},
    top: '', // what stands above the oldest message
    empty: false,
    bottom: '', // the id of the element to scroll to
    scrollTop: 0,
    away: false, // the end is out of sight
    below: '', // how many messages are below what was in sight
    typing: '',
    note: '',
    pin: null, // the newest pinned message
    write: false,
    closed: '', // why one cannot write
    hint: '', // in the empty text field
    text: '',
    ready: false,
    focus: false,
    target: null, // what is answered or edited
    people: [], // whom an @ may mean
    sheet: null,
    keyboard: 0, // pixels of the component that the keyboard covers
  },

  observers: {
    room() {
      if (this.unwatch) this.open()
    },
    'readonly, placeholder': function () {
      if (this.state) this.drawLater()
    },
    'words, language': function () {
      if (this.unwatch) this.dress()
    },
  },

  lifetimes: {
    attached() {
      this.visible = true
      this.lastTop = 0
      this.dress()
      this.unwatch = index.watch((chat) => {
        this.chat = chat
        this.open()
      })
    },
    detached() {
      this.leave()
      if (this.unwatch) this.unwatch()
      this.unwatch = undefined
      for (const timer of [this.drawing, this.looking, this.noteTimer, this.laterTimer]) clearTimeout(timer)
    },
  },

  pageLifetimes: {
    show() {
      this.visible = true
      if (this.state) place.look(this)
    },
    hide() {
      place.leave(this)
      this.visible = false
    },
    resize() {
      this.resized()
    },
  },

  methods: {
    // send, scrollTo, toEnd, setText and moderate are for the page, which has the component from selectComponent.
    send(text, options) {
      const { state } = this
      if (!state) return Promise.reject(new Error('the room is not open'))
      const sent = state.chat.send(state.name, typeof text === 'string' ? { text } : text, options)
      this.toEnd()
      return sent
    },

    scrollTo(seq) {
      return this.state ? place.jump(this, seq) : Promise.resolve(false)
    },

    toEnd() {
      if (this.state) place.toEnd(this)
    },

    setText(text) {
      if (this.state) setText(this, text, true)
    },

    // moderate shows what a moderator may do to a user of the room.
    moderate(user) {
      const { state } = this
      if (state && state.known && state.known.moderate && user && user.id !== state.chat.user.id) moderate(this, user)
    },

    // open shows the room of the property, from nothing.
    open() {
      this.leave()
      const { chat } = this
      const { room } = this.data
      this.rows = new Rows()
      this.setData({ order: [], rows: {}, typing: '', note: '', people: [], sheet: null, target: null, pin: null, title: '', below: '', away: false, top: this.words.get('loading'), empty: false, write: false, closed: '' })
      if (!chat || !room) return this.drawState()
      const state = this.state = new Room(chat, room, () => this.drawLater())
      this.target = this.goal = this.movesUntil = undefined
      this.placing = false
      this.title = undefined
      const inRoom = (name, listener) => chat.on(name, (event) => event.room === room && listener(event))
      this.stops = [
        chat.on('state', () => this.drawLater()),
        chat.on('list', () => this.drawLater()),
        inRoom('room', () => {
          state.refusal = undefined
          state.stuck = false
          this.drawLater()
        }),
        inRoom('presence', () => this.drawLater()),
        inRoom('read', () => this.drawLater()),
        inRoom('typing', ({ from }) => state.startTyping(from)),
        inRoom('gap', () => { state.gap = true }),
        inRoom('removed', ({ code }) => {
          state.refusal = code
          this.triggerEvent('removed', { room, code })
          this.drawLater()
        }),
        chat.on('muted', () => this.drawLater()),
        chat.on('error', ({ code, message }) => this.triggerEvent('error', { code, message })),
      ]
      this.exit = index.enter(room)
      setText(this, index.draft(room))
      this.drawLater()
    },

    // leave ends what open has begun.
    leave() {
      if (!this.state) return
      place.leave(this)
      for (const end of this.stops) end()
      this.state.close()
      this.exit()
      this.state = this.people = undefined
    },

    // dress takes the language and the size of letters.
    dress() {
      const { words, dates, scale } = looksFor(this.data)
      Object.assign(this, { words, dates, rows: new Rows() })
      this.setData({ t: textsFor(words, texts), scale, order: [], rows: {} })
      if (this.state) this.drawLater()
    },

    // attempt resolves to whether the server has done something, and says why not.
    async attempt(promise) {
      const { state } = this
      try {
        await promise
        return true
      } catch ({ code, uncertain }) {
        if (this.state === state && state) this.tell(uncertain ? this.words.get('perhaps') : this.words.error(code))
        return false
      }
    },

    // copy copies a text. WeChat tells the user if it was done.
    async copy(text) {
      if (!await host.copy(text) && this.state) this.tell(this.words.get('notCopied'))
    },

    // tell shows a line above the text field for a while.
    tell(note) {
      clearTimeout(this.noteTimer)
      this.setData({ note })
      this.noteTimer = setTimeout(() => this.setData({ note: '' }), 6000)
    },

    isShown() {
      return this.visible && Boolean(this.state) && this.state.chat.state !== 'suspended'
    },

    // drawLater draws soon: at once if it has not drawn for a while.
    drawLater() {
      this.dirty = true
      if (this.drawing || !this.state) return
      const wait = Math.max(0, Math.min(pause, (this.drawnAt || 0) + pause - Date.now()))
      this.drawing = setTimeout(async () => {
        this.dirty = false
        this.drawnAt = Date.now()
        try {
          await this.draw()
        } finally {
          this.drawing = undefined
          if (this.dirty) this.drawLater()
        }
      }, wait)
    },

    async draw() {
      const { state } = this
      if (!state) return
      this.drawState()
      place.place(this) // draws again
      const { items, window } = state
      const first = state.firstUnread()
      const view = { state, words: this.words, dates: this.dates, divider: first >= 0 ? items[first].id : undefined, goal: this.goal }
      const list = items.slice(window.from, window.to).map((item, i) => rowOf(item, items[window.from + i - 1], view)).filter(({ info }) => info !== '')
      // The first row of all loses its day and its name when others come in above it, the second one stays as it is.
      const { known } = this.rows
      const anchor = list.find(({ id }, i) => i > 0 && known.has(id) && known.has(list[i - 1].id))
      const steps = this.rows.update(list)
      const drawRows = () => this.drawSteps(steps)
      if (window.follows || this.target || !steps.length) await drawRows()
      else await place.keepPlace(this, anchor && anchor.id, drawRows)
      if (this.state !== state) return
      this.settle()
      this.drawAgain()
    },

    // drawAgain draws when the day ends, or when the user may write again.
    drawAgain() {
      const now = this.chat.now()
      const next = Math.min(untilMidnight(now) + 1000, (index.mutedUntil(this.state.name) || Infinity) - now + 100)
      clearTimeout(this.laterTimer)
      this.laterTimer = setTimeout(() => this.drawLater(), Math.max(100, Math.min(next, 3600000)))
    },

    // drawSteps resolves when everything is drawn, or could have been.
    drawSteps(steps) {
      if (!steps.length) return undefined
      return new Promise((resolve) => {
        setTimeout(resolve, 500)
        steps.forEach((step, i) => this.setData(step, i === steps.length - 1 ? resolve : undefined))
      })
    },

    // settle scrolls to where the list should stand after a drawing.
    settle() {
      const { state, target } = this
      if (target && this.dirty && !this.rows.known.has(target)) return // the next drawing has it
      this.target = undefined
      if (target) {
        this.setData({ bottom: '' })
        this.setData({ bottom: target }, () => place.arrived(this))
        if (this.goal) setTimeout(() => {
          this.goal = undefined
          this.drawLater()
        }, markTime)
      } else if (state.window.follows && state.items.length) {
        this.atEnd = !this.atEnd
        this.setData({ bottom: this.atEnd ? 'end-1' : 'end-2' }, this.movesUntil ? () => place.arrived(this) : undefined)
      }
      place.look(this)
    },

    // drawState draws all but the messages: only what has changed.
    drawState() {
      const { chat, state, words } = this
      const now = {}
      now.banner = this.bannerText()
      now.canRetry = Boolean(chat && chat.state === 'closed')
      if (state) Object.assign(now, this.roomData())
      else Object.assign(now, { top: this.data.room && !chat ? words.get('loading') : '', write: false })
      const changed = {}
      for (const name of Object.keys(now)) if (JSON.stringify(now[name]) !== JSON.stringify(this.data[name])) changed[name] = now[name]
      if (Object.keys(changed).length) this.setData(changed)
      if (['banner', 'pin', 'closed', 'target'].some((name) => name in changed)) this.height = undefined
      if (state && this.title !== `${now.title} ${now.count}`) {
        this.title = `${now.title} ${now.count}`
        this.triggerEvent('title', { room: state.name, title: now.title, count: now.count })
      }
    },

    bannerText() {
      const { chat, words } = this
      if (!chat || chat.state === 'online' || chat.state === 'suspended') return ''
      if (chat.state === 'closed') return words.get('notConnected', { why: words.error(index.ended() || 'closed') })
      return words.get(chat.state === 'connecting' ? 'connecting' : 'offline')
    },

    roomData() {
      const { state, words, dates } = this
      const { known, about, refusal, items, window, chat, timeline } = state
      const live = Boolean(known && known.live)
      const title = titleOf(about, state.name, words)
      const count = about ? (about.with ? 0 : about.size || 0) : (known && known.members) || 0
      const until = index.mutedUntil(state.name)
      const closed = refusal ? words.get('notInRoom', { why: words.error(refusal) })
        : until ? (until === Infinity ? words.get('youAreMuted') : words.get('youAreMutedUntil', { time: dates.time(until) }))
          : known && known.epoch !== undefined && !known.write ? words.get('readOnly') : ''
      const names = [...state.typing.values()].map(({ from }) => this.words.name(from))
      const below = window.follows ? 0 : state.below()
      const empty = live && !items.length && !timeline.more && !state.loading
      const pins = (known && known.pins) || []
      return {
        title, count, closed, empty,
        hint: this.data.placeholder || words.get('write', { room: title }),
        write: !refusal && !this.data.readonly,
        top: empty ? '' : state.loading || !live ? (refusal ? '' : words.get('loading')) : window.from > 0 || timeline.more || (about && about.with) ? '' : words.get('beginning', { room: title }),
        typing: names.length ? words.get('typing', { n: names.length, names: words.list(names.slice(0, 3)) }) : '',
        gap: state.gap ? words.get('gap') : '',
        away: !window.follows && state.placed,
        below: below ? words.get('newMessages', { n: below }) : '',
        target: targetFor(this),
        pin: pins.length ? { ...pinOf(pins[pins.length - 1], state, words), label: words.get('pins', { n: pins.length }) } : null,
      }
    },

    itemOf({ currentTarget }) {
      const { id } = currentTarget.dataset
      return this.state && this.state.items.find((item) => idOf(item) === id)
    },

    // The rest are the handlers of room.wxml.
    onScroll({ detail }) {
      place.scrolled(this, detail)
    },

    onUpper() {
      if (this.state) this.state.stuck = false
      place.measureEnd(this)
    },

    onInput({ detail }) {
      if (this.state && typeof detail.value === 'string') typed(this, detail.value, detail.cursor)
    },

    onLines() {
      this.resized()
    },

    onFocus() {
      this.setData({ focus: true })
    },

    onBlur() {
      this.setData({ focus: false })
    },

    onSend() {
      if (this.state) send(this)
    },

    // onKeyboard makes room for the keyboard: so much of the component as it covers.
    async onKeyboard({ detail }) {
      const height = detail.height > 0 ? detail.height : 0
      const found = height && await host.measure(this, (query) => query.select('.chat').boundingClientRect())
      const windowHeight = host.windowHeight()
      const below = found && found[0] && windowHeight ? Math.max(0, windowHeight - found[0].bottom) : 0
      const keyboard = Math.max(0, height - below)
      if (keyboard !== this.data.keyboard) this.setData({ keyboard }, () => this.resized())
    },

    resized() {
      this.height = undefined
      if (this.state && this.state.window.follows) this.settle()
      place.measureEnd(this)
    },

    onMenu(event) {
      const item = this.itemOf(event)
      if (!item) return
      host.vibrate()
      openMenu(this, item)
    },

    onBubble(event) {
      const item = this.itemOf(event)
      if (item && item.state === 'failed') openMenu(this, item)
    },

    onSheet({ detail: { part, at } }) {
      const { runs } = this
      this.setData({ sheet: null })
      this.runs = undefined
      if (!runs || !part || !this.state) return
      if (part === 'emoji') runs.emoji(at)
      else if (runs[part] && runs[part][at]) runs[part][at]() // which may open the next one
    },

    onChip(event) {
      const item = this.itemOf(event)
      const { tag, mine } = event.currentTarget.dataset
      if (item && item.seq) react(this, item.seq, tag, !mine)
    },

    onQuote({ currentTarget }) {
      if (this.state) place.jump(this, Number(currentTarget.dataset.seq))
    },

    onLink({ currentTarget }) {
      const { href } = currentTarget.dataset
      if (!href) return
      this.triggerEvent('link', { href })
      this.copy(href)
    },

    onAgain(event) {
      const item = this.itemOf(event)
      if (item && this.state.taken.has(item.seq)) setText(this, this.state.taken.get(item.seq), true)
    },

    onPerson(event) {
      const item = this.itemOf(event)
      if (item && item.from) this.triggerEvent('person', { user: { ...item.from, name: this.words.name(item.from) } })
    },

    onChoose({ currentTarget }) {
      if (this.state) choosePerson(this, currentTarget.dataset.id)
    },

    onStop() {
      if (this.state) stop(this)
    },

    onNewest() {
      this.toEnd()
    },

    onAway() {
      closePeople(this)
    },

    onBanner() {
      index.again()
    },

    onPicture({ currentTarget }) {
      pictureBroken(currentTarget.dataset.picture)
      this.drawLater()
    },
  },
})
