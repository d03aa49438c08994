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
import { Server, wait } from './test/server.js'
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
    waiting: 'In the tunnel, more in a minute',
    talk: { answer: 'Half past seven suits me', named: '@Lin see the map:', link: 'https://example.com/gate', mine: 'Got it, thank you', wrong: 'I bring bred', right: 'I bring bread', gone: 'No, I do not', big: '🥾🎒', pin: 'North gate, 7:30' , reply: 'With cheese?' },
    draft: 'Not yet, tomorrow',
    guest: 'Is there a place left?',
  },
  zh: {
    name: '小林',
    friends: ['小梅', '阿明'],
    rooms: ['周末徒步', '读书会', '大厅'],
    before: [['小梅', '星期天谁来？'], ['me', '我来！要带茶吗？🍵'], ['阿明', '带上吧，我坐 7:40 的火车。']],
    after: [['小梅', '那我们在火车站北门集合。'], ['小梅', '七点半，好吗？'], ['阿明', '可能会下点小雨 ☔'], ['小梅', '风雨无阻 🙂']],
    otherRoom: '今晚读第四章吗？',
    typed: '我有一把大伞',
    waiting: '在隧道里，稍后再说',
    talk: { answer: '七点半可以', named: '@小林 看地图：', link: 'https://example.com/gate', mine: '收到，谢谢', wrong: '我带面抱', right: '我带面包', gone: '算了，我不带', big: '🥾🎒', pin: '北门，7:30', reply: '有奶酪吗？' },
    draft: '还没有，明天吧',
    guest: '还有位置吗？',
  },
}

// People who write from right to left, in Arabic and in Hebrew.
const fromRight = {
  title: 'رحلة يوم الأحد',
  people: ['سلمى', 'נועה'],
  lines: [[0, 'مرحبا! متى نلتقي يوم الأحد؟'], [1, 'ב־7:30, ליד התחנה (שער צפון).'], [0, 'الرابط: https://example.com/7 ؟'], ['me', 'شكرا، إلى اللقاء!'], [1, 'OK, מצוין 👍']],
  typed: 'يوم الأحد، 7:30',
}

const options = `limits {
text 50
create_rate 1000 1000
}
policy d-* {
direct
create anyone
}
policy g-* {
read members
write members
moderate admins
create anyone
invite members
}
policy * {
read anyone
write anyone
}`

