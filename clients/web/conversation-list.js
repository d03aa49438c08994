import { html, LitElement, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { avatar } from './avatar.js'
import { openRowMenu } from './conversation-acts.js'
import { drawRow } from './conversation-row.js'
import { plusIcon } from './more-icons.js'
import { banner } from './views.js'

const near = 400 // pixels from the end: the next page is loaded
const longPress = 500 // milliseconds
const slip = 10 // pixels that a finger may move in a long press

// ConversationList is the list of conversations. It is drawn into the element itself, as
// Messages is. Its properties: element, the <caddy-chat>; version, another one when
// something has changed.
class ConversationList extends LitElement {
  static properties = { element: { attribute: false }, version: { attribute: false }, stop: { state: true } }

  createRenderRoot() {
    return this
  }

  // rows returns what is listed: the conversations, and behind them the open rooms that
  // are none.
  get rows() {
    const { chat, session } = this.element
    const others = [...session.rooms.values()].filter((state) => !state.about && !state.refusal && state.known?.epoch !== undefined)
    return [...chat.list.rows, ...others.map(plainRow)]
  }

  render() {
    const { element, rows } = this
    const { words, chat } = element
    const { user, list } = chat
    const stop = [this.stop, element.current].find((name) => rows.some(({ room }) => room === name)) ?? rows[0]?.room
    return html`<nav part="rooms" aria-label=${words.get('chats')}>
      <div class="head"><h2>${words.get('chats')}</h2>
        <button class="quiet new" aria-haspopup="menu" aria-label=${words.get('begin')} title=${words.get('begin')} @click=${(event) => element.talks.openNewMenu(element, event.currentTarget)}>${plusIcon}</button></div>
      ${banner(element)}
      ${rows.length || !list.complete ? html`<ul class="conversations" @scroll=${() => this.fill()} @keydown=${(event) => this.onKey(event)} @contextmenu=${(event) => this.onMenu(event)}
          @focusin=${(event) => this.focused(event)} @pointerdown=${(event) => this.onPress(event)} @click=${{ handleEvent: (event) => this.onClick(event), capture: true }}>
        ${repeat(rows, ({ room }) => room, (row) => drawRow(row, { element, stop: row.room === stop }))}
        ${list.complete ? nothing : html`<li class="top">${words.get('loading')}</li>`}</ul>`
        : html`<div class="top none"><p>${words.get('noChats')}</p><button class="button" @click=${() => element.talks.openNew(element, 'direct')}>${words.get('newChat')}</button>
          <button @click=${() => element.talks.openNew(element, 'group')}>${words.get('newGroup')}</button></div>`}
      ${element.listing ? html`<p class="note" role="status">${element.note?.text}</p>` : nothing}
      <button class="me" @click=${() => element.openSettings()} aria-label="${words.get('settings')}: ${words.name(user)}">
        ${avatar(user, () => element.requestUpdate())}<span dir="auto">${words.name(user)}</span></button></nav>`
  }

  get scroller() {
    return this.querySelector('ul')
  }

  // willUpdate notes which rows are in sight, so that none of them jumps, and the focus.
  willUpdate() {
    const { scroller } = this
    this.anchors = []
    if (!scroller) return
    const focus = this.getRootNode().activeElement
    this.focusedRow = scroller.contains(focus) ? focus.closest('li')?.dataset.room : undefined
    if (scroller.scrollTop < 1) return // what is new is shown
    const top = scroller.getBoundingClientRect().top
    for (const row of scroller.children) {
      const box = row.getBoundingClientRect()
      if (box.bottom > top && box.top < top + scroller.clientHeight && row.dataset.room) this.anchors.push({ row, top: box.top })
    }
  }

  updated() {
    this.restore()
    this.refocus()
    this.fill()
  }

  // restore leaves the rows where they were: most of them, since one that got a message
  // moves to the top.
  restore() {
    const moves = this.anchors.filter(({ row }) => row.isConnected).map(({ row, top }) => row.getBoundingClientRect().top - top)
    if (!moves.length) return
    const middle = [...moves].sort((a, b) => a - b)[moves.length >> 1]
    if (Math.abs(middle) >= 1) this.scroller.scrollTop += middle
  }

  // refocus gives the focus back to a row that was moved.
  refocus() {
    const { focusedRow, scroller } = this
    if (focusedRow === undefined || !scroller || scroller.contains(this.getRootNode().activeElement)) return
    this.rowOf(focusedRow)?.querySelector('.room').focus({ preventScroll: true })
  }

  rowOf(room) {
    return this.querySelector(`li[data-room="${CSS.escape(room)}"]`)
  }

  // fill loads the next page, when the end of the list comes near.
  fill() {
    const { scroller, element: { chat } } = this
    if (!scroller || chat.list.complete || chat.state !== 'online' || this.loading) return
    if (scroller.clientHeight && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight > near) return
    this.loading = true
    chat.list.more().catch(() => {}).then((count) => {
      this.loading = false
      if (count) this.requestUpdate() // asked again when the user scrolls, or the list changes
    })
  }

  focused(event) {
    this.stop = event.target.closest('li')?.dataset.room
  }

  // onKey moves the focus from row to row.
  onKey(event) {
    this.pressed = false
    const row = event.target.closest('li[data-room]')
    const rows = [...this.querySelectorAll('li[data-room]')]
    const to = { ArrowDown: rows.indexOf(row) + 1, ArrowUp: rows.indexOf(row) - 1, Home: 0, End: rows.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    rows[to]?.querySelector('.room').focus()
  }

  // onMenu is a right click, the key for menus, or a long press on Android, which onPress may
  // have seen first.
  onMenu(event) {
    const row = event.target.closest('li[data-room]')
    if (row && (this.pressed || this.openMenu(row))) event.preventDefault()
  }

  // onClick lets the click that ends a long press open nothing, however long it was.
  onClick(event) {
    if (this.pressed) {
      event.preventDefault()
      event.stopPropagation()
    }
    this.pressed = false
  }

  // onPress is the beginning of a long press, for browsers that make no menu of it.
  onPress(event) {
    const row = event.target.closest('li[data-room]')
    this.pressed = false
    if (event.pointerType !== 'touch' || !row) return
    const ended = new AbortController()
    const timer = setTimeout(() => {
      ended.abort()
      this.pressed = this.openMenu(row)
    }, longPress)
    const end = () => {
      clearTimeout(timer)
      ended.abort()
    }
    for (const type of ['pointerup', 'pointercancel', 'contextmenu']) addEventListener(type, end, { signal: ended.signal, capture: true })
    addEventListener('pointermove', (move) => Math.hypot(move.clientX - event.clientX, move.clientY - event.clientY) > slip && end(), { signal: ended.signal })
  }

  // openMenu opens the menu of a row, and reports whether it has one.
  openMenu(item) {
    const row = this.rows.find(({ room }) => room === item.dataset.room)
    if (row) openRowMenu(this.element, item.querySelector('.room'), row)
    return Boolean(row)
  }
}

// plainRow is a room without members, as a row.
function plainRow({ name, known, items }) {
  const entry = items.findLast(({ seq }) => seq)
  return { room: name, title: name, entry, at: entry?.at, unread: known.unread, notify: true, plain: true }
}

customElements.define('caddy-chat-conversations', ConversationList)
