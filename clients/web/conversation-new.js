import { html, LitElement, nothing } from 'lit'
import { avatar } from './avatar.js'
import { reason } from './attempt.js'
import { openDirect, openGroup } from './conversation-acts.js'
import { copyText } from './acts.js'
import { closeIcon } from './icons.js'
import { knownUsers, matches } from './known.js'

const shown = 50 // people that are offered

// NewConversation is the dialog that begins a conversation, adds people to one, or opens a
// room by its name. Its properties: element; kind: direct, group, add or room; add(users),
// for add, throws what the server refuses; except, a set of ids that are not offered.
class NewConversation extends LitElement {
  static properties = { element: { attribute: false }, kind: {}, chosen: { state: true }, text: { state: true }, note: { state: true }, busy: { state: true } }

  constructor() {
    super()
    this.chosen = []
    this.text = this.note = ''
  }

  createRenderRoot() {
    return this
  }

  get many() {
    return this.kind !== 'direct'
  }

  // offered are the people to choose from: those who are known, and the id that was typed.
  get offered() {
    const { element, except, chosen } = this
    const text = this.text.trim()
    const known = knownUsers(element).filter(({ id }) => !except?.has(id) && !chosen.some((user) => user.id === id))
    const found = known.filter((user) => matches(user, text, element.words)).slice(0, shown)
    const isId = text && !/\s/.test(text) && text !== element.chat.user.id && ![...known, ...chosen].some(({ id }) => id === text) && !except?.has(text)
    return isId ? [...found, { id: text }] : found
  }

  render() {
    const { element: { words }, kind, note, busy } = this
    const titles = { direct: 'newChat', group: 'newGroup', add: 'addPeople', room: 'openRoom' }
    return html`<dialog class="settings new-chat" aria-labelledby="new-chat" @close=${() => this.remove()} @keydown=${(event) => event.stopPropagation()}>
      <form method="dialog" @submit=${(event) => this.submit(event)}>
      <h2 id="new-chat">${words.get(titles[kind])}</h2>
      ${kind === 'room' ? html`<label>${words.get('newRoom')}<input name="room" required maxlength="64" autocomplete="off"></label>` : this.drawPeople()}
      <p class="why" role="status">${note}</p>
      <footer><button type="button" @click=${() => this.dialog.close()}>${words.get('cancel')}</button>
        ${kind === 'direct' ? nothing : html`<button type="submit" ?disabled=${busy || (kind === 'add' && !this.chosen.length)}>${words.get({ group: 'beginGroup', add: 'add', room: 'join' }[kind])}</button>`}</footer>
    </form></dialog>`
  }

  drawPeople() {
    const { element, kind, many, chosen, text, offered } = this
    const { words, chat } = element
    return html`
      ${kind === 'group' ? html`<label>${words.get('groupTitle')}<input name="title" maxlength="64" autocomplete="off" placeholder=${chosen.length ? this.defaultTitle : ''}></label>` : nothing}
      ${chosen.length ? html`<ul class="chosen" aria-label=${words.get('chosen')}>${chosen.map((user) => html`<li><button type="button" aria-label=${words.get('unchoose', { name: words.name(user) })}
        @click=${() => this.unchoose(user)}><span dir="auto">${words.name(user)}</span>${closeIcon}</button></li>`)}</ul>` : nothing}
      <label>${words.get('whom')}<input name="whom" autocomplete="off" autocapitalize="off" spellcheck="false" .value=${text} @input=${(event) => { this.text = event.target.value }} @keydown=${(event) => this.onEnter(event)}></label>
      <ul class="offered" aria-label=${words.get('people')}>${offered.map((user) => html`<li><button type="button" @click=${() => this.choose(user)}>
        ${avatar(user, () => this.requestUpdate())}<span dir="auto">${words.name(user)}</span>${user.name && user.name !== user.id ? html`<small>${user.id}</small>` : nothing}</button></li>`)}
        ${offered.length ? nothing : html`<li class="none">${text ? words.get('nobodyFound') : words.get('nobodyKnown')}</li>`}</ul>
      ${many ? nothing : html`<p class="mine">${words.get('yourId')} <code>${chat.user.id}</code>
        <button type="button" class="link" @click=${() => this.copyLink()}>${words.get('copyLink')}</button></p>`}`
  }

  get dialog() {
    return this.querySelector('dialog')
  }

  firstUpdated() {
    this.dialog.showModal()
    this.dialog.querySelector('input[name=whom], input')?.focus()
  }

  // defaultTitle is what a group is called whose founder says nothing.
  get defaultTitle() {
    const { words } = this.element
    const names = [this.element.chat.user, ...this.chosen].slice(0, 4).map((user) => words.name(user))
    return [...words.list(names, 'narrow')].slice(0, 64).join('')
  }

  // onEnter chooses the first of those who are offered.
  onEnter(event) {
    const { text, offered } = this
    if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229 || !text.trim()) return
    event.preventDefault()
    const exact = offered.find((user) => [user.id, user.name].includes(text.trim())) ?? offered[0]
    if (exact) this.choose(exact)
  }

  choose(user) {
    this.note = ''
    if (!this.many) return this.attempt(() => openDirect(this.element, user), [user])
    this.chosen = [...this.chosen, user]
    this.text = ''
    this.querySelector('input[name=whom]').focus()
  }

  unchoose(user) {
    this.chosen = this.chosen.filter(({ id }) => id !== user.id)
    this.querySelector('input[name=whom]').focus()
  }

  submit(event) {
    event.preventDefault()
    const { element, kind, chosen } = this
    const { title, room } = event.target.elements
    if (kind === 'group') return this.attempt(() => openGroup(element, title.value.trim() || this.defaultTitle, chosen), chosen)
    if (kind === 'add') return this.attempt(() => this.add(chosen), chosen)
    if (kind === 'room' && room.value.trim()) this.attempt(() => element.open(room.value.trim().normalize()))
  }

  // attempt closes the dialog if act succeeds, and otherwise says why it did not.
  async attempt(act, users) {
    if (this.busy) return
    this.busy = true
    try {
      await act()
      this.dialog.close()
    } catch (err) {
      this.note = reason(this.element, err, users)
    }
    this.busy = false
  }

  // copyLink copies the address at which others begin a conversation with the user.
  async copyLink() {
    const { element } = this
    const { id } = element.chat.user
    const link = element.mode === 'page' ? `${location.origin}${location.pathname}#with=${encodeURIComponent(id)}` : id
    if (await copyText(this, link)) this.note = element.words.get('copied')
  }
}

customElements.define('caddy-chat-new', NewConversation)
