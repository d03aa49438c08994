// Follows docs/quickstart-miniprogram.md with nothing else, and takes a picture of each step
// that can be pictured:
//
//	npm run screenshots        into docs/steps
//
// The files, commands and settings are the document's own. From where it says devtools, the
// phone of test/phone.js takes over. Ports are others, ./cmd/caddy is built already, and
// WeChat's API is a fake, because codes of wx.login come from WeChat alone.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Client } from './core/index.js'
import { node } from './core/node.js'
import { drawing, drawnWith, keepNote } from './test/looks.js'
import { launch } from './test/chromium.js'
import { freePorts, wait } from './test/server.js'
import { Steady } from './test/steady.js'
import { compile } from './test/view.js'
import { Visitor } from './test/visitor.js'
import { openPage } from './test/wx.js'

const repository = fileURLToPath(new URL('..', import.meta.url))
const binary = process.env.CADDY ?? path.join(repository, 'build/caddy')
const began = Date.parse('2026-03-15T10:05:00Z') // the first message of each room

export const languages = {
  en: { folder: 'docs', locale: 'en', phone: 'en', me: 'Lin', friend: 'Mei', hello: 'Hello from the phone!', answer: 'Hello from the browser 🙂', later: 'I signed in with WeChat.' },
  zh: { folder: 'docs/zh', locale: 'zh-CN', phone: 'zh_CN', me: '小林', friend: '小梅', hello: '手机上的你好！', answer: '浏览器里的你好 🙂', later: '我是用微信登录的。' },
}

