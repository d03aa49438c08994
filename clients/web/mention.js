import { html } from 'lit'
import { avatar } from './avatar.js'
import { matches, peopleOf } from './known.js'

const shown = 20

// Mentions is the list of people that @ opens above a text field. A RoomState has called:
// the ids of those who were chosen for what is written, by what stands for them in the text.
export class Mentions {
  constructor(composer) {
    this.composer = composer
    this.found = []
  }

  // look finds what is written before the cursor, and whom it may mean.
  async look() {
    const { state, field, words } = this.composer
    const { value, selectionStart: end } = field
    const typed = /(?<![\w.@-])@([^\s@]{0,32})$/.exec(value.slice(0, end))?.[1]
    if (typed === undefined || state.editing) return this.close()
    this.people ??= peopleOf(state).catch(() => this.close()) // the next letter asks again
    const people = await this.people
    if (!this.people || state !== this.composer.state || value !== field.value) return
    const all = state.known?.moderate && !state.about?.with ? [{ id: '*', name: words.get('all') }] : []
    const others = people.filter(({ id }) => id !== state.chat.user?.id).sort(words.compare)
    this.found = [...others, ...all].filter((user) => matches(user, typed, words)).slice(0, shown)
    this.index = 0
    this.from = end - typed.length - 1
    this.end = end
    this.composer.requestUpdate()
  }

  close() {
    this.people = undefined
    this.found = []
    this.composer.requestUpdate()
  }

  // onKey reports whether a key was for the list.
  onKey({ key }) {
    const { found, index } = this
    if (!found.length) return false
    if (key === 'ArrowDown') this.index = (index + 1) % found.length
    else if (key === 'ArrowUp') this.index = (index + found.length - 1) % found.length
    else if (key === 'Enter' || key === 'Tab') this.choose(found[index])
    else if (key === 'Escape') this.close()
    else return false
    this.composer.requestUpdate()
    return true
  }

  choose(user) {
    const { state, field, words } = this.composer
    const text = `@${words.name(user)}`
    state.called = { ...state.called, [text]: user.id }
    field.focus({ preventScroll: true })
    field.setRangeText(`${text} `, this.from, this.end, 'end')
    this.close()
    this.composer.onInput()
  }

  draw() {
    const { found, index, composer: { words } } = this
    return html`<ul class="mentions" id="mentions" role="listbox" aria-label=${words.get('mention')} @mousedown=${(event) => event.preventDefault()}>${found.map((user, i) => html`
      <li role="option" id="mention${i}" aria-selected=${String(i === index)} @click=${() => this.choose(user)}>${user.id === '*' ? html`<span class="avatar all" data-initials="@"></span>` : avatar(user, () => {})}<span dir="auto">${words.name(user)}</span></li>`)}</ul>`
  }

  drawn() {
    this.composer.querySelector('[role=option][aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }
}
