import { html, LitElement, nothing } from 'lit'
import { avatar } from './avatar.js'
import { attempt } from './attempt.js'
import { idsOf, openDirect, setInfo, setRole, setRow, sure } from './conversation-acts.js'
import { closeIcon } from './icons.js'
import { moreIcon, plusIcon } from './more-icons.js'
import { openMenu } from './menu.js'
import { faceOf, pictureOf, titleOf } from './text.js'

const page = 100 // members of one answer
const most = 1000 // members that are loaded

// ConversationPanel shows what a conversation is called and who belongs to it, and lets
// change that who may. Its properties: element; state, a RoomState; version, another one
// when something has changed; close().
class ConversationPanel extends LitElement {
  static properties = {
    element: { attribute: false }, state: { attribute: false }, version: { attribute: false }, users: { state: true }, more: { state: true }, editing: { state: true }, note: { state: true },
  }

  createRenderRoot() {
    return this
  }

  get known() {
    return this.state.known ?? {}
  }

  get role() {
    return this.state.about?.role
  }

  willUpdate(changed) {
    if (changed.has('state')) Object.assign(this, { users: [], more: 0, editing: false, note: '' })
    // Entries about members are the only ones that change them.
    const { size, role, membersAt } = { ...this.state.about, membersAt: this.state.governed }
    const now = `${this.state.name} ${size} ${role} ${membersAt}`
    if (now !== this.loadedAs) {
      this.loadedAs = now
      this.load()
    }
  }

