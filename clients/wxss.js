// wxss makes the style sheet of the component's colours from that of the page's: for all
// that is inside of .chat. --caddy-chat-<name>, if the page around it has set that, is used
// instead of a colour.
import { hues, table } from './web/colours.js'

export function wxss() {
  const declare = (index) => Object.entries(table).map(([name, pair]) => `--${name}: var(--caddy-chat-${name}, ${pair[index]});`).join(' ')
  return `/* Generated from clients/web/colours.js by \`make page\`. */
.chat { ${declare(0)} color-scheme: light; }
.chat.dark { ${declare(1)} color-scheme: dark; }
@media (prefers-color-scheme: dark) { .chat.auto { ${declare(1)} color-scheme: dark; } }
${hues.map((hue, i) => `.hue${i} { background: ${hue}; }`).join('\n')}
`
}
