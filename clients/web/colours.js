// The colours of the page and of <caddy-chat>: each the CSS variable --name, with
// its value in light mode and in dark mode. page.css repeats paper, for the page
// around the element.
export const table = {
  ink: ['#1c2024', '#e8eaed'], // text
  soft: ['#4d5761', '#b6c0ca'], // less important text
  paper: ['#ffffff', '#15181c'], // background
  shade: ['#f1f4f7', '#1f2429'], // background of the room list and of others' messages
  line: ['#d6dce2', '#343b43'], // borders
  edge: ['#7d8791', '#7f8a95'], // borders of text fields
  mine: ['#d9f2df', '#1d4a2d'], // background of own messages
  accent: ['#0f6b3a', '#6fd39a'], // buttons, focus, unread counts
  'on-accent': ['#ffffff', '#10241a'], // text on accent
  warn: ['#9a3412', '#fdba74'], // failures
  alarm: ['#c3261b', '#c3261b'], // the unread count of the floating button; its text is white
}

// The background and the text of initials, by the user; dark enough for white text.
export const hues = ['#b4442f', '#8d5a00', '#4f6f1c', '#0f6b5a', '#1d6292', '#5a55b5', '#8f4191', '#a93a62']

const declare = (value) => Object.entries(table).map(([name, pair]) => `--${name}: ${value(...pair)};`).join(' ')

// colours are the rules of the variables. Browsers without light-dark() have the light ones.
export const colours = `:host { ${declare((light) => light)} }
@supports (color: light-dark(#000, #fff)) { :host { ${declare((light, dark) => `light-dark(${light}, ${dark})`)} } }
${hues.map((hue, i) => `.hue${i} { background: ${hue}; }`).join('\n')}`
