// People who use the component on phones: in the mini program test/hostapp, which has it as a
// copied folder or as a package.
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { launch } from './chromium.js'
import { Phone } from './phone.js'
import { Server } from './server.js'
import { compile, View } from './view.js'

const here = (file) => fileURLToPath(new URL(file, import.meta.url))

export const limits = 'limits {\nsession_rate 1000 10000\nuser_rate 1000 10000\nconnect_rate 1000 1000\nnew_rooms 1000 1000\ncreate_rate 1000 1000\n}'

// makeApp makes the mini program in a folder of its own.
export async function makeApp() {
  const root = await mkdtemp(path.join(tmpdir(), 'caddy-chat-app-'))
  await cp(here('hostapp'), root, { recursive: true })
  await cp(here('../miniprogram/caddy-chat'), path.join(root, 'caddy-chat'), { recursive: true })
  return { root, program: await compile(root), remove: () => rm(root, { recursive: true }) }
}

// Person is somebody with the mini program open.
export class Person {
  static async launch({ browser, app, at, name, page, config = {}, safe = 0, context = {}, ...options }) {
    const person = new Person()
    person.context = await browser.newContext({ viewport: { width: 375, height: 724 }, deviceScaleFactor: 2, ...context })
    person.context.setDefaultTimeout(60_000) // beside other work
    person.view = await View.open(person.context, app.program, { safe })
    person.phone = new Phone({ ca: at?.ca, view: person.view, ...options })
    person.phone.launch(app.root, { url: at?.wss, name, ...config })
    if (page) await person.go(page)
    return person
  }

  get app() {
    return this.phone.app
  }

  get data() {
    return this.phone.page.data
  }

  // go opens a page above the others, and resolves when it is there.
  go(url) {
    this.phone.page.hide()
    this.phone.pages.push(this.phone.load(url))
    return this.view.drawn
  }

  back() {
    this.phone.back()
    return this.view.drawn
  }

  find(selector, options) {
    return this.view.content.locator(this.scoped(selector), options)
  }

  // scoped writes the classes of the components as they are drawn: .room:name is the class name
  // of the component room/room.
  scoped(selector) {
    return selector.replace(/\.(room|list|sheet):([\w-]+)/g, (_, part, name) => `.caddy-chat-${part}-${part}--${name}`)
  }

  line(text) {
    return this.find('.room:line', { has: this.find(`.room:text:text-is(${JSON.stringify(text)})`) })
  }

  sees(text) {
    return this.line(text).last().waitFor()
  }

  async say(text) {
    await this.find('textarea').fill(text)
    await this.find('.room:send').click()
  }

  texts() {
    return this.find('.room:line .room:text').allTextContents()
  }

  async longPress(locator) {
    await locator.click({ delay: 500 })
  }

  async choose(label) {
    await this.find('.sheet:choice', { hasText: label }).click()
  }

  keyboard(height) {
    return this.view.keyboard(height)
  }

  shot(file) {
    return this.view.page.screenshot({ path: file, animations: 'disabled' })
  }

  async quit() {
    this.phone.quit()
    await this.view.close()
    await this.context.close()
  }
}

// friend is somebody with another client.
export async function friend(at, name, { rooms = [], avatar, token } = {}) {
  const chat = new Client({ url: at.ws, name, avatar, token, ...node(WebSocket) })
  await chat.connect()
  for (const room of rooms) await chat.join(room)
  return chat
}

// stage starts the server and the browser for the tests of a file. makeApp makes the mini
// program.
export function stage({ chat = limits, make = makeApp } = {}) {
  const it = { count: 0 }
  before(async () => {
    it.server = new Server({ chat })
    await Promise.all([
      it.server.start(),
      launch().then((browser) => { it.browser = browser }),
      make().then((app) => { it.app = app }),
    ])
  })
  after(async () => {
    await it.browser?.close()
    await it.app?.remove()
    await it.server?.remove()
    assert.deepEqual(it.server.errors(), [])
  })

  it.room = () => `room-${++it.count}`
  it.pageOf = (room) => `pages/room/room?room=${encodeURIComponent(room)}`

  // enter opens a page on a new phone. Warnings of the renderer fail the test.
  it.enter = async (t, name, page, options = {}) => {
    const person = await Person.launch({ browser: it.browser, app: it.app, at: it.server, name, page, ...options })
    t.after(async () => {
      await person.quit()
      assert.deepEqual(person.view.problems, [])
    })
    return person
  }

  it.friend = async (t, name, options) => {
    const made = await friend(it.server, name, options)
    t.after(() => made.close())
    return made
  }
  return it
}
