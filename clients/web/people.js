import { html, LitElement, nothing } from 'lit'
import { avatar } from './avatar.js'
import { closeIcon } from './icons.js'
import { moreIcon } from './more-icons.js'

// People lists who is present in a room. Its properties: state, a RoomState; peopleChanged,
// another value when somebody has come or gone; words; close(); menu(event, user), or
// undefined for those who are no moderators.
export class People extends LitElement {
  static properties = {
    state: { attribute: false }, peopleChanged: { attribute: false }, words: { attribute: false }, menu: { attribute: false }, users: { state: true },
  }

  createRenderRoot() {
    return this
  }

  willUpdate(changed) {
    if (changed.has('state')) this.users = []
    if (changed.has('state') || changed.has('peopleChanged')) this.load()
  }

  async load() {
    const { state } = this
    try {
      const { users } = await state.chat.who(state.name)
      if (state !== this.state || !Array.isArray(users)) return
      this.users = users.sort(this.words.compare)
    } catch {
      // Loaded again when somebody comes or goes, or the room is live again.
    }
  }

  render() {
    const { state, words, users } = this
    const me = state.chat.user?.id
    const more = (state.known?.members ?? 0) - users.length
    return html`<aside part="people" aria-label=${words.get('people')} @keydown=${(event) => this.onKey(event)}>
      <header><h2>${words.get('people')}</h2><button class="quiet" aria-label=${words.get('close')} @click=${() => this.close()}>${closeIcon}</button></header>
      <ul>${users.map((user) => html`<li>${avatar(user, () => this.requestUpdate())}
        <span class="person" dir="auto">${words.name(user)}${user.id === me ? html` <small>(${words.get('you')})</small>` : user.guest && user.name ? html` <small>(${words.get('guest')})</small>` : nothing}</span>
        ${this.menu && user.id !== me ? html`<button class="quiet" aria-haspopup="menu" aria-label="${words.get('more')}: ${words.name(user)}"
          @click=${(event) => this.menu(event, user)}>${moreIcon}</button>` : nothing}</li>`)}</ul>
      ${more > 0 && users.length ? html`<p>${words.get('morePeople', { n: more })}</p>` : nothing}</aside>`
  }

  onKey(event) {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    this.close()
  }

  firstUpdated() {
    this.querySelector('button').focus({ preventScroll: true })
  }
}
