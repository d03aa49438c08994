import { html, LitElement, nothing } from 'lit'
import { alerts } from './alerts.js'
import { pictureOf } from './text.js'

// Settings is the dialog for the user's name, picture, notifications and sound. Its
// properties: words; user; mayRename; save(name, avatar); signOut(), or undefined where the
// server knows the user by itself; close().
export class Settings extends LitElement {
  static properties = { words: { attribute: false }, user: { attribute: false }, note: { state: true } }

  createRenderRoot() {
    return this
  }

  render() {
    const { words, user, mayRename } = this
    return html`<dialog class="settings" aria-labelledby="settings" @close=${() => this.close()} @keydown=${(event) => event.stopPropagation()}><form method="dialog" @submit=${(event) => this.submit(event)}>
      <h2 id="settings">${words.get('settings')}</h2>
      ${mayRename ? html`
        <label>${words.get('name')}<input name="name" required maxlength="64" autocomplete="nickname" .value=${user?.name ?? ''}></label>
        <label>${words.get('picture')}<input name="avatar" type="url" maxlength="512" placeholder="https://" .value=${user?.avatar ?? ''}></label>` : nothing}
      <label class="check"><input type="checkbox" .checked=${alerts.notifies} @change=${(event) => this.notify(event.target)}>${words.get('notifications')}</label>
      <label class="check"><input type="checkbox" .checked=${alerts.sounds} @change=${(event) => alerts.sound(event.target.checked)}>${words.get('sound')}</label>
      <p role="status">${this.note}</p>
      <footer>${this.signOut ? html`<button type="button" class="leave-all" @click=${() => this.leave()}>${words.get('signOut')}</button>` : nothing}
        <button type="button" @click=${() => this.dialog.close()}>${words.get('close')}</button>
        ${mayRename ? html`<button type="submit">${words.get('save')}</button>` : nothing}</footer>
    </form></dialog>`
  }

  get dialog() {
    return this.querySelector('dialog')
  }

  firstUpdated() {
    this.dialog.showModal()
  }

  async notify(box) {
    box.checked = await alerts.notify(box.checked)
    this.note = box.checked || !('Notification' in window) || Notification.permission !== 'denied' ? '' : this.words.get('notificationsDenied')
  }

  leave() {
    this.dialog.close()
    this.signOut()
  }

  submit(event) {
    event.preventDefault()
    const { name, avatar } = event.target.elements
    const text = name?.value.trim()
    if (!text) return this.dialog.close()
    this.save(text, pictureOf({ avatar: avatar.value.trim() }) ?? '')
    this.dialog.close()
  }
}
