// What is not needed to draw messages, in one part.
export { openMessageMenu, openSettings, openUserMenu, recall } from './acts.js'
export { alerts } from './alerts.js'
import './composer.js'
import './people.js'
import './settings.js'
import text from './more.css'

const sheet = new CSSStyleSheet()
sheet.replaceSync(text)

// addStyle adds the style of all this to a <caddy-chat>, once.
export function addStyle({ adoptedStyleSheets: sheets }) {
  if (!sheets.includes(sheet)) sheets.push(sheet)
}
