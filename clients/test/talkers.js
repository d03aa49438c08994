// People on several devices, for tests of conversations.
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { list } from '../core/list.js'
import WebSocket from 'ws'
import { Words } from '../web/words.js'
import { base, context, limits, server, shots } from './person.js'

const secret = 'a-secret-of-at-least-32-bytes-for-conversations'
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

// token returns a JSON Web Token for a user, whose id is the name in lower case.
export function token(name) {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ exp: Math.floor(Date.now() / 1000) + 3600, sub: name.toLowerCase(), name })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

// withConversations are the options of a server with conversations of two, groups, and
// rooms without members.
export const withConversations = { chat: `ui on
auth jwt {
secret ${secret}
}
policy d-* {
direct
create users
}
policy g-* {
read members
write members
moderate admins
invite members
create users
history joined
max_members 8
}
policy room-* {
read anyone
write users
}
${limits.replace('limits {', 'limits {\n')}` }

const languages = {}
for (const name of ['en', 'zh']) languages[name] = new Words(JSON.parse(await readFile(new URL(`../web/words/${name}.json`, import.meta.url), 'utf8')), name)

export const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true }

// Device is a browser of a user, signed in by a token. words are the texts of its
// language.
export class Device {
  static async open(t, name, { where = '', at = base(), ...options } = {}) {
    const device = new Device()
    device.touch = options.isMobile
    device.words = languages[options.locale?.slice(0, 2) ?? 'en']
    device.page = await (await context(t, options)).newPage()
    device.problems = []
    device.page.on('pageerror', (err) => device.problems.push(err.message))
    device.page.on('console', (line) => /Content Security|Uncaught/.test(line.text()) && device.problems.push(line.text()))
    await device.page.goto(`${at}#token=${token(name)}`)
    await device.listed()
    if (where) await device.page.goto(`${at}#${where}`)
    return device
  }

  // listed waits until the list is there.
  listed() {
    return this.page.locator('caddy-chat-conversations nav').waitFor({ state: 'attached' })
  }

  find(selector, options) {
    return this.page.locator(selector, options)
  }

  row(title) {
    return this.find('.conversations li', { has: this.page.locator('strong', { hasText: new RegExp(`^${title}$`) }) })
  }

  async openRow(title) {
    if (this.touch && await this.find('.layout:not(.listing)').count()) await this.back()
    await (this.touch ? this.row(title).locator('.room').tap() : this.row(title).locator('.room').click())
    await this.find('main h1', { hasText: title }).waitFor()
  }

  async back() {
    await this.find('main .back').tap()
    await this.find('.layout.listing').waitFor()
  }

  async say(text) {
    await this.find('main textarea').fill(text)
    if (this.touch) await this.find('.send').tap()
    else await this.page.keyboard.press('Enter')
    await this.find('li.own.sent', { hasText: text }).waitFor()
  }

  sees(text) {
    return this.find('ol .text', { hasText: text }).last().waitFor()
  }

  // counts waits until a row has a number of unread messages; 0 for none.
  counts(title, n) {
    const row = this.row(title)
    return n ? row.locator('.signs b', { hasText: new RegExp(`^${n}$`) }).waitFor({ state: 'attached' }) : row.filter({ hasNot: this.page.locator('.signs b') }).waitFor({ state: 'attached' })
  }

  // titled waits until the page's title tells of n unread messages in all.
  titled(n) {
    const title = this.words.get('title')
    return this.page.waitForFunction((title) => document.title === title, n ? `(${n}) ${title}` : title)
  }

  // shot stores a picture of the page, if somebody wants to look at it.
  async shot(name) {
    if (shots) await this.page.screenshot({ path: path.join(shots, `${name}.png`) })
  }

  // menu opens the menu of a message, and chooses an entry.
  async menu(text, word) {
    const row = this.message(text)
    if (this.touch) await row.locator('.text').tap()
    else await row.hover()
    await row.locator('.more').click()
    await this.choose(word)
  }

  hover(text) {
    return this.message(text).hover()
  }

  // message is the row of the newest message with a text.
  message(text) {
    return this.find('ol > li', { has: this.page.locator('.text', { hasText: text }) }).last()
  }

  async choose(...words) {
    for (const word of words) await this.page.getByRole('menuitem', { name: word, exact: true }).click()
  }

  async begin(kind) {
    await this.find('.head .new').click()
    await this.choose(kind)
    await this.find('dialog').waitFor()
  }
}

// talker is a user without a browser.
export async function talker(t, name) {
  const chat = new Client({ url: server.wss, token: token(name), list: list(), ...node(WebSocket, { ca: server.ca }) })
  t.after(() => chat.close())
  await chat.connect()
  return chat
}
