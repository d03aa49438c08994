import { html, svg } from 'lit'

export const icon = (shape) => html`<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">${shape}</svg>`

// The pictures on buttons. Their colour is that of the text.
export const backIcon = icon(svg`<path class="turns" d="M15 5l-7 7 7 7"/>`)
export const bubbleIcon = icon(svg`<path d="M4 5h16v11H10l-5 4v-4H4z"/>`)
export const closeIcon = icon(svg`<path d="M6 6l12 12M18 6L6 18"/>`)
export const downIcon = icon(svg`<path d="M12 5v14M6 13l6 6 6-6"/>`)
export const peopleIcon = icon(svg`<circle cx="9" cy="8" r="3.500"/><path d="M3 20c0-4 2.500-6 6-6s6 2 6 6M16 5a3.500 3.500 0 0 1 0 6.500M17 14c2.500.5 4 2.500 4 6"/>`)
