import { unsafeCSS } from 'lit'
import { colours } from './colours.js'
import text from './style.css'

// sheet is the style sheet of <caddy-chat>, without that of more.js.
export const sheet = unsafeCSS(colours + text)
