// Takes the screenshots of the mini program for the documentation:
//
//	npm run screenshots        into docs/screenshots
//
// WeChat's renderer draws the real pages; test/view/phone.html imitates the screen
// around them. The users chat over the real server, which `make caddy` builds.
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Client } from './core/index.js'
import { node } from './core/node.js'
import { launch } from './test/chromium.js'
import { drawing, drawnWith, keepNote } from './test/looks.js'
import { Server } from './test/server.js'
import { Steady } from './test/steady.js'
import { compile } from './test/view.js'
import { Visitor } from './test/visitor.js'

const root = fileURLToPath(new URL('miniprogram', import.meta.url))
const began = new Date(2026, 2, 15, 10, 5).getTime() // the first message of each room, in the time zone of the phone
const picture = 'https://pictures.test/face.svg' // of the first friend
const face = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="#7fb3d5"/><circle cx="32" cy="27" r="13" fill="#f4d3b0"/><path d="M17 30a15 17 0 0 1 30 0l-4-8H22z" fill="#3b2417"/><path d="M8 64a24 20 0 0 1 48 0z" fill="#c0504d"/></svg>'

const stories = {
  en: {
    name: 'Lin',
    friends: ['Mei', 'Tom'],
    rooms: ['Sunday hike', 'Book club', 'lobby'],
    before: [['Mei', 'Who is coming on Sunday?'], ['me', 'I am! Shall I bring the tea? 🍵'], ['Tom', 'Yes please. I take the 7:40 train.']],
    after: [['Mei', 'Then we meet at the station, at the north gate.'], ['Mei', 'Half past seven?'], ['Tom', 'It may rain a little ☔'], ['Mei', 'Rain or shine 🙂']],
    otherRoom: 'Chapter four tonight?',
    typed: 'I have an umbrella for',
    refused: 'Here is the whole way: over the bridge, then left along the river as far as the mill.',
    waiting: 'In the tunnel, more in a minute',
    retry: 'Try again',
    discard: 'Discard',
  },
  zh: {
    name: '小林',
    friends: ['小梅', '阿明'],
    rooms: ['周末徒步', '读书会', '大厅'],
    before: [['小梅', '星期天谁来？'], ['me', '我来！要带茶吗？🍵'], ['阿明', '带上吧，我坐 7:40 的火车。']],
    after: [['小梅', '那我们在火车站北门集合。'], ['小梅', '七点半，好吗？'], ['阿明', '可能会下点小雨 ☔'], ['小梅', '风雨无阻 🙂']],
    otherRoom: '今晚读第四章吗？',
    typed: '我有一把大伞',
    refused: '全程路线是这样的：从火车站出发过桥，然后左转沿着河一直走到磨坊，再穿过树林上山，在山顶的亭子里吃午饭，下午下山。',
    waiting: '在隧道里，稍后再说',
    retry: '重试',
    discard: '删除',
  },
}

// take takes the screenshots of all languages into dir, and returns their names.
export async function take(dir) {
  await mkdir(dir, { recursive: true })
  const server = new Server({ chat: 'limits {\ntext 50\n}' })
  const names = []
  let browser, program
  try {
    await server.start()
    browser = await launch(drawing)
    await keepNote(dir, drawnWith(browser))
    program = await compile(root)
    for (const language of Object.keys(stories)) await takeLanguage(language)
  } finally {
    await browser?.close()
    await server.remove()
  }
  return names

  async function takeLanguage(language) {
    const story = stories[language]
    const [room, books] = story.rooms
    const steady = new Steady(began)
    const friends = {}
    for (const name of story.friends) friends[name] = await friend(steady, name, name === story.friends[0] ? picture : undefined, [room, books])
    const visitor = await Visitor.launch({ browser, program, root, at: server, language: language === 'zh' ? 'zh_CN' : 'en', config: { rooms: story.rooms }, frame: (text) => steady.frame(text) })
    await visitor.context.route(picture, (route) => route.fulfill({ contentType: 'image/svg+xml', body: face }))
    const shot = async (name) => {
      names.push(`${name}-${language}.png`)
      await visitor.view.drawn
      await visitor.shot(path.join(dir, names.at(-1)))
    }
    const sendAll = async (lines) => {
      for (const [name, text] of lines) {
        if (name === 'me') await visitor.say(text)
        else await friends[name].send(room, { text })
        await visitor.sees(text)
        if (name === 'me') await visitor.sent(text)
      }
    }
    try {
      await visitor.find('.avatar').click()
      await visitor.find('.avatar image').waitFor()
      await visitor.find('input').fill(story.name)
      await shot('sign-in')
      await visitor.enter(story.name)
      await visitor.open(room)
      await sendAll(story.before)
      await visitor.back()
      for (const [name, text] of story.after) await friends[name].send(room, { text })
      for (let i = 0; i < 12; i++) await friends[story.friends[1]].send(books, { text: story.otherRoom })
      await visitor.room(room).locator('.unread', { hasText: story.after.length }).waitFor()
      await visitor.room(books).locator('.unread', { hasText: 12 }).waitFor()
      await shot('rooms')
      await visitor.open(room)
      await visitor.find('.divider').waitFor()
      await visitor.find('textarea').fill(story.typed)
      friends[story.friends[1]].typing(room)
      await visitor.find('.status', { hasText: story.friends[1] }).waitFor()
      await shot('chat')
      await visitor.find('.status', { hasText: story.friends[1] }).waitFor({ state: 'detached' })
      await visitor.say(story.refused)
      await visitor.find('.bubble.failed').waitFor()
      await shot('failed')
      await visitor.find('.bubble.failed').click()
      await visitor.view.page.getByRole('button', { name: story.retry }).waitFor()
      await shot('retry')
      await visitor.choose(story.discard)
      visitor.phone.airplane(true)
      await visitor.find('.banner').waitFor()
      await visitor.say(story.waiting)
      await visitor.line(story.waiting).locator('.state').waitFor()
      await shot('offline')
      const { problems } = visitor.view
      if (problems.length) throw new Error(problems.join('\n'))
    } finally {
      for (const chat of Object.values(friends)) chat.close()
      await visitor.quit()
    }
  }

  async function friend(steady, name, avatar, rooms) {
    const chat = new Client({ url: server.ws, name, avatar, ...node(WebSocket) })
    steady.id((await chat.connect()).id)
    for (const room of rooms) await chat.join(room)
    return chat
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dir = fileURLToPath(new URL('../docs/screenshots', import.meta.url))
  console.log((await take(dir)).map((name) => path.join(dir, name)).join('\n'))
}
