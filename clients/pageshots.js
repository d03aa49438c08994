// Takes the screenshots of the built-in page and of <caddy-chat> for the documentation:
// the real page, in Chromium, with users who chat over the real server.
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Client } from './core/index.js'
import { node } from './core/node.js'
import { OperationPictures } from './opshots.js'
import { desktop, phone, Pictures, secret, token } from './pictures.js'
import { TalkPictures } from './talkshots.js'
import { launch } from './test/chromium.js'
import { drawing, drawnWith, keepNote } from './test/looks.js'
import { Server } from './test/server.js'
import { stories } from './test/stories.js'

// take takes the screenshots into dir and returns their names. Each is looked at for what
// no picture may have, see faults.
export async function take(dir) {
  await mkdir(dir, { recursive: true })
  const names = []
  const browser = await launch(drawing)
  try {
    await keepNote(dir, drawnWith(browser))
    for (const [language, story] of Object.entries(stories)) {
      await new Story(dir, names, browser, language, story).tell()
      await new TalkPictures(dir, names, browser, language, story).tell()
      await new OperationPictures(dir, names, browser, language, story).tell()
    }
  } finally {
    await browser.close()
  }
  return names
}

// Story takes the pictures of one language.
class Story extends Pictures {
  async tell() {
    this.server = new Server({ chat: `auth jwt {\nsecret ${secret}\n}\nauth guest\nui on\nlimits {\naway 1s\nsession_rate 1000 1000\nuser_rate 1000 1000\n}` })
    this.friends = {}
    try {
      await this.server.start()
      await this.meetFriends()
      await this.onDesktop()
      await this.asModerator()
      await this.onPhone()
    } finally {
      for (const chat of Object.values(this.friends)) chat.close()
      await this.server.remove()
    }
  }

  // people waits until a room has so many people.
  people(page, count) {
    return page.locator('.members span').filter({ hasText: new RegExp(`^${count}$`) }).waitFor()
  }

  async meetFriends() {
    const { story, server, friends, steady } = this
    for (const name of story.friends) {
      friends[name] = new Client({ url: server.ws, name, ...node(WebSocket) })
      steady.id((await friends[name].connect()).id)
      for (const room of [story.room, story.other, story.long]) await friends[name].join(room)
    }
    const [mei, tom] = story.friends.map((name) => friends[name])
    for (let i = 0; i < 80; i++) await [mei, tom][i % 3 ? 0 : 1].send(story.long, { text: story.lines[(i * 5 + 1) % 6][1] })
  }

  async onDesktop() {
    const { story, friends } = this
    const [mei, tom] = story.friends.map((name) => friends[name])
    const me = await this.open(`/chat#${encodeURIComponent(story.room)}`, desktop)
    for (const room of [story.other, story.room]) await this.join(me, room)
    for (const [name, text] of story.lines) {
      if (name === 'me') await this.say(me, text)
      else await friends[name].send(story.room, { text })
      await me.locator('ol .text', { hasText: text }).last().waitFor()
    }
    for (let i = 0; i < 3; i++) await tom.send(story.other, { text: story.unread[i] })
    await me.locator('button.room', { hasText: story.other }).locator('b', { hasText: '3' }).waitFor()
    await this.people(me, 3)
    mei.typing(story.room)
    await me.locator('.typing', { hasText: story.friends[0] }).waitFor()
    await this.shot(me, 'light', 'nav', '.bubble', '.typing', 'textarea')
    await me.emulateMedia({ colorScheme: 'dark' })
    await this.shot(me, 'dark', 'nav', '.bubble', '.typing', 'textarea')
    await me.emulateMedia({ colorScheme: 'light' })
    await me.locator('.typing').filter({ hasText: /^$/ }).waitFor({ state: 'attached' })
    await me.locator('header .members').click()
    await me.locator('aside li').nth(2).waitFor()
    await me.mouse.move(0, 0)
    await this.shot(me, 'people', 'aside li')
    await me.locator('aside header button').click()
    await me.locator('form .quiet').click()
    await me.locator('emoji-picker [role=menuitem]').nth(40).waitFor()
    await me.mouse.move(0, 0)
    await this.shot(me, 'emoji', '.picker')
    await me.keyboard.press('Escape')
    await this.join(me, story.empty)
    await this.shot(me, 'empty', '.empty')
    await this.join(me, story.long)
    await me.locator('.scroller').evaluate((list) => { list.scrollTop -= 900 })
    await me.locator('.newest').waitFor()
    await this.shot(me, 'history', '.newest')
    await me.locator('button.room', { hasText: story.other }).click()
    await me.locator('li.divider').waitFor()
    await me.waitForFunction((room) => document.querySelector('caddy-chat').chat.rooms.get(room).unread === 0, story.other)
    for (const text of story.unread) await mei.send(story.room, { text })
    await me.locator('button.room', { hasText: story.room }).locator('b', { hasText: '3' }).waitFor()
    await me.locator('button.room', { hasText: story.room }).click()
    await me.locator('li.divider').waitFor()
    await me.mouse.move(0, 0)
    await this.shot(me, 'unread', '.divider')
    await me.locator('nav .me').click()
    await me.locator('dialog').waitFor()
    await this.shot(me, 'settings', 'dialog')
    await this.leave(me)
  }