// take takes the screenshots of all languages into dir, light and dark, and returns their names.
export async function take(dir) {
  await mkdir(dir, { recursive: true })
  const server = new Server({ chat: options })
  const names = []
  let browser, program
  try {
    await server.start()
    browser = await launch(drawing)
    await keepNote(dir, drawnWith(browser))
    program = await compile(root)
    for (const language of Object.keys(stories)) for (const scheme of ['light', 'dark']) await takeAll(language, scheme)
  } finally {
    await browser?.close()
    await server.remove()
  }
  return names

  async function takeAll(language, scheme) {
    const story = stories[language]
    const [, books] = story.rooms
    const steady = new Steady(began)
    const friends = {}
    for (const name of story.friends) friends[name] = await friend(steady, name, name === story.friends[0] ? picture : undefined, [books])
    const visitor = await Visitor.launch({ browser, program, root, at: server, language: language === 'zh' ? 'zh_CN' : 'en', config: { rooms: story.rooms.slice(1) }, frame: (text) => steady.frame(text), safe: 20, context: { colorScheme: scheme } })
    await visitor.context.route(picture, (route) => route.fulfill({ contentType: 'image/svg+xml', body: face }))
    const shot = async (name) => {
      names.push(`${name}-${scheme === 'dark' ? 'dark-' : ''}${language}.png`)
      await visitor.view.drawn
      await visitor.shot(path.join(dir, names.at(-1)))
    }
    const say = async (name, room, text) => {
      if (name === 'me') await visitor.say(text)
      else await friends[name].send(room, { text })
      await visitor.sees(text)
      if (name === 'me') await visitor.sent(text)
    }
    try {
      await visitor.find('.avatar').click()
      await visitor.find('.avatar image').waitFor()
      await visitor.find('input').fill(story.name)
      await shot('sign-in')
      await visitor.enter(story.name)
      await visitor.find('.begin').waitFor()
      await visitor.online()
      const [mei, tom] = story.friends.map((name) => friends[name])
      const [me] = [...steady.ids].find(([, id]) => id === visitor.chat.user.id)
      const { room } = await mei.create({ title: story.rooms[0], avatar: picture, users: [me, tom.user.id] })
      for (const chat of [mei, tom]) await chat.join(room)
      await visitor.open(story.rooms[0])
      for (const [name, text] of story.before) await say(name, room, text)
      await wait(() => visitor.chat.rooms.get(room).unread === 0)
      await visitor.about()
      await shot('people')
      await visitor.back()
      await visitor.back()
      for (const [name, text] of story.after) await friends[name].send(room, { text })
      const { room: two } = await tom.direct(me)
      await tom.join(two)
      await tom.send(two, { text: story.otherRoom })
      await visitor.room(story.rooms[0]).locator(visitor.scoped('.list:unread'), { hasText: story.after.length }).waitFor()
      await visitor.room(story.friends[1]).locator(visitor.scoped('.list:unread'), { hasText: 1 }).waitFor()
      await shot('rooms')
      await visitor.begin()
      await shot('new')
      await visitor.back()
      await visitor.open(story.rooms[0])
      await visitor.find('.room:divider').waitFor()
      await visitor.find('textarea').fill(story.typed)
      await shot('chat')
      await visitor.longPress(visitor.line(story.after[0][1]).locator(visitor.scoped('.room:bubble')))
      await visitor.find('.sheet:choice').first().waitFor()
      await shot('menu')
      await visitor.find('.sheet:reaction').last().click()
      await visitor.find('.sheet:one').first().waitFor()
      await shot('emoji')
      await visitor.find('.sheet:cancel').click()
      visitor.phone.airplane(true)
      await visitor.find('.room:banner').waitFor()
      await visitor.say(story.waiting)
      await visitor.line(story.waiting).locator(visitor.scoped('.room:sending')).waitFor()
      await shot('offline')
      visitor.phone.airplane(false)
      await visitor.sent(story.waiting)
      await mei.member(room, [me], 'admin')
      await visitor.find('.room:info').nth(1).waitFor() // who presses before that scrolls back
      await wait(() => visitor.chat.rooms.get(room).moderate)
      await bottom(visitor)
      await visitor.longPress(visitor.line(story.after[2][1]).locator(visitor.scoped('.room:bubble')))
      await visitor.find('.sheet:choice').nth(4).click()
      await visitor.find('.sheet:choice').first().click()
      await visitor.find('.sheet:choice').nth(4).waitFor()
      await shot('mute')
      await visitor.find('.sheet:cancel').click()
      await talk(visitor, steady, { mei, tom, me, room, story, shot })
      await visitor.back()
      await list(visitor, steady, { tom, me, room, two, books, story, shot })
      const { problems } = visitor.view
      if (problems.length) throw new Error(problems.join('\n'))
    } finally {
      for (const chat of Object.values(friends)) chat.close()
      await visitor.quit()
    }
  }

  // talk has all that a message may have: an answer, a mention, a link, reactions, a correction, a
  // pin, and what was taken back.
  async function talk(visitor, steady, { mei, tom, me, room, story: { after, talk }, shot }) {
    const at = async (text) => (await mei.history(room, {})).entries.find(({ body }) => body?.text === text).seq
    await tom.send(room, { text: talk.answer }, { reply: await at(after[1][1]) })
    const { seq: pin } = await mei.send(room, { text: talk.pin })
    await mei.tag(room, pin, 'pin', true, true)
    await mei.send(room, { text: talk.big })
    const { seq: named } = await mei.send(room, { text: `${talk.named} ${talk.link}` }, { mentions: [me] })
    await visitor.sees(talk.big)
    await visitor.say(talk.mine)
    await visitor.sent(talk.mine)
    for (const chat of [mei, tom]) await chat.tag(room, await at(talk.mine), '👍', true)
    await tom.tag(room, named, '❤️', true)
    const { seq: wrong } = await tom.send(room, { text: talk.wrong })
    await tom.edit(room, wrong, { text: talk.right })
    const { seq: gone } = await tom.send(room, { text: talk.gone })
    await tom.recall(room, gone)
    await visitor.find('.room:gone').waitFor()
    await visitor.find('.room:chip', { hasText: '👍 2' }).waitFor()
    await visitor.longPress(visitor.line(talk.right).locator(visitor.scoped('.room:bubble')))
    await visitor.find('.sheet:choice').first().click()
    await visitor.find('.room:target').waitFor()
    await visitor.find('textarea').fill(talk.reply)
    await bottom(visitor)
    await shot('talk')
    await visitor.find('.room:stop').click()
    await visitor.find('textarea').fill('')
  }

  // list has all that a conversation may have in the list, and the one from right to left.
  async function list(visitor, steady, { tom, me, room, two, books, story, shot }) {
    const people = []
    for (const name of [...fromRight.people, undefined]) people.push(await friend(steady, name, undefined, []))
    steady.ids.set(people[2].user.id, 'guest-k3jd92ab12')
    try {
      await visitor.open(books)
      await visitor.find('textarea').fill(story.draft)
      await visitor.back()
      await visitor.chat.set(two, { top: true })
      await visitor.chat.set(room, { notify: false })
      await tom.send(room, { text: `@${story.name} 🙂` }, { mentions: [me] })
      const { room: asked } = await people[2].direct(me)
      await people[2].join(asked)
      await people[2].send(asked, { text: story.guest })
      const { room: right } = await people[0].create({ title: fromRight.title, avatar: picture, users: [me, people[1].user.id] })
      for (const chat of people.slice(0, 2)) await chat.join(right)
      for (const [who, text] of fromRight.lines.slice(0, 3)) await people[who].send(right, { text })
      await visitor.room(fromRight.title).locator(visitor.scoped('.list:unread'), { hasText: '3' }).waitFor()
      await visitor.find('.list:at').waitFor()
      await visitor.find('.list:quiet').waitFor()
      await shot('list')
      await visitor.open(fromRight.title)
      const [, mine, answer] = fromRight.lines.slice(2)
      await visitor.say(mine[1])
      await visitor.sent(mine[1])
      const { entries } = await people[0].history(right, {})
      await people[1].send(right, { text: answer[1] }, { reply: entries.find(({ body }) => body?.text === fromRight.lines[2][1]).seq })
      await visitor.sees(answer[1])
      await visitor.find('textarea').fill(fromRight.typed)
      await bottom(visitor)
      await shot('right-to-left')
    } finally {
      for (const chat of people) chat.close()
    }
  }

  // bottom waits until a room shows its newest message.
  function bottom(visitor) {
    return wait(() => visitor.find('.room:log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2))
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
