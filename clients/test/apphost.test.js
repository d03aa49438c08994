// Each call of WeChat that the pages of the mini program make may be missing, throw, fail, answer
// late, twice, with nothing or never. The app goes on, tells what did not happen, does nothing
// twice, and does at the next tap what was asked. The calls of the client and of the components have
// tables of their own: ../core/test/hostcalls.test.js and componenthost.test.js.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Phone } from './phone.js'
import { Server, serveWeChat, wait as waitFor } from './server.js'

const wait = (holds) => waitFor(holds, 60_000) // the machine may be busy
const root = fileURLToPath(new URL('../miniprogram', import.meta.url))
const pace = 8 // as fast as the timers of the app run
const late = 4000 / pace
const options = 'limits {\nsession_rate 1000 10000\nuser_rate 1000 10000\nconnect_rate 1000 1000\nnew_rooms 1000 1000\n}'

let server, weChat
const ends = []
before(async () => {
  server = new Server({ chat: options })
  await server.start()
  weChat = await serveWeChat({ after: (end) => ends.push(end) }, options)
})
after(async () => {
  await server.remove()
  for (const end of ends) await end()
  assert.deepEqual([...server.errors(), ...weChat.errors()], [])
})

// The ways in which a call goes wrong. make does what the call should, with other options.
const fail = () => {
  throw new Error('no such thing')
}
const refused = { errMsg: 'fail' }
const refusing = { // it is not done
  throws: fail, // as does a call that is missing
  fails: (make, { fail }) => setTimeout(fail, late, refused),
  'fails at once': (make, { fail }) => fail(refused),
  'fails twice': (make, { fail }) => [1, 2].forEach(() => fail(refused)),
  'fails with nothing': (make, { fail }) => fail(),
}
const working = { // it is done, sooner or later
  'works late': (make) => setTimeout(make, late),
  'answers late': (make, { success }) => make({ success: (given) => setTimeout(success, late, given) }),
  'answers twice': (make, { success }) => make({ success: (given) => [1, 2].forEach(() => success(given)) }),
  'works and fails': (make, { success, fail }) => make({ success: (given) => { success(given); fail(refused) } }),
}
const silent = {
  never: () => undefined,
  'answers with nothing': (make, { success }) => success(),
}

const is = (handler) => ({ phone }) => typeof phone.page?.page[handler] === 'function'
const pages = { login: is('onAvatar'), rooms: is('onUnread'), fresh: is('copyId'), chat: is('onTitle'), people: is('person') }
const said = 'WeChat did not do that. Try again.'

// What the user does with each call: from the page where, tap does it, and done tells that it was
// done. again: the app tries again by itself. quiet: nothing waits for it, and nobody is told.
const rows = {
  login: { where: 'login', tap: (li) => li.enter(), done: (li) => li.chat.state === 'online', again: true, weChat: true },
  request: { where: 'login', tap: (li) => li.enter(), done: (li) => li.chat.state === 'online', again: true, weChat: true },
  reLaunch: { where: 'login', tap: (li) => li.enter(), done: pages.rooms, again: true },
  navigateTo: { where: 'rooms', tap: ({ page }) => page.begin(), done: pages.fresh, again: ['throws', 'fails', 'fails at once', 'fails twice', 'fails with nothing'] }, // by redirectTo
  redirectTo: { where: 'fresh', tap: ({ page }) => page.join(), done: pages.chat },
  showActionSheet: { where: 'people', tap: (li) => li.person(), then: (li) => li.phone.choose('Chat with Bo'), done: pages.chat },
  showModal: { where: 'fresh', tap: ({ page }) => page.signOut(), then: (li) => li.phone.answer(), done: pages.login },
  setClipboardData: { where: 'fresh', tap: ({ page }) => page.copyId(), done: (li) => li.phone.clipboard === li.chat.user.id },
  getFileSystemManager: { where: 'login', tap: ({ page }) => page.onAvatar({ detail: { avatarUrl: 'http://tmp_1.png' } }), done: (li) => li.kept('avatar') === 'http://store_1.png', quiet: true },
  showToast: { where: 'fresh', tap: ({ page }) => page.join(), done: pages.chat, quiet: true },
  setNavigationBarTitle: { where: 'fresh', tap: ({ page }) => page.join(), done: pages.chat, quiet: true },
}
const storage = ['getStorageSync', 'setStorageSync', 'removeStorageSync']

