// What is not needed to draw messages, in one part.
export { buttonsFor, openMessageMenu, openSettings, openUserMenu } from './acts.js'
export { alert } from './alerts.js'
import { Composer } from './composer.js'
export { drawField, drawRefusal, typingText } from './foot.js'
export { drawActs, drawFailed, drawNewest, drawSigns, drawTaken, moveStop, tend } from './message-buttons.js'
import text from './more.css'
import { People } from './people.js'
export { drawPins, drawQuote } from './quotes.js'
export { drawChips } from './reactions.js'
export { saw } from './reading.js'
import { Settings } from './settings.js'
export { countUnread } from './unread.js'

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