  // load asks who belongs to the conversation.
  async load() {
    const { state } = this
    const found = []
    try {
      for (let after; ;) {
        const { users, size, more } = await state.chat.members(state.name, { after, limit: page })
        if (state !== this.state) return
        found.push(...users)
        this.more = Math.max(0, size - found.length)
        if (!more || found.length >= most) break
        after = users.at(-1).user.id
      }
      const order = ['owner', 'admin', 'member']
      this.users = found.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || this.element.words.compare(a.user, b.user))
    } catch {
      this.loadedAs = undefined // with the next change
    }
  }

  render() {
    const { element, state, users, more, note, known } = this
    const { words } = element
    const { about } = state
    const direct = about?.with
    return html`<aside part="people" aria-label=${words.get(direct ? 'aboutChat' : 'aboutGroup')} @keydown=${(event) => this.onKey(event)}>
      <header><h2>${words.get(direct ? 'aboutChat' : 'aboutGroup')}</h2><button class="quiet" aria-label=${words.get('close')} @click=${() => this.close()}>${closeIcon}</button></header>
      <div class="about">${this.editing ? this.drawForm() : html`
        ${avatar(faceOf(about, state.name, words), () => this.requestUpdate())}
        <strong dir="auto">${titleOf(about, state.name, words)}</strong>
        ${direct ? html`<small>${direct.id}</small>` : nothing}
        ${known.closed ? html`<p class="closed-sign">${words.get('closedGroup')}</p>` : nothing}
        ${known.about ? html`<p class="text" dir="auto">${known.about}</p>` : nothing}
        ${known.moderate && !direct ? html`<button @click=${() => this.beginEditing()}>${words.get('edit')}</button>` : nothing}`}
        <p class="why" role="status">${note}</p></div>
      ${direct ? nothing : html`<div class="head"><h3>${words.get('memberCount', { n: about?.size ?? users.length })}</h3>
        ${known.closed ? nothing : html`<button class="quiet" aria-label=${words.get('addPeople')} title=${words.get('addPeople')} @click=${() => this.addPeople()}>${plusIcon}</button>`}</div>
        <ul>${users.map((member) => this.drawMember(member))}</ul>
        ${more ? html`<p>${words.get('morePeople', { n: more })}</p>` : nothing}`}
      ${this.drawFooter(direct)}</aside>`
  }

  drawMember({ user, role }) {
    const { words, chat } = this.element
    const mine = user.id === chat.user?.id
    return html`<li>${avatar(user, () => this.requestUpdate())}
      <span class="person" dir="auto">${words.name(user)}${mine ? html` <small>(${words.get('you')})</small>` : nothing}</span>
      ${role === 'member' ? nothing : html`<small class="role">${words.get(role)}</small>`}
      ${mine ? nothing : html`<button class="quiet" aria-haspopup="menu" aria-label="${words.get('more')}: ${words.name(user)}" @click=${(event) => this.openMenu(event.currentTarget, user, role)}>${moreIcon}</button>`}</li>`
  }

  drawForm() {
    const { words } = this.element
    const { title, avatar: picture, about } = this.known
    return html`<form @submit=${(event) => this.submit(event)}>
      <label>${words.get('groupTitle')}<input name="title" maxlength="64" autocomplete="off" .value=${title ?? ''}></label>
      <label>${words.get('picture')}<input name="avatar" type="url" maxlength="512" placeholder="https://" .value=${picture ?? ''}></label>
      <label>${words.get('groupAbout')}<textarea name="about" rows="3" maxlength="500" .value=${about ?? ''}></textarea></label>
      <footer><button type="button" @click=${() => this.endEditing()}>${words.get('cancel')}</button><button type="submit">${words.get('save')}</button></footer></form>`
  }

  drawFooter(direct) {
    const { element, state, role, known } = this
    const { words } = element
    const row = element.chat.list.get(state.name)
    const check = (word, checked, set) => html`<label class="check"><input type="checkbox" .checked=${checked} @change=${async ({ target }) => {
      if (!await set(target.checked)) target.checked = checked
    }}>${words.get(word)}</label>`
    return html`<footer class="of-panel">
      ${row ? html`${check('quietly', !row.notify, (quiet) => setRow(element, state.name, { notify: !quiet }))}${check('top', row.top, (top) => setRow(element, state.name, { top }))}` : nothing}
      ${row && direct ? check('block', row.block, (block) => setRow(element, state.name, { block })) : nothing}
      ${role === 'owner' && !direct ? check('closed', Boolean(known.closed), (closed) => setInfo(element, state.name, { closed })) : nothing}
      ${direct || !role ? nothing : html`<button class="leave-all" @click=${(event) => this.leave(event.currentTarget)}>${words.get('leaveGroup')}</button>`}</footer>`
  }

  get root() {
    return this.element.renderRoot.querySelector('.root')
  }

  openMenu(button, user, role) {
    const { element, state, known } = this
    const { words } = element
    const owner = this.role === 'owner'
    const name = words.name(user)
    const to = (word, next) => ({ label: words.get(word), run: () => this.setRole([user], next) })
    const items = [{ label: words.get('chatWith', { name }), run: () => attempt(element, openDirect(element, user)) }]
    if (owner) items.push(role === 'admin' ? to('noAdmin', 'member') : to('makeAdmin', 'admin'))
    if (owner) items.push(sure(words, 'handOver', () => this.setRole([user], 'owner')))
    if (owner || (known.moderate && role === 'member')) items.push(to('removeMember', 'none'))
    openMenu(this.root, button, items)
  }

  setRole(users, role) {
    return setRole(this.element, this.state.name, users, role)
  }

  async leave(button) {
    const { element, state } = this
    openMenu(this.root, button, sure(element.words, 'leaveGroup', async () => {
      if (await this.setRole([element.chat.user], 'none')) element.leave(state.name)
    }).items)
  }

  addPeople() {
    const { element, state, users } = this
    element.talks.openNew(element, 'add', {
      except: new Set(users.map(({ user }) => user.id)),
      add: (added) => element.chat.member(state.name, idsOf(added), 'member'),
    })
  }

  async submit(event) {
    event.preventDefault()
    const { element, state } = this
    const { title, avatar: picture, about } = event.target.elements
    const fields = { title: title.value.trim(), avatar: pictureOf({ avatar: picture.value.trim() }) ?? '', about: about.value.trim() }
    if (await setInfo(element, state.name, fields)) this.endEditing()
  }

  async beginEditing() {
    this.editing = true
    await this.updateComplete
    this.querySelector('.about input').focus({ preventScroll: true })
  }

  async endEditing() {
    this.editing = false
    await this.updateComplete
    this.querySelector('.about button')?.focus({ preventScroll: true })
  }

  onKey(event) {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    if (this.editing) this.endEditing()
    else this.close()
  }

  firstUpdated() {
    this.querySelector('button').focus({ preventScroll: true })
  }
}

customElements.define('caddy-chat-conversation', ConversationPanel)
