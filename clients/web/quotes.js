import { html, nothing } from 'lit'
import { jump } from './jump.js'
import { openMenu } from './menu.js'
import { topIcon } from './more-icons.js'
import { previewOf } from './preview.js'
import { targetsOf } from './targets.js'

// lineOf returns what a quote says: nothing of a message that was taken back.
const lineOf = (target, words) => (target ? target.recalled ? words.get('recalled') : previewOf(target, words) : words.get(target === null ? 'gone' : 'loading'))

// drawQuoted draws a message that something is about: its author, or title, and one line.
export const drawQuoted = (target, words, title = target?.from && words.name(target.from)) =>
  html`<b dir="auto">${title}</b><span dir="auto">${lineOf(target, words)}</span>`

// drawQuote draws what a message answers.
export const drawQuote = ({ reply }, { words, on }) => html`<button class="quote" @click=${() => on.jump(reply)}>${drawQuoted(on.target(reply), words)}</button>`

// drawPins draws the newest message that is pinned, and the way to the others.
export function drawPins(element, state) {
  const { words } = element
  const { pins } = state.known
  const all = words.get('pins', { n: pins.length })
  return html`<div class="pins"><button class="quote" title=${words.get('pinned')} @click=${() => jump(element, state, pins.at(-1))}>${
    drawQuoted(targetsOf(state).get(pins.at(-1)), words)}</button>
    <button class="quiet" aria-haspopup="menu" aria-label=${all} title=${all} @click=${({ currentTarget }) => openPins(element, state, currentTarget)}>${topIcon}${
      pins.length > 1 ? pins.length : nothing}</button></div>`
}

async function openPins(element, state, button) {
  const { words } = element
  const targets = targetsOf(state)
  const items = []
  for (const seq of state.known.pins) {
    if (targets.get(seq) === undefined) await targets.load(seq)
    const target = targets.get(seq)
    items.unshift({ label: target ? words.get('says', { name: words.name(target.from), text: lineOf(target, words) }) : lineOf(target, words), run: () => jump(element, state, seq) })
  }
  openMenu(element.renderRoot.querySelector('.root'), button, items)
}