test('these are all calls that the pages make', async () => {
  const own = new Set()
  for (const file of await readdir(root, { recursive: true })) {
    if (!file.endsWith('.js') || file.startsWith('caddy-chat/')) continue
    const text = await readFile(path.join(root, file), 'utf8')
    for (const [, ...names] of text.matchAll(/\bwx\.(\w+)|\battempt\('(\w+)'|\bhost\.call\('(\w+)'/g)) own.add(names.find(Boolean))
  }
  assert.deepEqual([...own].sort(), [...Object.keys(rows), ...storage].sort())
})

// Li is a user of the app. The first call of name goes wrong.
class Li {
  static async at(where, name, wrong, { at = server, login = false } = {}) {
    const li = new Li()
    const phone = li.phone = new Phone({ ca: at.ca, pace, codes: ['good 1', 'good 2', 'good 3'] })
    const real = phone.wx({ ended: false })
    const files = name === 'getFileSystemManager'
    const call = (options) => {
      const make = (more) => (files ? real.getFileSystemManager().saveFile({ ...options, ...more }) : real[name]({ ...options, ...more }))
      if (li.wrongs === 0) return make()
      li.wrongs--
      return wrong(make, options)
    }
    phone.replaced = { [name]: files ? () => ({ saveFile: call }) : call }
    li.wrongs = 0
    const config = { url: at.wss, login, rooms: ['lobby'] }
    phone.launch(root, config)
    await wait(() => pages.login(li))
    if (where !== 'login') await li.signIn(where)
    phone.toast = undefined
    li.wrongs = 1
    return li
  }

  get page() {
    return this.phone.page.page
  }

  get chat() {
    return this.phone.app.chat
  }

  kept(name) {
    return JSON.parse(this.phone.storage.get(name) ?? 'null')
  }

  enter() {
    this.page.enter({ detail: { value: { name: 'Li' } } })
  }

  async signIn(where) {
    this.enter()
    await wait(() => pages.rooms(this) && this.chat.state === 'online')
    if (where === 'fresh') this.page.begin()
    if (where === 'people') this.phone.pages.push(this.phone.load('pages/people/people?room=lobby'))
    await wait(() => pages[where](this))
    await new Promise((resolve) => setTimeout(resolve, 1000 / pace)) // another tap opens a page
    if (where === 'fresh') this.page.setData({ room: 'tea' })
    if (where !== 'people') return
    await wait(() => this.page.people)
    Object.assign(this.page, { people: [{ id: 'bo', name: 'Bo' }], turn: {}, load() {} }) // whoever else comes and goes
    this.page.draw()
  }

  person() {
    this.page.person({ currentTarget: { dataset: { id: 'bo' } } })
  }

  // do taps, and answers what WeChat then asks.
  do({ tap, then }) {
    this.phone.sheet = this.phone.modal = undefined
    tap(this)
    if (then) setTimeout(() => (this.phone.sheet || this.phone.modal) && then(this), 2 * late)
  }
}

for (const [name, row] of Object.entries(rows)) describe(name, { concurrency: true }, () => {
  for (const [way, wrong] of Object.entries({ ...refusing, ...working, ...silent })) {
    test(way, async (t) => {
      const li = await Li.at(row.where, name, wrong, { at: row.weChat ? weChat : server, login: row.weChat })
      t.after(() => li.phone.quit())
      const { length } = li.phone.pages
      li.do(row)
      if (way in working || row.again === true || row.again?.includes(way) || /Toast|Title/.test(name)) {
        await wait(() => row.done(li))
      } else if (!row.quiet && way in refusing) {
        await wait(() => li.phone.toast === said)
      } else {
        await new Promise((resolve) => setTimeout(resolve, 3 * late)) // nothing comes
      }
      if (!row.done(li)) {
        li.do(row)
        await wait(() => row.done(li))
      }
      await new Promise((resolve) => setTimeout(resolve, 3 * late)) // what comes twice
      assert.ok(row.done(li))
      assert.ok(li.phone.pages.length <= length + 1, `${li.phone.pages.length} pages are open`)
      const logins = li.phone.sent.filter((text) => /"code"/.test(text)).length
      assert.ok(logins <= (row.weChat && !(way in working) ? 2 : 1) && li.phone.sockets.size <= 1, `${logins} logins, ${li.phone.sockets.size} sockets`)
    })
  }
})

for (const name of storage) {
  for (const [way, wrong] of Object.entries({ throws: fail, 'returns nothing': () => undefined, 'returns rubbish': () => ({ not: 'a text' }), 'returns a list of rubbish': () => [null, 7, {}] })) {
    test(`${name}: ${way}`, async (t) => {
      const li = new Li()
      const phone = li.phone = new Phone({ ca: server.ca, pace, wx: { [name]: wrong } })
      t.after(() => phone.quit())
      for (const text of ['name', 'token', 'rooms', 'avatar']) phone.store(text, text)
      if (name === 'getStorageSync') phone.storage.clear()
      phone.launch(root, { url: server.wss, login: false, rooms: ['lobby'] })
      await wait(() => phone.page)
      if (name === 'getStorageSync') {
        await wait(() => pages.login(li))
        li.enter()
      }
      await wait(() => pages.rooms(li) && li.chat.state === 'online')
      phone.app.keep('tea')
      phone.app.drop('lobby')
      assert.deepEqual(JSON.parse(JSON.stringify(phone.app.rooms())), ['tea'])
      li.page.begin()
      await wait(() => pages.fresh(li))
      li.page.signOut()
      phone.answer()
      await wait(() => pages.login(li))
    })
  }
}

test('two taps open one page', async (t) => {
  const li = await Li.at('rooms', 'login', fail)
  t.after(() => li.phone.quit())
  li.page.onOpen({ detail: { room: 'lobby' } })
  li.phone.pages[0].page.onOpen({ detail: { room: 'lobby' } })
  await wait(() => pages.chat(li))
  assert.equal(li.phone.pages.length, 2)
})
