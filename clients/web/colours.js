// The colours of the page and of <caddy-chat>: each the CSS variable --name, with
// its value in light mode and in dark mode. page.css repeats paper, for the page
// around the element.
const table = {
  ink: ['#1c2024', '#e8eaed'], // text
  soft: ['#4d5761', '#b6c0ca'], // less important text
  paper: ['#ffffff', '#15181c'], // background
  shade: ['#f1f4f7', '#1f2429'], // background of the room list and of others' messages
  line: ['#d6dce2', '#343b43'], // borders
  mine: ['#d9f2df', '#1d4a2d'], // background of own messages
  accent: ['#0f6b3a', '#6fd39a'], // buttons, focus, unread counts
  'on-accent': ['#ffffff', '#10241a'], // text on accent
  warn: ['#9a3412', '#fdba74'], // failures
}

// colours are the declarations of the variables.
export const colours = Object.entries(table).map(([name, [light, dark]]) => `--${name}: light-dark(${light}, ${dark});`).join(' ')
