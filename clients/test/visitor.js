// A user with the mini program on a phone. Tests read and tap the screen.
import { Phone } from './phone.js'
import { View } from './view.js'

export class Visitor {
  // launch starts the mini program in root; program is what compile(root) returned.
  static async launch({ browser, program, root, at, config = {}, ...options }) {
    const visitor = new Visitor()
    visitor.context = await browser.newContext({ viewport: { width: 375, height: 724 }, deviceScaleFactor: 2 })
    visitor.context.setDefaultTimeout(10_000)
    visitor.view = await View.open(visitor.context, program)
    visitor.phone = new Phone({ ca: at.ca, view: visitor.view, ...options })
    visitor.root = root
    visitor.config = { url: at.wss, login: false, rooms: ['lobby'], ...config }
    visitor.restart()
    return visitor
  }

  restart() {
    this.phone.launch(this.root, this.config)
  }

  // find returns the elements of the page on top that match a selector.
  find(selector, options) {
    return this.view.content.locator(selector, options)
  }

  // enter signs in.
  async enter(name) {
    await this.find('input').fill(name)
    await this.find('.primary').click()
    await this.find('.new').waitFor()
    await this.online()
  }

  online() {
    return this.find('.banner').waitFor({ state: 'detached' })
  }

  async join(room) {
    await this.find('.new input').fill(room)
    await this.find('.new button').click()
    await this.find('.status text').waitFor()
  }

  async open(room) {
    await this.room(room).click()
    await this.find('.composer').waitFor()
  }

  // room returns the line of a room in the list of rooms.
  room(name) {
    return this.find('.room', { has: this.find('.name', { hasText: name }) })
  }

  back() {
    return this.view.page.getByRole('button', { name: 'Back' }).click()
  }

  async say(text) {
    await this.find('.composer textarea').fill(text)
    await this.find('.composer button').click()
  }

  // line returns the message with this text.
  line(text) {
    return this.find('.line', { has: this.find(`.text:text-is(${JSON.stringify(text)})`) })
  }

  sees(text) {
    return this.line(text).last().waitFor()
  }

  // sent waits until the server has recorded a message.
  sent(text) {
    return this.line(text).locator('.bubble.sent').waitFor()
  }

  // texts returns the texts of the messages, from top to bottom of the screen.
  async texts() {
    const lines = this.find('.line .text')
    const found = await lines.evaluateAll((all) => all.map((it) => ({ y: it.getBoundingClientRect().y, text: it.textContent })))
    return found.sort((a, b) => a.y - b.y).map(({ text }) => text)
  }

  async choose(word) {
    await this.view.page.getByRole('button', { name: word, exact: true }).click()
  }

  async longPress(locator) {
    await locator.click({ delay: 500 })
  }

  shot(path) {
    return this.view.page.screenshot({ path, animations: 'disabled' })
  }

  async quit() {
    this.phone.quit()
    await this.view.drawn
    await this.context.close()
  }
}
