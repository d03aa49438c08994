// The pictures of conversations: the list, groups, what one does to messages.
import WebSocket from 'ws'
import { Client } from './core/index.js'
import { node } from './core/node.js'
import { desktop, phone, Pictures, secret, token } from './pictures.js'
import { Server } from './test/server.js'

const policies = 'policy d-* {\ndirect\ncreate users\n}\npolicy g-* {\nread members\nwrite members\nmoderate admins\ninvite members\ncreate users\n}'

export class TalkPictures extends Pictures {
  async tell() {
    const { talks } = this.story
    this.talks = talks
    this.server = new Server({ chat: `auth jwt {\nsecret ${secret}\n}\nui on\n${policies}\nlimits {\naway 1s\nsession_rate 1000 1000\nuser_rate 1000 1000\nnew_rooms 1000 1000\nedit 90000h\n}` })
    this.users = {}
    try {
      await this.server.start()
      for (const [id, name] of Object.entries({ lin: this.story.me, ...talks.people })) await this.meet(id, name)
      await this.talk()
      await this.onDesktop()
      await this.onPhone()
    } finally {
      for (const chat of Object.values(this.users)) chat.close()
      await this.server.remove()
    }
  }

  async meet(id, name) {
    this.users[id] = new Client({ url: this.server.ws, token: token({ sub: id, name }), ...node(WebSocket) })
    await this.users[id].connect()
  }

  // say has a user say something in a room, and in this order.
  async say(id, room, body) {
    const chat = this.users[id]
    await chat.join(room)
    return await chat.send(room, typeof body === 'string' ? { text: body } : body)
  }

  // talk fills the list of lin.
  async talk() {
    const { users: { lin, mei, tom, gran, priya, jonas }, talks, steady } = this
    const { days } = steady
    this.group = (await mei.create({ key: 'hike', title: talks.group, about: talks.about, users: ['lin', 'tom', 'priya', 'jonas'] })).room
    await mei.member(this.group, 'lin', 'admin')
    const club = (await tom.create({ key: 'club', title: talks.club, users: ['lin', 'mei'] })).room
    const lunch = (await jonas.create({ key: 'lunch', title: talks.lunch, users: ['lin', 'priya'] })).room
    const [withMei, withTom, withGran, withPriya] = await Promise.all([mei, tom, gran, priya].map(async (chat) => (await chat.direct('lin')).room))
    for (const [room, ago] of [[lunch, 1], [withGran, 2], [withTom, 3], [withPriya, 3]]) days.set(room, ago)
    await this.say('gran', withGran, talks.direct.gran)
    await this.say('lin', withTom, talks.direct.tom)
    await this.say('priya', withPriya, { type: 'image' })
    const { seq } = await this.say('jonas', lunch, talks.lunchLine)
    await jonas.recall(lunch, seq)
    await this.say('mei', club, talks.clubLines[0])
    await this.say('tom', club, talks.clubLines[1])
    for (const [id, text] of talks.lines) await this.say(id, this.group, text)
    for (const text of talks.direct.mei) await this.say('mei', withMei, text)
    await lin.set(this.group, { top: true })
    await lin.set(club, { notify: false })
    for (const room of [withGran, lunch]) {
      await lin.join(room)
      await lin.read(room, 2)
    }
    this.withMei = withMei
  }

  async signIn(options, hash = '') {
    const page = await (await this.context(options)).newPage()
    await page.goto(`${this.url}/chat#token=${token({ sub: 'lin', name: this.story.me })}`)
    await page.locator('.conversations li').nth(6).waitFor()
    if (hash) await page.goto(`${this.url}/chat#${hash}`)
    await page.mouse.move(0, 0)
    return page
  }

  async onDesktop() {
    const { talks } = this
    const me = await this.signIn(desktop)
    await me.locator('.conversations .room', { hasText: talks.group }).click()
    await me.locator('ol .text', { hasText: talks.lines.at(-1)[1] }).waitFor()
    await me.locator('textarea').waitFor()
    await me.waitForFunction((room) => document.querySelector('caddy-chat').chat.list.get(room).unread === 0, this.group)
    await me.mouse.move(0, 0)
    await this.shot(me, 'conversations', '.conversations li', '.signs b', '.bubble', 'textarea')
    await me.emulateMedia({ colorScheme: 'dark' })
    await this.shot(me, 'conversations-dark', '.conversations li', '.bubble')
    await me.locator('header .members').click()
    await me.locator('aside li').nth(4).waitFor()
    await me.mouse.move(0, 0)
    await this.shot(me, 'group-dark', 'aside li')
    await me.emulateMedia({ colorScheme: 'light' })
    await this.shot(me, 'group', 'aside li')
    await me.keyboard.press('Escape')
    await me.locator('.conversations .room', { hasText: talks.club }).click({ button: 'right' })
    await me.locator('[role=menu]').waitFor()
    await this.shot(me, 'row-menu', '[role=menu]')
    await me.keyboard.press('Escape')
    await me.locator('.head .new').click()
    await me.locator('[role=menuitem]').nth(1).click()
    await me.locator('dialog .offered button').first().click()
    await me.locator('dialog .offered button').first().click()
    await this.shot(me, 'new-group', 'dialog', '.chosen')
    await me.keyboard.press('Escape')
    await this.leave(me)
  }

  async onPhone() {
    const { talks } = this
    const small = await this.signIn(phone)
    await this.shot(small, 'conversations-phone', '.conversations li')
    await small.emulateMedia({ colorScheme: 'dark' })
    await this.shot(small, 'conversations-phone-dark', '.conversations li')
    await small.locator('.conversations .room', { hasText: talks.group }).tap()
    await small.locator('ol .text', { hasText: talks.lines.at(-1)[1] }).waitFor()
    await small.locator('textarea').waitFor()
    await this.shot(small, 'group-phone-dark', '.bubble', 'textarea')
    await small.emulateMedia({ colorScheme: 'light' })
    await small.locator('header .members').tap()
    await small.locator('aside li').nth(4).waitFor()
    await this.shot(small, 'panel-phone', 'aside li')
    await small.context().close()
  }
}
