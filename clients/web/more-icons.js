import { html, svg } from 'lit'
import { icon } from './icons.js'

// The pictures on buttons that come later.
export const emojiIcon = icon(svg`<circle cx="12" cy="12" r="9"/><path d="M8 14c1 2 2.500 3 4 3s3-1 4-3M9 9v1M15 9v1"/>`)
export const moreIcon = icon(svg`<path d="M6 12h.01M12 12h.01M18 12h.01" stroke-width="3"/>`)
export const sendIcon = icon(svg`<path class="turns" d="M4 12l16-8-5 16-3-7zM12 13l8-9"/>`)
export const takeBackIcon = icon(svg`<path class="turns" d="M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3"/>`)
export const plusIcon = icon(svg`<path d="M12 5v14M5 12h14"/>`)
export const quietIcon = icon(svg`<path d="M6 16V11a6 6 0 0 1 9-5M18 10v6l1.500 2H8M10 20.500h4M4 4l16 16"/>`)
export const topIcon = icon(svg`<path d="M9 4h6l-1 6 3 3v1H7v-1l3-3-1-6zM12 14v6"/>`)
export const atIcon = html`@`
