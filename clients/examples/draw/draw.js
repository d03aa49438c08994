// Draws the built examples, and chats in them:
//
//	node draw.js [name …]        into build/examples
//
// Each is built with its own tools (make examples), drawn with WeChat's renderer, and talks to the
// real server: others write, it answers, and all must see it. A picture is taken of each page, light
// and dark, in both languages.
import assert from 'node:assert/strict'
import { build, transform } from 'esbuild'
import { TmplGroup } from 'glass-easel-template-compiler'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { launch } from '../../test/chromium.js'
import { friend, limits } from '../../test/component.js'
import { drawing } from '../../test/looks.js'
import { Server, wait } from '../../test/server.js'
import { colorsOf } from '../../test/view.js'
import { components } from '../../test/view/components.js'
import { wxssOf } from '../../test/wxss.js'

const here = (file) => fileURLToPath(new URL(file, import.meta.url))
const out = here('../../../build/examples')
const built = { tdesign: '../tdesign/miniprogram', uniapp: '../uniapp/dist/build/mp-weixin', taro: '../taro/dist' }
const styles = await readFile(here('../../test/view/base.css'), 'utf8')
const frame = `
  header { display: flex; align-items: center; justify-content: center; height: 56px; font-size: 17px; font-weight: 600; }
  body { display: flex; flex-direction: column; }
  #pages { position: relative; flex: 1; min-height: 0; overflow: hidden; }
  #pages > div { position: absolute; inset: 0; overflow: auto; }
  #pages > div:not(:last-child) { visibility: hidden; }
  page { min-height: 100%; }
`
const older = styles.replace(/^button:not.*$/m, 'button:where(:not([size=mini])) { width: -webkit-fill-available; }') // without "style": "v2"
const policies = 'policy d-* {\ndirect\ncreate anyone\n}\npolicy g-* {\nread members\nwrite members\ncreate anyone\ninvite members\n}\npolicy * {\nread anyone\nwrite anyone\n}'
const words = {
  en: { chats: 'Chats', guest: 'Guest', group: 'Sunday hike', lines: ['Who is coming on Sunday?', 'I am! Shall I bring the tea? 🍵'], reply: 'Yes please. I take the 7:40 train.' },
  zh: { chats: '聊天', guest: '访客', group: '周末徒步', lines: ['星期天谁来？', '我来！要带茶吗？🍵'], reply: '带上吧，我坐 7:40 的火车。' },
}

// program reads the mini program in a folder: what phone.js starts, and its style sheet.
async function program(root, url) {
  const files = {}, configs = {}, sheets = []
  const group = new TmplGroup()
  const tags = new Set(Object.keys(components))
  const names = (await readdir(root, { recursive: true })).filter((name) => !/node_modules/.test(name)).sort()
  await Promise.all(names.map(async (file) => {
    const { dir, name, ext } = path.parse(file)
    const at = path.join(dir, name)
    if (!['.js', '.json', '.wxml', '.wxs', '.wxss'].includes(ext)) return
    const text = (await readFile(path.join(root, file), 'utf8')).replaceAll('ws://localhost:8080/chat', url)
    if (ext === '.js') files[at] = /^\s*(import|export)\b|[;}]\s*(import|export)\b/m.test(text) ? (await transform(text, { format: 'cjs', loader: 'js' })).code : text
    if (ext === '.json') configs[at] = JSON.parse(text)
    if (ext === '.wxs') for (const it of [at, file]) group.addScript(it, text) // WXML names it without its ending, WXS with it
    if (ext === '.wxss' && !/miniprogram_npm/.test(file)) sheets.push(file)
    if (ext === '.wxml') {
      group.addTmpl(at, text)
      for (const [, tag] of text.matchAll(/<([a-z][a-z-]*)/g)) tags.add(tag)
    }
  }))
  for (const tag of ['block', 'template', 'slot', 'wxs', 'import', 'include']) tags.delete(tag)
  // The styles of the components that the pages use, then those of the app and the pages.
  const used = new Set()
  const use = (name) => {
    for (const to of Object.values({ ...configs.app.usingComponents, ...configs[name]?.usingComponents })) {
      const found = [path.join(path.dirname(name), to), path.join('miniprogram_npm', to), path.join(path.dirname(name), to, 'index'), to.slice(1)].find((it) => it in configs)
      if (found && !used.has(found)) {
        used.add(found)
        use(found)
      }
    }
  }
  configs.app.pages.forEach(use)
  const all = [...[...used].map((name) => `${name}.wxss`), ...sheets.sort((a, b) => (a === 'app.wxss' ? -1 : b === 'app.wxss' ? 1 : 0))]
  const css = await Promise.all([...new Set(all)].map((file) => wxssOf(root, path.join(root, file)).catch(() => '')))
  return { files, configs, templates: group.getTmplGenObjectGroups(), css: css.join('\n').replace(/([\d.]+)vh\b/g, 'calc($1 * (100vh - 56px) / 100)'), tags: [...tags], first: configs.app.pages[0], colors: colorsOf(root, configs.app.window, configs.theme) }
}

// sockets lends a web page the sockets of Node.
async function lend(page) {
  const open = new Map()
  await page.exposeFunction('host', ({ id, open: url, protocols, send, close }) => {
    const tell = (name, detail) => page.evaluate((what) => window.phone.socket(what), { id, name, detail }).catch(() => {})
    if (send !== undefined) return open.get(id)?.send(send)
    if (close) return open.get(id)?.close()
    const ws = new WebSocket(url, protocols)
    open.set(id, ws)
    ws.on('open', () => tell('open', {})).on('message', (data) => tell('message', { data: data.toString() }))
    ws.on('error', ({ message }) => tell('error', { errMsg: message })).on('close', (code) => tell('close', { code, reason: '' }))
  })
}

