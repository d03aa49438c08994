import { html, LitElement, nothing } from 'lit'
import { closeIcon } from './icons.js'
import { Mentions } from './mention.js'
import { emojiIcon, sendIcon } from './more-icons.js'
import { drawQuoted } from './quotes.js'

// onTouch reports whether the keyboard is on the screen: it has no Shift+Enter, so Enter
// begins a line there.
const onTouch = () => matchMedia('(pointer: coarse)').matches && !matchMedia('(any-hover: hover)').matches

// Composer is the text field of one room. Its properties: state, a RoomState, which keeps
// the text while another room is shown; label, what the field is for; words; draft, what is answered or edited, if anything:
// title and target; said(text), typed(), tell(text), editNewest() and stopDraft().
export class Composer extends LitElement {
  static properties = { state: { attribute: false }, label: {}, words: { attribute: false }, draft: { attribute: false }, pickerOpen: { state: true } }

  createRenderRoot() {
    return this
  }

  constructor() {
    super()
    this.mentions = new Mentions(this)
  }

  get field() {
    return this.querySelector('textarea')
  }

  willUpdate(changed) {
    if (!changed.has('state')) return
    this.pickerOpen = false
    this.mentions.close()
  }

  render() {
    const { state, label, words, draft, mentions } = this
    const listing = mentions.found.length > 0
    return html`<form part="composer" @submit=${(event) => this.submit(event)} @keydown=${(event) => event.key === 'Escape' && this.escape(event)}>
      ${draft ? html`<div class="draft"><p>${drawQuoted(draft.target, words, draft.title)}</p>
        <button type="button" class="quiet" aria-label=${words.get('cancel')} title=${words.get('cancel')} @click=${() => this.stopDraft()}>${closeIcon}</button></div>` : nothing}
      ${listing ? mentions.draw() : nothing}
      ${this.pickerOpen ? html`<div class="picker">${this.picker}</div>` : nothing}
      <button type="button" class="quiet" aria-label=${words.get('emoji')} title=${words.get('emoji')} aria-expanded=${String(Boolean(this.pickerOpen))}
        @click=${() => this.togglePicker()}>${emojiIcon}</button>
      <textarea rows="1" aria-label=${label} placeholder=${label} enterkeyhint=${onTouch() ? 'enter' : 'send'}
        aria-autocomplete="list" aria-controls=${listing ? 'mentions' : nothing} aria-activedescendant=${listing ? `mention${mentions.index}` : nothing} .value=${state.draft}
        @keydown=${(event) => this.onKey(event)} @input=${() => this.onInput()} @click=${() => mentions.look()} @blur=${() => mentions.close()}></textarea>
      <button type="submit" class="send" aria-label=${words.get('send')} title=${words.get('send')}>${sendIcon}</button>
    </form>`
  }

  updated() {
    this.fit()
    this.mentions.drawn()
  }

  onKey(event) {
    // In Safari the Enter that picks a candidate comes after the composition; its keyCode tells.
    if (event.isComposing || event.keyCode === 229) return
    if (this.mentions.onKey(event)) {
      event.preventDefault()
      event.stopPropagation()
    } else if (event.key === 'ArrowUp' && !this.state.draft) {
      if (this.editNewest()) event.preventDefault()
    } else if (event.key === 'Enter' && !event.shiftKey && !onTouch()) {
      this.submit(event)
    }
  }

  onInput() {
    this.state.draft = this.field.value
    this.fit()
    this.mentions.look()
    if (this.state.draft) this.typed()
  }

  // fit makes the field as high as its text; the style sheet sets the most.
  fit() {
    const { field } = this
    field.style.height = 'auto'
    field.style.height = `${field.scrollHeight + 2}px`
  }

  submit(event) {
    event.preventDefault()
    const text = this.state.draft.trim()
    if (!text || !this.said(text)) return
    this.pickerOpen = false
    this.setText('')
  }

  setText(text) {
    this.state.draft = this.field.value = text
    this.fit()
    this.requestUpdate()
  }

  insert(text) {
    const { field } = this
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end')
    this.onInput()
  }

  async togglePicker() {
    if (!this.pickerOpen) {
      try {
        const { makePicker } = await import('./emoji.js')
        this.picker ??= makePicker(this.words.language, (emoji) => this.insert(emoji))
      } catch {
        return this.tell(this.words.get('partMissing'))
      }
    }
    this.pickerOpen = !this.pickerOpen
  }

  escape(event) {
    if (!this.pickerOpen && !this.draft) return
    event.stopPropagation()
    if (!this.pickerOpen) return this.stopDraft()
    this.pickerOpen = false
    this.field.focus()
  }
}
