// A user with the mini program on a phone. Tests read and tap the screen.
import { Person } from './component.js'
import { Phone } from './phone.js'
import { wait } from './server.js'
import { View } from './view.js'

export class Visitor extends Person {
  // launch starts the mini program in root; program is what compile(root) returned. url is
  // the page that a share card opens.
  static async launch({ browser, program, root, at, config = {}, url, safe = 0, context = {}, ...options }) {
    const visitor = new Visitor()
    visitor.context = await browser.newContext({ viewport: { width: 375, height: 724 }, deviceScaleFactor: 2, ...context })
    visitor.context.setDefaultTimeout(60_000) // the machine may be busy
    visitor.view = await View.open(visitor.context, program, { safe })
    visitor.phone = new Phone({ ca: at.ca, view: visitor.view, ...options })
    visitor.root = root
    visitor.config = config && { url: at.wss, login: false, rooms: ['lobby'], ...config } // null: that of the app
    visitor.restart(url)
    return visitor
  }

  restart(url) {
    this.phone.launch(this.root, this.config, url)
  }

  get chat() {
    return this.phone.app.chat
  }

  // enter signs in.
  async enter(name) {
    await this.find('input').fill(name)
    await this.find('.primary').click()
    await this.find('input.wide').waitFor({ state: 'detached' })
  }

  online() {
    return this.find('.list:banner, .room:banner').waitFor({ state: 'detached' })
  }

  async begin() {
    await this.find('.begin').click()
    await this.find('input.room').waitFor()
  }

  async join(room) {
    await this.begin()
    await this.find('input.room').fill(room)
    await this.find('.primary.join').click()
    await this.find('textarea').waitFor()
  }

  async open(room) {
    await this.room(room).click()
    await this.find('textarea').waitFor()
  }

  // room returns the line of a conversation in the list.
  room(name) {
    return this.find('.list:row', { has: this.find('.list:title', { hasText: name }) })
  }

  // about opens the page about the room that is open.
  async about() {
    await this.find('.about').click()
    await this.find('.person').first().waitFor()
  }

  // back resolves when the page below is on top: what comes then is not read any more.
  async back() {
    const { length } = this.phone.pages
    await this.view.page.getByRole('button', { name: 'Back', exact: true }).click()
    await wait(() => this.phone.pages.length < length, 60_000)
    await this.view.drawn
  }

  // sent waits until the server has recorded a message.
  sent(text) {
    return this.line(text).locator(this.scoped('.room:sent')).waitFor()
  }

  // tapLine taps a line of WeChat's own menu.
  async tapLine(word) {
    await this.view.page.getByRole('button', { name: word, exact: true }).click()
  }
}
