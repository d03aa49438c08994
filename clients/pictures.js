// Pictures of the page for the documentation, of people who chat over the real server. What
// differs from time to time, such as the clock, is made the same on the way to the page, so
// that a picture changes only when the page does.
import { createHmac } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { faults } from './test/looks.js'
import { Steady } from './test/steady.js'

export const secret = 'a-secret-of-at-least-32-bytes-for-pictures'
export const desktop = { viewport: { width: 1100, height: 700 } }
export const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
const began = Date.parse('2026-03-15T10:05:00Z') // the first message of each room

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

export function token(claims) {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

// Pictures takes those of one language. server is the Server, which the class that extends
// this one starts.
export class Pictures {
  constructor(dir, names, browser, language, story) {
    Object.assign(this, { dir, names, browser, language, story, steady: new Steady(began) })
  }

  get url() {
    return `https://localhost:${this.server.ports[1]}`
  }

  async context(options) {
    const made = await this.browser.newContext({ ignoreHTTPSErrors: true, locale: this.language === 'zh' ? 'zh-CN' : 'en', timezoneId: 'UTC', reducedMotion: 'reduce', ...options })
    made.setDefaultTimeout(15_000)
    await made.addInitScript((name) => localStorage.setItem('caddy-chat name', name), this.story.me)
    await made.routeWebSocket(/\/chat$/, (ws) => {
      const there = ws.connectToServer()
      there.onMessage((text) => ws.send(this.steady.frame(text)))
    })
    return made
  }

  async open(where, options) {
    const page = await (await this.context(options)).newPage()
    await page.goto(this.url + where)
    await page.locator('textarea').waitFor()
    return page
  }

  // stand scrolls the list to its beginning or its end, and returns when it stays there.
  async stand(page, where) {
    await page.mouse.move(0, 0)
    await page.locator('.scroller').evaluate(async (list, where) => {
      for (let same = 0, last; same < 3; same++) {
        list.scrollTop = where === 'end' ? list.scrollHeight : 0
        await new Promise(requestAnimationFrame)
        const now = `${list.scrollTop} ${list.scrollHeight} ${list.clientHeight}`
        if (now !== last) same = 0
        last = now
      }
    }, where)
  }

  // shot takes a picture, when two of them are equal. shown are the parts that it is about.
  async shot(page, name, ...shown) {
    const { names, language } = this
    names.push(`page-${name}-${language}.png`)
    await page.evaluate(() => document.fonts.ready)
    const wrong = await faults(page, shown)
    if (wrong.length) throw new Error(`${names.at(-1)}: ${wrong.join('; ')}`)
    const draw = () => page.screenshot({ animations: 'disabled' })
    let picture = await draw()
    for (let next, tries = 0; !(next = await draw()).equals(picture); picture = next) {
      if (++tries === 20) throw new Error(`${names.at(-1)} does not come to rest`)
    }
    await writeFile(path.join(this.dir, names.at(-1)), picture)
  }

  // leave closes the connection first, so that the user is not there for a while longer.
  async leave(page) {
    await page.evaluate(() => document.querySelector('caddy-chat').chat.close())
    await page.context().close()
  }
}
