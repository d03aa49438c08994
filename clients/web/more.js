// What is not needed to draw messages, in one part.
export { openMessageMenu, openSettings, openUserMenu, recall } from './acts.js'
export { alerts } from './alerts.js'
import { Composer } from './composer.js'
import text from './more.css'
import { People } from './people.js'
import { Settings } from './settings.js'

const sheet = new CSSStyleSheet()
sheet.replaceSync(text)

// begin adds the style of all this to a <caddy-chat>, once. The elements begin with it: when
// the texts that they show are there.
export function begin({ adoptedStyleSheets: sheets }) {
  if (!sheets.includes(sheet)) sheets.push(sheet)
  if (customElements.get('caddy-chat-composer')) return
  customElements.define('caddy-chat-composer', Composer)
  customElements.define('caddy-chat-people', People)
  customElements.define('caddy-chat-settings', Settings)
}
