// The pictures of answers, edits, reactions, mentions and pins.
import { desktop, phone, token } from './pictures.js'
import { TalkPictures } from './talkshots.js'

export class OperationPictures extends TalkPictures {
  // talk has the people of a group answer, react and pin.
  async talk() {
    const { users: { lin, mei, tom, priya }, talks, operations } = this
    this.group = (await lin.create({ key: 'hike', title: talks.group, users: ['mei', 'tom', 'priya', 'jonas'] })).room
    for (const chat of [lin, mei, tom, priya]) await chat.join(this.group)
    const seqs = []
    for (const [id, text, more] of operations.lines) {
      seqs.push((await this.users[id].send(this.group, { text }, { ...more, reply: more?.reply === undefined ? undefined : seqs[more.reply] })).seq)
    }
    const [question, way, answer] = seqs
    await tom.edit(this.group, way, { text: operations.edited })
    for (const [chat, tag] of [[tom, '👍'], [priya, '👍'], [lin, '👍'], [priya, '🎉']]) await chat.tag(this.group, question, tag)
    for (const [chat, tag] of [[mei, '❤️'], [tom, '❤️']]) await chat.tag(this.group, answer, tag)
    for (const seq of [question, way]) await lin.tag(this.group, seq, 'pin', true, true)
    const { seq } = await tom.send(this.group, { text: operations.taken })
    await mei.send(this.group, { text: operations.last }, { reply: seq })
    await tom.recall(this.group, seq)
    await lin.read(this.group, seq + 1)
  }

  get operations() {
    return this.story.talks.operations
  }

  async signIn(options) {
    const page = await (await this.context(options)).newPage()
    await page.goto(`${this.url}/chat#token=${token({ sub: 'lin', name: this.story.me })}`)
    await page.locator('.conversations .room').first()[options.hasTouch ? 'tap' : 'click']()
    await page.locator('ol .quote', { hasText: this.operations.lines[0][1] }).first().waitFor()
    await page.locator('.chips button').nth(2).waitFor()
    await page.locator('main .pins', { hasText: this.operations.edited }).waitFor()
    await page.mouse.move(0, 0)
    return page
  }

  async both(page, name, ...shown) {
    await this.shot(page, name, ...shown)
    await page.emulateMedia({ colorScheme: 'dark' })
    await this.shot(page, `${name}-dark`, ...shown)
    await page.emulateMedia({ colorScheme: 'light' })
  }

  menuOf(page, text) {
    return page.locator('ol > li', { has: page.locator('.text', { hasText: text }) }).last()
  }

  // work goes through what one does with messages. press is click or tap.
  async work(me, press, suffix) {
    const { operations } = this
    const open = async (text, where) => {
      await this.stand(me, where)
      const row = this.menuOf(me, text)
      if (press === 'tap') await row.locator('.text').tap()
      else await row.hover()
      await row.locator('.more')[press]()
      await me.locator('[role=menu]').waitFor()
      await this.stand(me, where)
    }
    await this.stand(me, 'end')
    await this.both(me, `operations${suffix}`, '.quote', '.chips button', 'main .pins')
    await open(operations.lines[0][1], 'beginning')
    await this.shot(me, `react${suffix}`, '[role=menu]')
    await me.locator('[role=menuitem]', { hasText: this.language === 'zh' ? '回复' : 'Reply' })[press]()
    await me.locator('.draft').waitFor()
    await me.locator('textarea').pressSequentially(`${operations.mention} @`)
    await me.locator('[role=option]').nth(3).waitFor()
    await this.stand(me, 'end')
    await this.both(me, `mention${suffix}`, '.draft', '.mentions')
    await me.locator('textarea').fill('')
    await me.locator('.draft button')[press]()
    await open(operations.mine, 'end')
    await me.locator('[role=menuitem]').filter({ hasText: this.language === 'zh' ? /^编辑$/ : /^Edit$/ })[press]()
    await me.locator('.draft').waitFor()
    await this.stand(me, 'end')
    await this.shot(me, `edit${suffix}`, '.draft')
  }

  async onDesktop() {
    const me = await this.signIn(desktop)
    await this.work(me, 'click', '')
    await this.leave(me)
  }

  async onPhone() {
    const me = await this.signIn(phone)
    await this.work(me, 'tap', '-phone')
    await this.leave(me)
  }
}