  async asModerator() {
    const { story } = this
    const claims = { sub: 'lin', name: story.me, chat: { read: ['*'], write: ['*'], moderate: ['*'] } }
    const boss = await this.open(`/chat?room=${encodeURIComponent(story.room)}#token=${token(claims)}`, desktop)
    await this.people(boss, 3)
    await boss.locator('li.other', { hasText: story.unread[2] }).hover()
    await boss.locator('li.other .more').last().click()
    await boss.locator('[role=menu]').waitFor()
    await this.shot(boss, 'menu', '[role=menu]')
    await this.leave(boss)
  }

  async onPhone() {
    const { story, server } = this
    const small = await this.open(`/chat#${encodeURIComponent(story.room)}`, phone)
    await small.locator('ol > li', { hasText: story.unread[2] }).waitFor()
    await this.people(small, 3)
    await this.shot(small, 'phone', '.bubble', 'textarea', '.back')
    await small.locator('.back').tap()
    await this.shot(small, 'rooms', 'nav')
    await small.locator('button.room', { hasText: story.room }).tap()
    await this.popup()
    await server.stop('SIGKILL')
    await small.locator('.banner:not([hidden])').waitFor()
    await small.locator('textarea').fill(story.offline)
    await small.locator('.send').tap()
    await small.locator('li.sending').waitFor()
    await this.shot(small, 'offline', '.banner', 'li.sending')
    await small.context().close()
  }

  async popup() {
    const { story, friends } = this
    const friend = friends[story.friends[1]]
    const page = await (await this.context(desktop)).newPage()
    await page.route('**/shop', (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html><meta charset="utf-8"><title>${story.shop}</title>
      <style>body { margin: 0; font: 17px serif; background: #f6f1e7; color: #3b2f20 } main { display: block; max-width: 40rem; padding: 4rem }
      .tea { height: 14rem; border-radius: 12px; background: linear-gradient(120deg, #7c9a5b, #d8c48a) } caddy-chat { --accent: #5b6f3a; --mine: #e5ecd5 }</style>
      <main><h1>${story.shop}</h1><p>${story.greeting}</p><div class="tea"></div></main>
      <caddy-chat mode="popup" room="support"></caddy-chat><script type="module" src="/chat/ui/chat.js"></script>` }))
    await page.goto(`${this.url}/shop`)
    await page.locator('.launcher').click()
    await page.locator('textarea').waitFor()
    await this.say(page, story.ask)
    await friend.join('support')
    await friend.send('support', { text: story.answer })
    await page.locator('li.other', { hasText: story.answer }).waitFor()
    await this.people(page, 2)
    await page.mouse.move(0, 0)
    await this.shot(page, 'popup', '.launcher', '.bubble')
    await this.leave(page)
  }

  async join(page, room) {
    await page.locator('nav form input').fill(room)
    await page.keyboard.press('Enter')
    await page.locator('main h1', { hasText: room }).waitFor()
    await page.locator('.members').waitFor()
    await page.locator('.top, ol li').first().waitFor()
  }

  async say(page, text) {
    await page.locator('textarea').fill(text)
    await page.keyboard.press('Enter')
    await page.locator('li.own.sent', { hasText: text }).waitFor()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dir = fileURLToPath(new URL('../docs/images', import.meta.url))
  console.log((await take(dir)).map((name) => path.join(dir, name)).join('\n'))
}
