// Users with browsers of their own, who chat on the built-in page of the real server.
import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before } from 'node:test'
import WebSocket from 'ws'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { launch } from './chromium.js'
import { Server } from './server.js'

export const limits = 'limits {\nsession_rate 1000 10000\nuser_rate 1000 10000\nconnect_rate 1000 1000\nnew_rooms 1000 1000\ncreate_rate 1000 1000\nlist_rate 1000 1000\n}'
export const shots = process.env.SCREENSHOTS // a folder to store them in

export let server, browser

// serve starts the server and the browser before the tests of a file.
export function serve(options = {}) {
  before(async () => {
    server = new Server({ chat: `ui on\n${limits}`, ...options })
    await server.start()
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    await server?.remove()
    assert.deepEqual(server.errors(), [])
  })
}

// withServer returns another server, which ends with the test.
export async function withServer(t, options) {
  const at = new Server(options)
  t.after(() => at.remove())
  await at.start()
  return at
}

export const base = () => `https://localhost:${server.ports[1]}/chat`

// context returns a new browser profile that ends with the test.
export async function context(t, options) {
  const made = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en', ...options })
  made.setDefaultTimeout(60_000)
  t.after(() => made.close())
  return made
}

// friend is a user of room without a browser.
export async function friend(t, room, name = 'Crowd', at = server) {
  const chat = new Client({ url: at.wss, name, ...node(WebSocket, { ca: at.ca }) })
  t.after(() => chat.close())
  await chat.connect()
  await chat.join(room)
  return chat
}

// sendMany sends n messages to a room from outside of the browser.
export async function sendMany(t, name, n, body = (i) => ({ text: `message ${i}` })) {
  const chat = await friend(t, name)
  for (let i = 0; i < n; i += 200) {
    await Promise.all(Array.from({ length: Math.min(200, n - i) }, (_, k) => chat.send(name, body(i + k))))
  }
  return chat
}

// room returns a name that no other test uses.
let count = 0
export const room = () => `room-${++count}`

// Person is a user with a browser of their own.
export class Person {
  static async enter(t, name, room = 'lobby', { init, fragment, ...options } = {}) {
    const profile = await context(t, options)
    if (init) await profile.addInitScript(init)
    const person = new Person(profile, name)
    person.touch = options.isMobile
    await person.open(room, fragment)
    await person.page.getByLabel('What shall the others call you?').fill(name)
    await person.page.getByRole('button', { name: 'Start chatting' }).click()
    await person.online()
    return person
  }

  constructor(context, name) {
    Object.assign(this, { context, name, problems: [] })
  }

  // open opens a tab.
  async open(room = 'lobby', fragment = encodeURIComponent(room)) {
    this.page = await this.context.newPage()
    this.page.on('pageerror', (err) => this.problems.push(err.message))
    this.page.on('console', (line) => {
      if (line.type() === 'error' && /Content Security|Uncaught/.test(line.text())) this.problems.push(line.text())
    })
    await this.page.goto(`${base()}#${fragment}`)
  }

  async online() {
    await this.page.locator('caddy-chat .banner').waitFor({ state: 'hidden' })
    await this.page.locator('caddy-chat header .members').waitFor()
  }

  async enterRoom(room) {
    await this.page.getByLabel('Name of a room').fill(room)
    await this.page.getByRole('button', { name: 'Join' }).click()
    try {
      await this.page.getByRole('log', { name: `Messages in ${room}` }).waitFor()
    } catch (err) { // what there is instead
      const shown = [this.page.url(), await this.page.locator('caddy-chat .root').innerText(), await this.page.getByLabel('Name of a room').inputValue()]
      throw new Error(`${room} is not entered: ${shown.join('\n')}`, { cause: err })
    }
  }

  async say(text) {
    await this.page.locator('textarea').fill(text)
    if (this.touch) await this.page.getByRole('button', { name: 'Send' }).tap()
    else await this.page.keyboard.press('Enter')
  }

  // texts returns the texts of the messages on the screen.
  texts() {
    return this.page.locator('ol .text').allTextContents()
  }

  async sees(text) {
    await this.page.locator('ol .text', { hasText: text }).last().waitFor()
  }

  async shot(name) {
    if (shots) await this.page.screenshot({ path: path.join(shots, `${name}.png`) })
  }
}
