// Takes the screenshots of the built-in page and of <caddy-chat> for the documentation:
// the real page, in Chromium, with users who chat over the real server.
import { createHmac } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Client } from './core/index.js'
import { node } from './core/node.js'
import { launch } from './test/person.js'
import { Server } from './test/server.js'

const secret = 'a-secret-of-at-least-32-bytes-for-pictures'
const desktop = { viewport: { width: 1100, height: 700 } }
const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

const stories = {
  en: {
    me: 'Lin', room: 'Sunday hike', other: 'Book club', empty: 'New ideas', long: 'Everything', friends: ['Mei Chen', 'Tom'],
    lines: [
      ['Mei Chen', 'Who is coming on Sunday?'], ['Tom', 'Me! I take the 7:40 train.'], ['Tom', 'The way: https://maps.example.org/mill-trail'],
      ['me', 'I am in, and I bring the tea 🍵'], ['Mei Chen', '🎉🎉'],
      ['Mei Chen', 'Then we meet at the station, at the north gate. From there it is over the bridge, and left along the river as far as the mill.'],
    ],
    unread: ['It may rain a little ☔️', 'Rain or shine 🙂', 'Does anybody have a second umbrella?'],
    offline: 'In the tunnel, more in a minute', ask: 'Hello! Do you ship to Norway?', answer: 'We do, within a week. 📦', shop: 'The tea shop', greeting: 'Fresh from this spring.',
  },
  zh: {
    me: '小林', room: '周末徒步', other: '读书会', empty: '新点子', long: '闲聊', friends: ['陈梅', '阿明'],
    lines: [
      ['陈梅', '星期天谁来？'], ['阿明', '我来！我坐 7:40 的火车。'], ['阿明', '路线：https://maps.example.org/mill-trail'],
      ['me', '我也来，带上茶 🍵'], ['陈梅', '🎉🎉'], ['陈梅', '那我们在火车站北门集合。出发后先过桥，再左转沿着河一直走到磨坊。'],
    ],
    unread: ['可能会下点小雨 ☔️', '风雨无阻 🙂', '谁有多余的伞？'],
    offline: '在隧道里，稍后再说', ask: '你好！可以寄到挪威吗？', answer: '可以，一周之内送达。📦', shop: '茶叶店', greeting: '今年的春茶。',
  },
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(claims) {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

// take takes the screenshots into dir and returns their names. Each is looked at for what
// no picture may have: text that is cut off, and a page that scrolls sideways.
export async function take(dir) {
  await mkdir(dir, { recursive: true })
  const names = []
  let browser
  try {
    browser = await launch()
    for (const [language, story] of Object.entries(stories)) await takeLanguage(language, story)
  } finally {
    await browser?.close()
  }
  return names

  async function takeLanguage(language, story) {
    const server = new Server({ chat: `auth jwt {\nsecret ${secret}\n}\nauth guest\nui on\nlimits {\nsession_rate 1000 1000\nuser_rate 1000 1000\n}` })
    try {
      await server.start()
      await chatOn(language, story, server)
    } finally {
      await server.remove()
    }
  }

  async function chatOn(language, story, server) {
    const url = `https://localhost:${server.ports[1]}`
    const context = async (options) => {
      const made = await browser.newContext({ ignoreHTTPSErrors: true, locale: language === 'zh' ? 'zh-CN' : 'en', reducedMotion: 'reduce', ...options })
      made.setDefaultTimeout(15_000)
      await made.addInitScript((name) => localStorage.setItem('caddy-chat name', name), story.me)
      return made
    }
    const open = async (where, options) => {
      const page = await (await context(options)).newPage()
      await page.goto(url + where)
      await page.locator('textarea').waitFor()
      return page
    }
    const shot = async (page, name) => {
      names.push(`page-${name}-${language}.png`)
      await page.evaluate(() => document.fonts.ready)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (wide > 0) throw new Error(`${names.at(-1)} scrolls sideways by ${wide} pixels`)
      await page.screenshot({ path: path.join(dir, names.at(-1)) })
    }
    const friends = {}
    for (const name of story.friends) {
      friends[name] = new Client({ url: server.ws, name, ...node(WebSocket) })
      await friends[name].connect()
      for (const room of [story.room, story.other, story.long]) await friends[name].join(room)
    }
    const [mei, tom] = story.friends.map((name) => friends[name])
    try {
      for (let i = 0; i < 80; i++) await [mei, tom][i % 3 ? 0 : 1].send(story.long, { text: story.lines[(i * 5 + 1) % 6][1] })
      const me = await open(`/chat#${encodeURIComponent(story.room)}`, desktop)
      for (const room of [story.other, story.room]) await join(me, room)
      for (const [name, text] of story.lines) {
        if (name === 'me') await say(me, text)
        else await friends[name].send(story.room, { text })
        await me.locator('ol .text', { hasText: text }).last().waitFor()
      }
      for (let i = 0; i < 3; i++) await tom.send(story.other, { text: story.unread[i] })
      await me.locator('button.room', { hasText: story.other }).locator('b', { hasText: '3' }).waitFor()
      mei.typing(story.room)
      await me.locator('.typing', { hasText: story.friends[0] }).waitFor()
      await shot(me, 'light')
      await me.emulateMedia({ colorScheme: 'dark' })
      await shot(me, 'dark')
      await me.emulateMedia({ colorScheme: 'light' })
      await me.locator('header .members').click()
      await me.locator('aside li').nth(2).waitFor()
      await shot(me, 'people')
      await me.locator('aside header button').click()
      await me.locator('form .quiet').click()
      await me.locator('emoji-picker [role=menuitem]').nth(40).waitFor()
      await shot(me, 'emoji')
      await me.keyboard.press('Escape')
      await join(me, story.empty)
      await shot(me, 'empty')
      await join(me, story.long)
      await me.locator('.scroller').evaluate((list) => { list.scrollTop -= 900 })
      await me.locator('.newest').waitFor()
      await shot(me, 'history')
      await me.locator('button.room', { hasText: story.other }).click()
      await me.locator('li.divider').waitFor()
      await me.waitForFunction((room) => document.querySelector('caddy-chat').chat.rooms.get(room).unread === 0, story.other)
      for (const text of story.unread) await mei.send(story.room, { text })
      await me.locator('button.room', { hasText: story.room }).click()
      await me.locator('li.divider').waitFor()
      await shot(me, 'unread')
      await me.locator('nav .me').click()
      await me.locator('dialog').waitFor()
      await shot(me, 'settings')
      await me.context().close()

      const boss = await open(`/chat?room=${encodeURIComponent(story.room)}#token=${token({ sub: 'lin', name: story.me, chat: { read: ['*'], write: ['*'], moderate: ['*'] } })}`, desktop)
      await boss.locator('li.other', { hasText: story.unread[2] }).hover()
      await boss.locator('li.other .more').last().click()
      await boss.locator('[role=menu]').waitFor()
      await shot(boss, 'menu')
      await boss.context().close()

      const small = await open(`/chat#${encodeURIComponent(story.room)}`, phone)
      await small.locator('li', { hasText: story.unread[2] }).waitFor()
      await shot(small, 'phone')
      await small.locator('.back').tap()
      await shot(small, 'rooms')
      await small.locator('button.room', { hasText: story.room }).tap()
      await popup(context, url, story, server, tom, shot)
      await server.stop('SIGKILL')
      await small.locator('.banner:not([hidden])').waitFor()
      await small.locator('textarea').fill(story.offline)
      await small.locator('.send').tap()
      await small.locator('li.sending').waitFor()
      await shot(small, 'offline')
      await small.context().close()
    } finally {
      for (const chat of Object.values(friends)) chat.close()
    }
  }

  async function popup(context, url, story, server, friend, shot) {
    const page = await (await context(desktop)).newPage()
    await page.route('**/shop', (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html><meta charset="utf-8"><title>${story.shop}</title>
      <style>body { margin: 0; font: 17px Georgia, "Noto Serif CJK SC", serif; background: #f6f1e7; color: #3b2f20 } main { display: block; max-width: 40rem; padding: 4rem }
      .tea { height: 14rem; border-radius: 12px; background: linear-gradient(120deg, #7c9a5b, #d8c48a) } caddy-chat { --accent: #5b6f3a; --mine: #e5ecd5 }</style>
      <main><h1>${story.shop}</h1><p>${story.greeting}</p><div class="tea"></div></main>
      <caddy-chat mode="popup" room="support"></caddy-chat><script type="module" src="/chat/ui/chat.js"></script>` }))
    await page.goto(`${url}/shop`)
    await page.locator('.launcher').click()
    await page.locator('textarea').waitFor()
    await say(page, story.ask)
    await friend.join('support')
    await friend.send('support', { text: story.answer })
    await page.locator('li.other', { hasText: story.answer }).waitFor()
    await shot(page, 'popup')
    await page.context().close()
  }

  async function join(page, room) {
    await page.locator('nav form input').fill(room)
    await page.keyboard.press('Enter')
    await page.locator('main h1', { hasText: room }).waitFor()
    await page.locator('.members').waitFor()
    await page.locator('.top, ol li').first().waitFor()
  }

  async function say(page, text) {
    await page.locator('textarea').fill(text)
    await page.keyboard.press('Enter')
    await page.locator('li.own.sent', { hasText: text }).waitFor()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dir = fileURLToPath(new URL('../docs/images', import.meta.url))
  console.log((await take(dir)).map((name) => path.join(dir, name)).join('\n'))
}
