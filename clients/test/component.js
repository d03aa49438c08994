// People who use the component on phones: in the mini program test/hostapp, which has it as a
// copied folder or as a package.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { Phone } from './phone.js'
import { compile, View } from './view.js'

const here = (file) => fileURLToPath(new URL(file, import.meta.url))

export const limits = 'limits {\nsession_rate 1000 10000\nuser_rate 1000 10000\nconnect_rate 1000 1000\nnew_rooms 1000 1000\n}'

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
    person.context.setDefaultTimeout(15_000)
    person.view = await View.open(person.context, app.program, { safe })
    person.phone = new Phone({ ca: at?.ca, view: person.view, ...options })
    person.phone.launch(app.root, { url: at?.wss, name, ...config })
    if (page) person.go(page)
    return person
  }

  get app() {
    return this.phone.app
  }

  get data() {
    return this.phone.page.data
  }

  go(url) {
    this.phone.page.hide()
    this.phone.pages.push(this.phone.load(url))
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
    await this.view.drawn
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
