// What no picture of the page may have, and pictures compared with those that are kept.
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import pixelmatch from 'pixelmatch'
import { PNG } from 'pngjs'

// fonts is the configuration with which pictures are drawn, so that other fonts of a
// machine do not matter.
export const fonts = fileURLToPath(new URL('fonts.conf', import.meta.url))

// drawing are the options of a browser that draws pictures.
export const drawing = {
  args: ['--force-color-profile=srgb', '--font-render-hinting=none', '--disable-lcd-text'],
  env: { ...process.env, FONTCONFIG_FILE: fonts, TZ: 'UTC' },
}

// As many of the pixels may differ. Drawn twice, no picture differed in any; two characters of Chinese are 300 of 770,000.
const most = 0.0003

// faults returns what is wrong with the <caddy-chat> on a page: parts that are missing, cut
// off, outside of the window, or one above the other. The names of parts that must be in
// sight are CSS selectors.
export function faults(page, shown = []) {
  return page.evaluate((shown) => {
    const { shadowRoot } = document.querySelector('caddy-chat')
    const found = []
    const box = (it) => it.getBoundingClientRect()
    const name = (it) => `${it.localName}${it.className && `.${String(it.className).trim().replace(/\s+/g, '.')}`}`
    const seen = (it) => it.checkVisibility() && box(it).width > 0 && box(it).height > 0
    const inWindow = ({ left, right, top, bottom }) => left > -1 && top > -1 && right < innerWidth + 1 && bottom < innerHeight + 1
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
    const all = (selector) => [...shadowRoot.querySelectorAll(selector)].filter(seen)

    if (document.documentElement.scrollWidth > innerWidth) found.push(`the page scrolls sideways by ${document.documentElement.scrollWidth - innerWidth}`)
    for (const selector of shown) if (!all(selector).length) found.push(`${selector} is not in sight`)
    for (const it of all('header, .banner, .note, .newest, caddy-chat-composer, nav > *, aside, .menu, .picker, dialog, .launcher, .start > *')) if (!inWindow(box(it))) found.push(`${name(it)} is outside of the window`)

    // What lies side by side must not meet. What lies above the rest is asked for nothing.
    for (const selector of ['.layout > *', 'main > *:not(.sr)', 'header > *', 'main form > *:not(.picker)', 'nav > *', 'nav li', '.room > *', 'ol > li', 'aside li', '.menu > *', 'dialog label, dialog footer', 'dialog footer > *', '.start > *']) {
      const groups = Map.groupBy ? Map.groupBy(all(selector), (it) => it.parentNode) : new Map([[0, all(selector)]])
      for (const boxes of groups.values()) {
        const own = boxes.filter((it) => getComputedStyle(it).position !== 'absolute' && getComputedStyle(it).display !== 'contents')
        own.forEach((a, i) => own.slice(i + 1).forEach((b) => meet(box(a), box(b)) && found.push(`${name(a)} and ${name(b)} overlap`)))
      }
    }
    // Texts that end in dots on purpose are cut off; no others.
    for (const it of all('button, label, h2, p, .bubble, .text, .name, time, li, form, header, aside, dialog')) {
      if (getComputedStyle(it).textOverflow === 'ellipsis' || it.matches('.sr')) continue
      if (it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).display !== 'inline') found.push(`${name(it)} is cut off: ${it.scrollWidth} > ${it.clientWidth}`)
    }
    for (const it of all('.bubble')) {
      const { left, right } = box(it), around = box(it.closest('.scroller'))
      if (left < around.left || right > around.right) found.push(`${name(it)} is wider than the list`)
    }
    return found
  }, shown)
}

// drawnWith says with what pictures are drawn here: Chromium's major version and the fonts.
export function drawnWith(browser) {
  const families = ['Noto Sans CJK SC', 'Noto Serif CJK SC', 'Noto Color Emoji', 'DejaVu Sans'].map((family) => execFileSync('fc-match', [family, '-f', '%{family[0]} %{fontversion}'], { encoding: 'utf8', env: { ...process.env, FONTCONFIG_FILE: fonts } }))
  return { chromium: Number(browser.version().split('.')[0]), fonts: families }
}

const note = 'drawn-with.json'

// keepNote writes that beside pictures.
export const keepNote = (dir, drawn) => writeFile(path.join(dir, note), JSON.stringify(drawn) + '\n')

// comparable reports whether the pictures in two folders were drawn with the same.
export async function comparable(...dirs) {
  const [a, b] = await Promise.all(dirs.map((dir) => readFile(path.join(dir, note), 'utf8')))
  return a === b
}

const size = ({ width, height }) => `${width} × ${height}`

// difference returns how two pictures differ, or nothing if no more than a few pixels do.
// Without strictly, only sizes count.
export async function difference(now, then, strictly) {
  const files = await Promise.all([now, then].map((file) => readFile(file)))
  if (strictly && files[0].equals(files[1])) return '' // decoding takes most of the time
  const [a, b] = files.map((file) => PNG.sync.read(file))
  if (size(a) !== size(b)) return `${size(a)}, not ${size(b)}`
  if (!strictly) return ''
  const pixels = pixelmatch(a.data, b.data, undefined, a.width, a.height, { threshold: 0.1 })
  return pixels > most * a.width * a.height ? `${pixels} pixels differ` : ''
}
