// Draws the built examples, and chats in them:
//
//	node draw.js [name …]        into build/examples
//
// Each is built with its own tools (make examples), drawn with WeChat's renderer, and talks to the
// real server: somebody else writes, it answers, and both must see it. A picture is taken of each
// page, light and dark.
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
const frame = `<!doctype html><meta charset="utf-8"><style>${styles}
  header { display: flex; align-items: center; justify-content: center; height: 56px; font-size: 17px; font-weight: 600; }
  body { display: flex; flex-direction: column; }
  #pages { position: relative; flex: 1; min-height: 0; overflow: hidden; }
  #pages > div { position: absolute; inset: 0; overflow: auto; }
  #pages > div:not(:last-child) { visibility: hidden; }
  page { min-height: 100%; }
</style>`

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

async function draw(name, { browser, server, script, scheme }) {
  const { templates, css, colors, ...parts } = await program(here(built[name]), server.ws)
  const context = await browser.newContext({ viewport: { width: 375, height: 724 }, deviceScaleFactor: 2, colorScheme: parts.configs.app.darkmode ? scheme : 'light' }) // WeChat's dark mode is for those who ask for it
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', (err) => problems.push(err.stack))
  page.on('console', (line) => line.type() === 'error' && !/ERR_NAME_NOT_RESOLVED/.test(line.text()) && problems.push(line.text())) // TDesign has its icons from the network
  const { bar, text } = colors[scheme === 'dark' && parts.configs.app.darkmode ? 1 : 0]
  await lend(page)
  await page.setContent(`${frame}<style>${css}</style><header id="title" style="background: ${bar}; color: ${text}"></header><div id="pages"></div>`)
  await page.addScriptTag({ content: script })
  const mei = await friend(server, 'Mei', { rooms: ['lobby'] })
  const shot = (part) => page.screenshot({ path: path.join(out, `${name}-${part}-${scheme}.png`), animations: 'disabled' })
  try {
    await page.evaluate(`window.templates = ${templates}`)
    await page.evaluate((parts) => window.phone.start({ ...parts, templates: window.templates }), parts)
    await page.getByText('lobby').first().waitFor({ timeout: 15_000 })
    await shot('list')
    const greeting = `Hello from Mei, ${name} ${scheme}`, reply = `An answer, ${name} ${scheme}` // the room has those of the others, too
    await page.getByText('lobby').first().click()
    await page.locator('input, textarea').last().waitFor()
    await page.locator('#title', { hasText: 'lobby' }).waitFor()
    await mei.send('lobby', { text: greeting })
    await page.getByText(greeting).waitFor()
    let heard = false
    mei.on('message', ({ body }) => { heard ||= body.text === reply })
    await page.locator('input, textarea').last().fill(reply)
    const button = page.locator('#pages > div:last-child').locator('button, .t-chat-sender__actions-item, [class*=send-btn], [class*=icon--send]').filter({ visible: true }).last()
    await button.click()
    await wait(() => heard)
    await page.getByText(reply).waitFor()
    await wait(async () => await page.locator('input, textarea').last().inputValue() === '')
    await shot('room')
  } catch (err) {
    await shot('failed')
    throw new Error(`${name}, ${scheme}: ${[err.message, ...problems].join('\n')}`)
  } finally {
    mei.close()
    await context.close()
  }
  assert.deepEqual(problems, [], name)
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(built)
const server = new Server({ chat: limits })
let browser
try {
  await mkdir(out, { recursive: true })
  await server.start()
  browser = await launch(drawing)
  const { outputFiles: [bundle] } = await build({ entryPoints: [here('phone.js')], bundle: true, write: false, format: 'iife' })
  for (const name of names) for (const scheme of ['light', 'dark']) {
    await draw(name, { browser, server, script: bundle.text, scheme })
    console.log(`build/examples/${name}-*-${scheme}.png`)
  }
} finally {
  await browser?.close()
  await server.remove()
}
