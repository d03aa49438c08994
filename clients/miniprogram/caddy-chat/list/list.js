const index = require('../index')
const host = require('../host')
const { faceOf: whoOf, previewOf, titleOf, untilMidnight } = require('../lib/text')
const { looksFor, properties, textsFor } = require('../looks')
const { faceOf, pictureBroken } = require('../room/item')
const { Rows } = require('../rows')

const pause = 50 // milliseconds between two drawings
const step = 50 // conversations that are drawn at first, and more at a time

Component({
  options: { multipleSlots: true, styleIsolation: 'isolated' },
  externalClasses: ['custom-class', 'row-class', 'title-class', 'unread-class'],

  properties: {
    ...properties,
    hidden: { type: Boolean, value: false }, // shows those that the user has hidden instead
  },

  data: {
    t: {},
    scale: 1,
    banner: '',
    canRetry: false,
    order: [], // see Rows
    rows: {},
    state: 'loading', // empty, or full
    why: '', // the list could not be read
    loading: false, // more is being loaded
    sheet: null,
  },

  observers: {
    'words, language, hidden': function () {
      if (this.unwatch) this.dress()
    },
  },

  lifetimes: {
    attached() {
      this.visible = true
      this.dress()
      this.unwatch = index.watch((chat) => this.open(chat))
    },
    detached() {
      this.open()
      if (this.unwatch) this.unwatch()
      this.unwatch = undefined
      clearTimeout(this.drawing)
      clearTimeout(this.dayTimer)
    },
  },

  pageLifetimes: {
    show() {
      this.visible = true
      this.drawLater()
    },
    // A page below another one draws nothing.
    hide() {
      this.visible = false
    },
  },

  methods: {
    open(chat) {
      for (const end of this.stops || []) end()
      this.chat = chat
      this.most = step
      this.unread = this.refused = undefined
      const draw = () => this.drawLater()
      this.stops = chat ? [
        chat.on('list', () => { this.refused = undefined }),
        chat.on('state', ({ state }) => { if (state !== 'online') this.refused = undefined }),
        ...['state', 'list', 'room', 'message', 'notice', 'read', 'removed', 'presence'].map((name) => chat.on(name, draw)),
        chat.on('error', ({ code, message, field }) => {
          if (field === 'list') this.refused = code
          this.triggerEvent('error', { code, message })
          draw()
        }),
      ] : []
      this.rows = new Rows()
      if (this.unwatch !== undefined || chat) this.setData({ order: [], rows: {}, state: 'loading', sheet: null, banner: '' })
      draw()
    },

    dress() {
      const { words, dates, scale } = looksFor(this.data)
      Object.assign(this, { words, dates, rows: new Rows() })
      this.setData({ t: textsFor(words, ['draft', 'isTop', 'isQuiet', 'mentionedYou', 'loading', 'noChats', 'empty']), scale, order: [], rows: {} })
      this.drawLater()
    },

    drawLater() {
      if (this.drawing || !this.chat || !this.visible) return
      const wait = Math.max(0, Math.min(pause, (this.drawnAt || 0) + pause - Date.now()))
      this.drawing = setTimeout(() => {
        this.drawing = undefined
        this.drawnAt = Date.now()
        this.draw()
      }, wait)
    },

    draw() {
      const { chat, words } = this
      if (!chat) return
      const all = this.conversations()
      // A server without conversations has no list. Who is online without one has none, unless it could not be read.
      const known = Boolean(chat.user) && (!chat.list || chat.list.complete || all.length > 0 || (chat.state === 'online' && !this.refused))
      const list = all.slice(0, this.most).map((row) => this.rowOf(row))
      const banner = chat.state === 'online' || chat.state === 'suspended' ? '' : chat.state === 'closed' ? words.get('notConnected', { why: words.error(index.ended() || 'closed') })
        : words.get(chat.state === 'connecting' ? 'connecting' : 'offline')
      const now = { banner, canRetry: chat.state === 'closed', state: all.length ? 'full' : known || chat.rooms.size ? 'empty' : 'loading', why: this.refused ? words.error(this.refused) : '' }
      const changed = {}
      for (const name of Object.keys(now)) if (now[name] !== this.data[name]) changed[name] = now[name]
      if (Object.keys(changed).length) this.setData(changed)
      for (const part of this.rows.update(list)) this.setData(part)
      this.report()
      clearTimeout(this.dayTimer)
      this.dayTimer = setTimeout(() => this.drawLater(), Math.min(untilMidnight(chat.now()) + 1000, 3600000))
    },

    // conversations returns those of the list, and then the rooms that are none.
    conversations() {
      const { chat, data: { hidden } } = this
      const { list } = chat
      if (hidden) return list ? list.hidden : []
      const plain = [...chat.rooms.values()].filter(({ room, role }) => !role && !(list && list.get(room)))
        .map(({ room, unread, members }) => ({ room, unread, members, plain: true, notify: true, entry: index.newest(room) }))
      return [...(list ? list.rows : []), ...plain]
    },

    report() {
      const { chat } = this
      let unread = chat.list ? chat.list.unread : 0
      for (const { room, unread: count } of chat.rooms.values()) if (!chat.list || !chat.list.get(room)) unread += count
      if (unread === this.unread) return
      this.unread = unread
      this.triggerEvent('unread', { unread })
    },

    // rowOf returns the data with which list.wxml draws a conversation.
    rowOf(row) {
      const { words, dates, chat } = this
      const { room, unread, notify, top, mention, read, entry, plain } = row
      const title = plain ? room : titleOf(row, room, words)
      const draft = index.draft(room).trim().slice(0, 100)
      return {
        id: room, title, ...faceOf(plain ? { id: room, name: room } : whoOf(row, room, words)),
        when: entry || row.at ? dates.short(entry ? entry.at : row.at, chat.now()) : '',
        line: draft || this.lineOf(row), draft: Boolean(draft),
        unread: unread > 99 ? '99+' : unread ? String(unread) : '', quiet: !notify, top: top === true, mention: unread > 0 && mention > read,
      }
    },

    // lineOf returns the newest message in one line.
    lineOf({ entry, with: other }) {
      const { words, chat } = this
      if (!entry) return ''
      const { type, from, recalled } = entry
      const text = recalled ? words.get('recalled') : previewOf(entry, words)
      const me = chat.user && chat.user.id
      return other || type !== 'message' || recalled || (from && from.id === me) ? text : words.get('says', { name: words.name(from), text })
    },

    rowFor({ currentTarget }) {
      const { room } = currentTarget.dataset
      return this.conversations().find((row) => row.room === room)
    },

    onOpen(event) {
      const row = this.chat && this.rowFor(event)
      if (!row) return
      const { room } = row
      this.triggerEvent('open', { room, title: row.plain ? room : titleOf(row, room, this.words) })
    },

    onMenu(event) {
      const row = this.chat && this.rowFor(event)
      if (!row) return
      host.vibrate()
      const { chat, words } = this
      const { room } = row
      const title = row.plain ? room : titleOf(row, room, words)
      const set = (word, fields) => ({ label: words.get(word), run: () => this.attempt(chat.set(room, fields)) })
      if (row.plain) return this.openSheet(title, [{ label: words.get('leave'), run: () => this.leave(room) }])
      const clear = { label: words.get('clear'), warn: true, run: () => this.openSheet(words.get('clearSure'), [{ ...set('clear', { clear: true }), warn: true }]) }
      this.openSheet(title, [
        set(row.top ? 'untop' : 'top', { top: !row.top }),
        set(row.notify ? 'quietly' : 'loudly', { notify: !row.notify }),
        ...(row.hidden ? [] : [set('hide', { hide: true })]),
        clear,
      ])
    },

    openSheet(title, lines) {
      this.runs = lines.map(({ run }) => run)
      this.setData({ sheet: { title, reactions: [], lines: lines.map(({ label, warn }) => ({ label, warn: warn === true })), cancel: this.words.get('cancel') } })
    },

    onSheet({ detail: { part, at } }) {
      const run = this.runs && part && this.runs[at]
      this.runs = undefined
      this.setData({ sheet: null })
      if (run && this.chat) run()
    },

    leave(room) {
      this.chat.leave(room)
      this.triggerEvent('left', { room })
      this.drawLater()
    },

    async attempt(promise) {
      try {
        await promise
      } catch ({ code, message, uncertain }) {
        this.triggerEvent('error', { code, message: uncertain ? this.words.get('perhaps') : this.words.error(code) })
      }
    },

    // onLower draws more conversations, or loads more.
    async onLower() {
      const { chat } = this
      if (!chat || this.data.loading) return
      if (this.most < this.conversations().length) this.most += step
      else if (chat.list && !chat.list.complete && chat.state === 'online') {
        this.setData({ loading: true })
        await chat.list.more().catch(() => {}) // the next scrolling tries again
        this.setData({ loading: false })
        this.most += step
      }
      this.drawLater()
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
