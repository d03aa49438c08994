import { html, nothing } from 'lit'
import { untilMidnight } from './dates.js'
import { downIcon } from './icons.js'
import { atIcon, moreIcon, takeBackIcon, topIcon } from './more-icons.js'
import { Reading } from './reading.js'

// What the list of messages gets when the first ones are drawn: the buttons, the keys, and
// somebody who follows what is in sight. view and messages: see drawItem and Messages.

export function drawActs(item, { words, mayRecall, tabStop, on }) {
  return html`<div class="acts">
    ${mayRecall(item) && item.own ? html`<button class="recall" tabindex="-1" aria-label=${words.get('recall')} title=${words.get('recall')}
      @click=${() => on.recall(item)}>${takeBackIcon}</button>` : nothing}
    <button class="more" tabindex=${item.id === tabStop ? 0 : -1} aria-haspopup="menu" aria-label=${words.get('more')} title=${words.get('more')}
      @click=${(event) => on.menu(event, item)}>${moreIcon}</button></div>`
}

export function drawFailed({ code, key }, { words, on }) {
  return html`<span class="state">${words.get('notSent', { why: words.error(code) })}</span>
    <button class="link" @click=${() => on.retry(key)}>${words.get('retry')}</button>
    <button class="link" @click=${() => on.discard(key)}>${words.get('discard')}</button>`
}

// drawSigns draws what a message has of its own: that it mentions the user, or is pinned.
export function drawSigns({ mentions, seq }, { words, me, pins }) {
  const sign = (icon, word) => html`<i role="img" aria-label=${words.get(word)} title=${words.get(word)}>${icon}</i>`
  return html`${mentions?.some((id) => id === me || id === '*') ? sign(atIcon, 'mentioned') : nothing}${pins?.includes(seq) ? sign(topIcon, 'pinned') : nothing}`
}

// drawTaken offers the text of one's own message that was taken back.
export function drawTaken(item, { words, on }) {
  return on.textOfTaken(item) ? html` <button class="link" @click=${() => on.sayAgain(item)}>${words.get('sayAgain')}</button>` : nothing
}

// drawNewest draws the button to the newest message. It vanishes when it is pressed: the
// focus goes to the list.
export function drawNewest(messages) {
  const { state, scroller, view: { words } } = messages
  const below = state.below()
  const leave = () => {
    scroller.focus({ preventScroll: true })
    messages.toEnd()
  }
  return html`<button class="newest" @click=${leave} aria-label="${below ? `${words.get('newMessages', { n: below })}. ` : ''}${words.get('toEnd')}">${
    downIcon}${below ? html`<b>${below}</b>` : nothing}</button>`
}

// tend is called after each drawing.
export function tend(messages) {
  messages.reading ??= new Reading((seq) => messages.saw(seq))
  messages.reading.follow(messages.list.querySelectorAll('li[data-seq] footer'))
  redrawAtNextChange(messages)
}

// redrawAtNextChange draws again when a day begins, or when a message can no longer be
// taken back. It counts from when it was drawn: a button that was drawn in the last
// millisecond of its time would stay otherwise.
function redrawAtNextChange(messages) {
  const { chat, window, items } = messages.state
  const now = messages.drawnAt
  let wait = untilMidnight(now)
  for (const item of items.slice(window.from, window.to)) {
    const left = item.own && chat.limits ? item.at + chat.limits.recall - now : 0
    if (left > 0) wait = Math.min(wait, left)
  }
  messages.redrawTimer.set(wait, () => messages.requestUpdate())
}

// moveStop moves the focus from message to message.
export function moveStop(messages, event) {
  const row = event.target.closest('li[data-id]')
  if (!row || !['ArrowUp', 'ArrowDown'].includes(event.key)) return
  event.preventDefault()
  const stops = [...messages.list.querySelectorAll('.more')]
  const next = stops[stops.indexOf(row.querySelector('.more')) + (event.key === 'ArrowUp' ? -1 : 1)]
  if (!next) return
  messages.tabStop = next.closest('li').dataset.id
  next.focus()
  messages.requestUpdate()
}