// Screen is a phone with a built mini program open.
class Screen {
  static async open(name, { browser, server, script, scheme, language }) {
    const screen = Object.assign(new Screen(), { name, scheme, language, problems: [] })
    const { templates, css, colors, ...parts } = await program(here(built[name]), server.ws)
    const { darkmode, style } = parts.configs.app
    screen.context = await browser.newContext({ viewport: { width: 375, height: 724 }, deviceScaleFactor: 2, colorScheme: darkmode ? scheme : 'light' }) // WeChat's dark mode is for those who ask for it
    screen.context.setDefaultTimeout(15_000)
    const page = screen.page = await screen.context.newPage()
    page.on('pageerror', (err) => screen.problems.push(err.stack))
    page.on('console', (line) => line.type() === 'error' && !/ERR_NAME_NOT_RESOLVED/.test(line.text()) && screen.problems.push(line.text())) // TDesign has its icons from the network
    const { bar, text } = colors[scheme === 'dark' && darkmode ? 1 : 0]
    await lend(page)
    await page.setContent(`<!doctype html><meta charset="utf-8"><style>${style === 'v2' ? styles : older}${frame}${css}</style><header id="title" style="background: ${bar}; color: ${text}"></header><div id="pages"></div>`)
    await page.addScriptTag({ content: script })
    await page.evaluate(`window.templates = ${templates}`)
    await page.evaluate((parts) => window.phone.start({ ...parts, templates: window.templates }), { ...parts, language: language === 'zh' ? 'zh_CN' : 'en' })
    return screen
  }

  find(text) {
    return this.page.locator('#pages > div:last-child').getByText(text, { exact: true }).filter({ visible: true }).first()
  }

  // enter opens a room of the list, whose title must be above it.
  async enter(title) {
    await this.find(title).click()
    await this.page.locator('input, textarea').last().waitFor()
    await this.titled(title)
  }

  titled(title) {
    return this.page.locator('#title').filter({ hasText: new RegExp(`^${title}$`) }).waitFor()
  }

  async back() {
    await this.page.evaluate(() => window.back())
    await this.titled(words[this.language].chats)
  }

  // say writes something, which must be in sight in the end, above the text field.
  async say(text) {
    const field = this.page.locator('input, textarea').last()
    await field.fill(text)
    await this.page.locator('#pages > div:last-child').locator('button, .t-chat-sender__actions-item, [class*=send-btn], [class*=icon--send]').filter({ visible: true }).last().click()
    await this.find(text).waitFor()
    await wait(async () => await field.inputValue() === '')
    await wait(async () => await this.bottom(this.find(text)) < (await field.boundingBox()).y)
  }

  async bottom(locator) {
    const { y, height } = await locator.boundingBox()
    return y + height
  }

  shot(part) {
    return this.page.screenshot({ path: path.join(out, `${this.name}-${part}-${this.scheme}-${this.language}.png`), animations: 'disabled' })
  }
}

// draw chats in an example: in a room that is there for all, in a group, and with a guest who has
// given no name.
async function draw(name, options) {
  const { server, scheme, language } = options
  const { guest, group, lines, reply } = words[language]
  const screen = await Screen.open(name, options)
  const room = `${name} ${scheme} ${language}` // of its own, whose messages end the lobby
  const mei = await friend(server, 'Mei', { rooms: ['lobby'] })
  const stranger = await friend(server, undefined)
  const called = `${guest} ${stranger.user.id.slice(-4)}`
  try {
    await screen.find('lobby').waitFor()
    await screen.enter('lobby')
    for (let i = 1; i <= 20; i++) await mei.send('lobby', { text: `${i}, ${room}` })
    await screen.find(`20, ${room}`).waitFor()
    let from
    mei.on('message', (message) => { if (message.body.text === room) from = message.from })
    await screen.say(room)
    await wait(() => from)
    await screen.back()
    const { room: hike } = await mei.create({ title: group, users: [from.id, stranger.user.id] })
    const { room: two } = await stranger.direct(from.id)
    for (const [chat, to, text] of [[stranger, two, lines[0]], [mei, hike, lines[0]], [stranger, hike, lines[1]]]) {
      await chat.join(to)
      await chat.send(to, { text })
    }
    for (const text of [called, group, lines[0], lines[1]]) await screen.find(text).waitFor()
    await screen.shot('list')
    await screen.enter(called)
    await screen.back()
    await screen.enter(group)
    for (const text of ['Mei', called, ...lines]) await screen.find(text).waitFor()
    await screen.say(reply)
    await screen.shot('room')
  } catch (err) {
    await screen.shot('failed')
    throw new Error(`${room}: ${[err.message, ...screen.problems].join('\n')}`)
  } finally {
    mei.close()
    stranger.close()
    await screen.context.close()
  }
  assert.deepEqual(screen.problems, [], name)
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(built)
const server = new Server({ chat: `${limits}\n${policies}` })
let browser
try {
  await mkdir(out, { recursive: true })
  await server.start()
  browser = await launch(drawing)
  const { outputFiles: [bundle] } = await build({ entryPoints: [here('phone.js')], bundle: true, write: false, format: 'iife' })
  for (const name of names) for (const language of Object.keys(words)) for (const scheme of ['light', 'dark']) {
    await draw(name, { browser, server, script: bundle.text, scheme, language })
    console.log(`build/examples/${name}-*-${scheme}-${language}.png`)
  }
} finally {
  await browser?.close()
  await server.remove()
}