// follow follows the document in one language. shot(name, page) gets each step's screen.
export async function follow(language, browser, shot = async () => {}) {
  const words = languages[language]
  const text = await readFile(path.join(repository, words.folder, 'quickstart-miniprogram.md'), 'utf8')
  const steps = text.split(/^## /m)
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-quickstart-'))
  const ends = [() => rm(dir, { recursive: true, force: true })]
  try {
    await tryIt()
    await withAServer()
  } finally {
    for (const end of ends.reverse()) await end()
  }

  // caddy runs a command of Caddy in the repository, with a data directory of its own.
  async function caddy(args, env = {}) {
    const home = await mkdtemp(path.join(dir, 'home-'))
    const command = spawn(binary, args, { cwd: repository, stdio: 'ignore', env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home, ...env } })
    ends.push(async () => {
      if (command.exitCode === null && command.kill()) await once(command, 'exit')
    })
    return path.join(home, 'caddy/pki/authorities/local/root.crt')
  }

  // copy copies a mini program that the document names, to change its settings.
  async function copy(name, change) {
    assert.ok(text.includes(`\`${name}\``), `${name} is in the document`)
    const root = path.join(dir, String(ends.length), path.basename(name))
    await cp(path.join(repository, name), root, { recursive: true })
    const settings = path.join(root, 'config.js')
    await writeFile(settings, change(await readFile(settings, 'utf8')))
    return { root, config: createRequire(settings)(settings), project: JSON.parse(await readFile(path.join(root, 'project.config.json'), 'utf8')) }
  }

  async function phone({ root, config }, options) {
    const steady = new Steady(began)
    const visitor = await Visitor.launch({ browser, program: await compile(root), root, language: words.phone, frame: (frame) => steady.frame(frame), config, at: {}, ...options })
    visitor.context.setDefaultTimeout(60_000) // beside other tests
    ends.push(() => visitor.quit())
    return visitor
  }

  // tryIt is step 1.
  async function tryIt() {
    const command = /^    go run \.\/cmd\/caddy (.*)$/m.exec(steps[1])[1].split(' ')
    const ports = await freePorts(2)
    const here = (part) => part.replaceAll('8080', ports[0]).replaceAll('8443', ports[1])
    const file = path.join(dir, 'Caddyfile.example')
    const example = here(await readFile(path.join(repository, command.at(-1)), 'utf8'))
    await writeFile(file, example.replace(/^\{\n/m, `{\n\tadmin unix/${dir}/admin.sock\n`)) // other tests have the endpoint
    await caddy([...command.slice(0, -1), file, '--adapter', 'caddyfile'])
    const url = here(/<(http:\/\/localhost:8080\/chat#lobby)>/.exec(steps[1])[1])
    await wait(() => fetch(`${url.split('#')[0]}/health`).then(({ ok }) => ok, () => false), 60_000)

    const program = await copy('clients/miniprogram', here)
    assert.equal(program.project.appid, 'touristappid')
    assert.equal(program.config.url, here(/`(ws:\/\/localhost:8080\/chat)`/.exec(steps[1])[1]))
    const li = await phone(program)
    await li.find('input').fill(words.me)
    await shot('sign-in', li.view.page)
    await li.enter(words.me)
    await li.open('lobby')

    const context = await browser.newContext({ locale: words.locale, timezoneId: 'UTC', reducedMotion: 'reduce', viewport: { width: 900, height: 600 } })
    context.setDefaultTimeout(60_000)
    ends.push(() => context.close())
    const steady = new Steady(began)
    await context.routeWebSocket(/\/chat$/, (ws) => {
      const there = ws.connectToServer()
      there.onMessage((frame) => ws.send(steady.frame(frame)))
    })
    const page = await context.newPage()
    await page.goto(url)
    await page.locator('#name').fill(words.friend)
    await page.keyboard.press('Enter')
    await li.say(words.hello)
    await page.locator('li.other', { hasText: words.hello }).waitFor()
    await page.locator('textarea').fill(words.answer)
    await page.keyboard.press('Enter')
    await li.sees(words.answer)
    await page.locator('li.own.sent', { hasText: words.answer }).waitFor()
    await shot('phone', li.view.page)
    await shot('browser', page)
    assert.deepEqual(li.view.problems, [])
    await classic(here)
  }

  // classic is the last paragraph of step 1.
  async function classic(here) {
    const { root, config } = await copy('clients/miniprogram-classic', here)
    const [one, other] = [0, 1].map(() => openPage(root, 'pages/index/index', { config }))
    ends.push(() => one.close(), () => other.close())
    for (const screen of [one, other]) await screen.until('is online', ({ status }) => status === 'online')
    one.page.onInput({ detail: { value: words.hello } })
    one.page.send()
    await other.until('shows the message', ({ lines }) => lines.some((line) => line.text === words.hello))
  }

  // withAServer is steps 2 and 3: only who signed in with WeChat writes.
  async function withAServer() {
    const weChat = http.createServer((_, response) => response.end(JSON.stringify({ openid: 'li', session_key: 'k' })))
    await new Promise((resolve) => weChat.listen(0, '127.0.0.1', resolve))
    ends.push(() => weChat.close())
    const ports = await freePorts(2)
    const domain = /(\w+:\/\/)?chat\.example\.com/g
    const here = (part) => part.replaceAll(domain, (_, scheme = '') => `${scheme}localhost:${ports[1]}`)
    const block = here(/^```caddyfile\n([^]*?)^```/m.exec(steps[2])[1])
    const asked = block.replace(/^(\s*)app_secret .*\n/m, (line, tabs) => `${line}${tabs}api http://127.0.0.1:${weChat.address().port}\n`)
    assert.notEqual(asked, block)
    const file = path.join(dir, 'Caddyfile')
    await writeFile(file, `{\n\tadmin unix/${dir}/admin2.sock\n\thttp_port ${ports[0]}\n\thttps_port ${ports[1]}\n\tskip_install_trust\n}\n\n${asked}`)
    const root = await caddy(['run', '--config', file], { WECHAT_SECRET: 'a-secret' })
    let ca
    await wait(async () => (ca = await readFile(root, 'utf8').catch(() => '')), 60_000)

    const lines = [...steps[3].matchAll(/^    (\w+:) .*,$/gm)].map(([line, name]) => [name, here(line.trim())])
    assert.equal(lines.length, 2)
    const program = await copy('clients/miniprogram', (settings) => lines.reduce((all, [name, line]) => {
      const changed = all.replace(new RegExp(`^  ${name} .*,$`, 'm'), `  ${line}`)
      assert.notEqual(changed, all, `config.js has no ${name}`)
      return changed
    }, settings))
    const allowed = [...steps[3].matchAll(/^\| [^|]*\| `(\w+:\/\/[^`]*)`/gm)].map(([, entry]) => here(entry))
    assert.equal(allowed.length, 2)

    const guest = new Client({ url: program.config.url, name: words.friend, ...node(WebSocket, { ca }) })
    ends.push(() => guest.close())
    await guest.connect()
    await guest.join('lobby')
    await assert.rejects(guest.send('lobby', { text: 'x' }), { code: 'forbidden' })
    const heard = new Promise((resolve) => guest.on('message', ({ body }) => resolve(body.text)))
    const li = await phone(program, { at: { ca }, codes: ['code'] })
    const refused = onlyTo(li.phone, allowed)
    await li.enter(words.me)
    await li.open('lobby')
    await li.say(words.later)
    await li.sent(words.later)
    assert.equal(await heard, words.later)
    assert.deepEqual([refused, li.phone.codes, li.view.problems], [[], [], []])
    await shot('signed-in', li.view.page)
    const mei = await phone({ ...program, config: { ...program.config, login: false } }, { at: { ca } })
    await mei.enter(words.friend)
    await mei.room('lobby').locator(mei.scoped('.list:unread')).waitFor() // then it opens at what is new
    await mei.room('lobby').click()
    await mei.sees(words.later)
    await shot('guest', mei.view.page)
    assert.deepEqual(mei.view.problems, [])
  }
}

// onlyTo has a phone connect to the domains on the lists of the console alone, and returns
// the list of those that it refused.
function onlyTo(phone, allowed) {
  const refused = []
  for (const name of ['connect', 'request']) {
    const call = phone[name].bind(phone)
    phone[name] = (options) => {
      const { origin } = new URL(options.url)
      if (!allowed.includes(origin)) refused.push(origin)
      return call(options)
    }
  }
  return refused
}

// take takes the pictures of both languages into dir, and returns their names.
export async function take(dir) {
  await mkdir(dir, { recursive: true })
  const names = []
  const browser = await launch(drawing)
  try {
    await keepNote(dir, drawnWith(browser))
    for (const language of Object.keys(languages)) {
      await follow(language, browser, async (name, page) => {
        names.push(`${name}-${language}.png`)
        await page.mouse.move(0, 0)
        await page.screenshot({ path: path.join(dir, names.at(-1)), animations: 'disabled' })
      })
    }
  } finally {
    await browser.close()
  }
  return names
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dir = path.join(repository, 'docs/steps')
  console.log((await take(dir)).map((name) => path.join(dir, name)).join('\n'))
}
