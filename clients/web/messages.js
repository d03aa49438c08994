import { html, LitElement, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { Timer } from '../core/timer.js'
import { sameDay } from './dates.js'
import { drawItem } from './item.js'
import { mayHaveLinks, titleOf } from './text.js'

const edge = 40 // pixels: less than that from the end counts as being there
const near = 600 // pixels from the end of what is drawn: more is drawn
const maxUnread = 1000 // messages that are loaded in search of the first unread one

// Messages is the list of one room's messages. It is drawn into the element itself, so
// that one style sheet holds for all of <caddy-chat>. Its properties: state, a RoomState;
// view, see drawItem; saw(seq), called with the newest message in sight.
class Messages extends LitElement {
  static properties = { state: { attribute: false }, view: { attribute: false } }

  createRenderRoot() {
    return this
  }

  connectedCallback() {
    super.connectedCallback()
    this.sizes = new ResizeObserver(() => this.resized())
    this.redrawTimer = new Timer(this.state.chat.clock)
    this.onShown = () => this.shown()
    document.addEventListener('visibilitychange', this.onShown)
    if (this.scroller) this.watch()
  }

  disconnectedCallback() {
    super.disconnectedCallback()
    this.reading?.close()
    this.reading = undefined
    this.sizes.disconnect()
    this.redrawTimer.clear()
    document.removeEventListener('visibilitychange', this.onShown)
  }

  watch() {
    this.sizes.observe(this.scroller)
    this.sizes.observe(this.list)
  }

  firstUpdated() {
    this.scroller = this.querySelector('.scroller')
    this.list = this.querySelector('ol')
    this.watch()
  }

  willUpdate(changed) {
    if (changed.has('state')) this.anchor = undefined
    else if (this.scroller) this.keepAnchor()
  }

  render() {
    const { state, view } = this
    const { words } = view
    const { items, window: { from, to } } = state
    const shown = items.slice(from, to)
    const divider = state.firstUnread()
    const now = this.drawnAt = state.chat.now()
    const stop = shown.some(({ id }) => id === this.tabStop) ? this.tabStop : shown.at(-1)?.id
    const drawing = { ...view, tabStop: stop, parts: (text) => this.parts(text) }
    const rows = []
    shown.forEach((item, i) => {
      const before = items[from + i - 1]
      const newDay = !before || !sameDay(before.at, item.at)
      const divided = from + i === divider
      if (newDay) rows.push({ id: `day ${item.id}`, day: item.at })
      if (divided) rows.push({ id: 'divider' })
      rows.push({ id: item.id, item, before: newDay || divided ? undefined : before })
    })
    const draw = (row) => {
      if (row.item) return drawItem(row.item, row.before, drawing)
      if (row.day === undefined) return html`<li class="divider" data-unread><span>${words.get('unread')}</span></li>`
      return html`<li class="day"><span>${view.dates.day(row.day, now, words)}</span></li>`
    }
    return html`<div class="log">
      <div class="scroller" part="messages" role="log" aria-live="off" tabindex="0" aria-label=${words.get('messages', { room: titleOf(state.about, state.name, words) })}
        @scroll=${() => this.scrolled()} @keydown=${(event) => view.late?.moveStop(this, event)}>
        ${this.drawTop(shown)}
        <ol>${repeat(rows, ({ id }) => id, draw)}</ol>
      </div>
      ${state.window.follows ? nothing : view.late?.drawNewest(this)}
    </div>`
  }

  drawTop(shown) {
    const { state, view: { words } } = this
    if (state.loading) return html`<p class="top">${words.get('loading')}</p>`
    if (state.window.from > 0 || state.timeline.more || !state.known?.live) return nothing
    if (!shown.length) return html`<div class="top empty"><slot name="empty">${words.get('empty')}</slot></div>`
    return state.about?.with ? nothing : html`<p class="top">${words.get('beginning', { room: titleOf(state.about, state.name, words) })}</p>`
  }

  // parts finds the links in a text. What finds them is loaded when it is first needed;
  // until then links are text.
  parts(text) {
    if (!mayHaveLinks(text)) return [text]
    if (this.links) return this.links.parts(text)
    this.loadingLinks ??= import('./linkify.js').then((links) => {
      this.links = links
      this.requestUpdate()
    }, () => {})
    return [text]
  }

  updated() {
    const { state } = this
    if (!state.placed) this.place()
    else if (state.window.follows) this.scrollToEnd()
    else if (this.goal) this.reachGoal()
    else this.restoreAnchor()
    this.view.late?.tend(this)
    this.fill()
  }

  // place scrolls to where reading begins: to the first unread message, or to the newest.
  async place() {
    const { state } = this
    const { known, window } = state
    this.scrollToEnd()
    if (!known?.live) return
    state.placed = true
    state.seen = Math.max(state.seen, known.read)
    if (known.unread > 0 && (known.read > 0 || state.visited)) {
      state.divideAfter = known.read
      while (!(state.items[0]?.seq <= known.read) && state.items.length < maxUnread && await state.older(100)) ;
    } else if (!state.items.length) {
      await state.older()
    }
    state.visited = true
    if (this.state !== state || !this.isConnected) return
    const first = state.firstUnread()
    if (first >= 0) window.around(first, state.items.length)
    else window.begin(state.items.length)
    this.anchor = undefined
    this.requestUpdate()
    await this.updateComplete
    if (first >= 0 && this.state === state) this.toDivider()
  }

  // toDivider scrolls to the first unread message, or to the end if that fits as well.
  toDivider() {
    const divider = this.list.querySelector('.divider')
    if (divider) this.bring(divider)
  }

  // reachGoal scrolls to the message with the seq goal, before fill looks where the list is.
  reachGoal() {
    const row = this.list.querySelector(`[data-seq="${this.goal}"]`)
    this.goal = undefined
    if (row) this.bring(row)
  }

  // bring scrolls until a row is in sight, near the top.
  bring(row) {
    const { scroller, state } = this
    scroller.scrollTop += row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - scroller.clientHeight / 5
    state.window.follows = this.atEnd && state.window.to === state.items.length
    this.lastTop = scroller.scrollTop
    this.takeAnchor()
    this.requestUpdate()
  }

  // shown is called when the tab comes into sight. What came in the meantime and does not
  // fit begins at a divider.
  shown() {
    const { state } = this
    const { known, items, window } = state
    if (document.visibilityState !== 'visible' || !known?.unread || !state.placed) return
    if (state.divideAfter === undefined || state.divideAfter < known.read) state.divideAfter = known.read
    if (!window.follows || state.firstUnread() < 0) return
    const first = this.list.querySelector(`li[data-id="${CSS.escape(items[state.firstUnread()].id)}"]`)
    if (first && first.offsetTop > this.scroller.scrollTop) return this.requestUpdate()
    window.around(state.firstUnread(), items.length)
    this.requestUpdate()
    this.updateComplete.then(() => this.toDivider())
  }

  get atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller
    return scrollHeight - scrollTop - clientHeight < edge
  }

  scrollToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight
    this.lastTop = this.scroller.scrollTop
  }

  toEnd() {
    const { state } = this
    state.window.begin(state.items.length)
    state.trim()
    this.requestUpdate()
  }

  // scrolled hears of every scrolling, also of our own. Only one that goes up leaves the
  // end: what grows or shrinks must not.
  scrolled() {
    const { scroller, state } = this
    const { window, items } = state
    const { scrollTop } = scroller
    const up = scrollTop < this.lastTop - 1
    this.lastTop = scrollTop
    if (up) state.stuck = false
    const follows = this.atEnd ? window.to === items.length : window.follows && !up
    if (follows !== window.follows) {
      window.follows = follows
      if (follows) state.trim()
      this.requestUpdate()
    }
    this.takeAnchor()
    this.fill()
  }

  resized() {
    if (this.state.window.follows) this.scrollToEnd()
    else this.restoreAnchor()
    this.fill()
  }

  // fill draws more, or loads history, where the list comes near its end.
  fill() {
    const { scroller, state } = this
    if (!state.placed || !scroller.clientHeight) return
    const { scrollTop, scrollHeight, clientHeight } = scroller
    if (scrollTop < near && !(state.window.follows && scrollHeight > clientHeight + near)) {
      if (state.window.earlier(state.items.length)) return this.requestUpdate()
      if (!state.loading && !state.stuck) state.older() // it changes the state when it is there
    }
    if (!state.window.follows && scrollHeight - scrollTop - clientHeight < near && state.window.later(state.items.length)) this.requestUpdate()
  }

  // The anchor is a message in sight: it stays where it is while the list changes.
  takeAnchor() {
    const top = this.scroller.getBoundingClientRect().top
    const rows = this.list.children
    let low = 0
    let high = rows.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle
      else low = middle + 1
    }
    while (rows[low] && !rows[low].dataset.id) low++
    this.anchor = rows[low] && { row: rows[low], id: rows[low].dataset.id, top: rows[low].getBoundingClientRect().top - top }
  }

  keepAnchor() {
    if (!this.state.window.follows || !this.anchor) this.takeAnchor()
  }

  restoreAnchor() {
    const { anchor, scroller } = this
    if (!anchor) return
    const row = anchor.row.dataset.id === anchor.id && anchor.row.isConnected ? anchor.row
      : this.list.querySelector(`[data-id="${CSS.escape(anchor.id)}"]`)
    if (!row) return
    const moved = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - anchor.top
    if (Math.abs(moved) < 1) return
    scroller.scrollTop += moved
    this.lastTop = scroller.scrollTop
  }
}

customElements.define('caddy-chat-messages', Messages)
