// The mini program on the screen: WeChat's own renderer draws its WXML and WXSS in a
// browser, and its JavaScript runs on a fake phone with real sockets to the real
// server. What the component does by itself is tested in component.test.js.
import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { take } from '../screenshots.js'
import { launch } from './chromium.js'
import { comparable, difference } from './looks.js'
import { Server, serveWeChat, wait as waitFor } from './server.js'
import { compile } from './view.js'
import { Visitor } from './visitor.js'

const wait = (holds) => waitFor(holds, 60_000) // the machine may be busy
const root = fileURLToPath(new URL('../miniprogram', import.meta.url))
const kept = fileURLToPath(new URL('../../docs/screenshots', import.meta.url))
const options = `limits {
session_rate 1000 10000
user_rate 1000 10000
connect_rate 1000 1000
new_rooms 1000 1000
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

let server, browser, program

before(async () => {
  server = new Server({ chat: options })
  await Promise.all([
    server.start(),
    launch().then((it) => { browser = it }),
    compile(root).then((it) => { program = it }),
  ])
})

after(async () => {
  await browser?.close()
  await server?.remove()
  assert.deepEqual(server.errors(), [])
})

// start opens the mini program on a new phone. Warnings of the renderer fail the
// test.
async function start(t, options = {}) {
  const visitor = await Visitor.launch({ browser, program, root, at: server, ...options })
  t.after(async () => {
    await visitor.quit()
    assert.deepEqual(visitor.view.problems, [])
  })
  return visitor
}

async function enter(t, name, options) {
  const visitor = await start(t, options)
  await visitor.enter(name)
  await visitor.find('.begin').waitFor()
  await visitor.online()
  return visitor
}

// two returns two users in a room that no other test uses.
let count = 0
async function two(t) {
  const room = `room-${++count}`
  const [li, bo] = await Promise.all([enter(t, 'Li'), enter(t, 'Bo')])
  await li.join(room)
  await bo.join(room)
  return { room, li, bo }
}

const title = (visitor) => visitor.view.page.locator('#title').textContent()
const titled = (visitor, text) => wait(async () => await title(visitor) === text)

test('two people sign in and chat in a room; the list shows the last message and what is unread', async (t) => {
  const { room, li, bo } = await two(t)
  await titled(li, room)
  await li.say('Hello, Bo!')
  await bo.sees('Hello, Bo!')
  await wait(() => bo.chat.rooms.get(room).unread === 0) // what was shown is read a moment later
  await bo.back()
  await li.say('Are you there?')
  const row = bo.room(room)
  await row.locator(bo.scoped('.list:unread'), { hasText: '1' }).waitFor()
  await row.locator(bo.scoped('.list:last'), { hasText: 'Li: Are you there?' }).waitFor()
  await titled(bo, 'Chats (1)')
  await bo.open(room)
  await bo.sees('Are you there?')
  await bo.find('.room:divider').waitFor()
  await wait(() => bo.chat.rooms.get(room).unread === 0)
  await bo.back()
  await titled(bo, 'Chats')
})

for (const [what, broken] of [
  ['storage', ['getStorageSync', 'setStorageSync', 'removeStorageSync']],
  ['titles, language, toasts and menus', ['setNavigationBarTitle', 'getAppBaseInfo', 'getWindowInfo', 'showToast', 'showActionSheet', 'showModal', 'vibrateShort']],
]) {
  test(`${what} may fail: one can sign in and chat`, async (t) => {
    const wx = Object.fromEntries(broken.map((name) => [name, () => {
      throw new Error(`${name}:fail`)
    }]))
    const li = await enter(t, 'Li', { wx })
    await li.join(`broken ${what}`)
    await li.say('hi')
    await li.sent('hi')
  })
}

test('the picture can be chosen, is shown to its owner, and sent to nobody', async (t) => {
  const li = await start(t)
  await li.find('.avatar').click()
  await li.find('.avatar image').waitFor()
  await li.enter('Li')
  await li.begin()
  await li.find('image.face').waitFor()
  assert.deepEqual(li.phone.sent.filter((frame) => /wxfile|avatar/.test(frame)), [])
  assert.equal(JSON.parse(li.phone.storage.get('avatar')), 'wxfile://store_portrait.jpeg', 'it survives the mini program')
})

test('a share card leads into its room, through login and back to the list', async (t) => {
  const { room, li } = await two(t)
  await li.say('Look here')
  await li.sent('Look here')
  const card = li.phone.share()
  assert.deepEqual(card, { title: room, path: `/pages/chat/chat?room=${room}` })
  const cy = await start(t, { url: card.path })
  await cy.enter('Cy')
  await cy.sees('Look here')
  await cy.say('I am here')
  await li.sees('I am here')
  await cy.back()
  await cy.room(room).waitFor()
  cy.phone.quit()
  cy.restart(card.path) // who is signed in is there at once
  await cy.sees('I am here')
})

test('a card with a broken address opens the list', async (t) => {
  const li = await start(t, { url: '/pages/chat/chat?room=%E4%B' })
  await li.enter('Li')
  await li.find('.begin').waitFor()
})

test('a card of oneself opens the conversation of two; only its two see it', async (t) => {
  const li = await enter(t, 'Li')
  await li.begin()
  const card = li.phone.share()
  assert.equal(card.title, 'Chat with Li')
  const bo = await start(t, { url: card.path })
  await bo.enter('Bo')
  await bo.find('textarea').waitFor()
  await bo.say('Hi Li')
  await li.back()
  await li.find('.list:row', { hasText: 'Hi Li' }).click()
  await li.sees('Hi Li')
  // Shared from the conversation, the card leads to the one who shares it, not into it.
  assert.deepEqual(li.phone.share(), card)
})

test('a guest who was never here is called a guest, with the end of the id, in the language of who looks', async (t) => {
  for (const [language, called, chatWith] of [['en', 'Guest wxyz', 'Chat with Guest wxyz'], ['zh_CN', '访客 wxyz', '和访客 wxyz聊天']]) {
    const li = await enter(t, 'Li', { language })
    const guest = `guest-${count++}abcdefghwxyz`
    await li.begin()
    await li.find('input.title').fill('Hiking')
    await li.find('.primary.group').click()
    await li.find('.add input').fill(guest)
    await li.find('.add .primary').click()
    const other = li.find('.person', { hasText: called })
    await other.waitFor()
    assert.equal((await other.textContent()).match(new RegExp(called.slice(0, 2), 'g')).length, 1, 'not twice a guest')
    assert.equal(await other.locator('.name').textContent(), called)
    await li.back()
    const [info] = await Promise.all([li.find('.room:info', { hasText: called }).textContent(), titled(li, 'Hiking')])
    assert.ok(!info.includes(guest), info)
    await li.about()
    await li.find('.person', { hasText: called }).click()
    await li.tapLine(chatWith)
    await li.find('textarea').waitFor()
    await titled(li, called)
  }
})

test('a large group: the owner and the admins come first, fifty are drawn, and more with a tap', async (t) => {
  const li = await enter(t, 'Li')
  const { room } = await li.chat.create({ title: 'Crowd' })
  const ids = Array.from({ length: 120 }, (_, i) => `guest-${1000 + i}`)
  for (const some of [ids.slice(0, 100), ids.slice(100)]) await li.chat.member(room, some, 'member')
  await li.chat.member(room, ids.at(-1), 'admin')
  await li.open('Crowd')
  await li.about()
  const people = () => li.find('.person .name').allTextContents()
  await wait(async () => (await people()).length === 50)
  assert.deepEqual((await people()).slice(0, 3), ['Li', 'Guest 1119', 'Guest 1000'])
  for (const n of [100, 121]) {
    await li.find('.more').click()
    await wait(async () => (await people()).length === n)
  }
  await li.find('.more').waitFor({ state: 'detached' })
  await li.find('.person', { hasText: 'Guest 1118' }).click()
  await li.tapLine('Make an admin')
  await li.find('.person', { hasText: 'Guest 1118' }).locator('.soft', { hasText: 'admin' }).waitFor()
})

test('a group: founded, people added, renamed, muted, on top, left', async (t) => {
  const [li, bo] = await Promise.all([enter(t, 'Li'), enter(t, 'Bo')])
  const { id } = bo.chat.user
  const other = li.find('.person', { hasNotText: 'you' })
  await li.begin()
  await li.find('input.title').fill('Hiking')
  await li.find('.primary.group').click()
  await li.find('.add input').fill(id)
  await li.find('.add .primary').click()
  await other.waitFor()
  assert.equal(await other.locator('.name').textContent(), 'Bo')
  await li.back()
  await titled(li, 'Hiking')
  await li.say('Sunday?')
  const row = bo.room('Hiking')
  await row.locator(bo.scoped('.list:last'), { hasText: 'Li: Sunday?' }).waitFor()
  await bo.open('Hiking')
  await bo.sees('Sunday?')

  await li.about()
  await li.find('.person', { hasText: 'owner' }).waitFor()
  await other.click()
  await li.tapLine('Make an admin')
  await li.find('.person', { hasText: 'admin' }).waitFor()
  const tap = async (word) => {
    assert.ok(li.phone.sheet.itemList.length <= 6, 'WeChat shows six lines')
    await li.tapLine(li.phone.sheet.itemList.find((line) => line.startsWith(word)))
  }
  await other.click()
  await tap('Mute')
  await tap('for an hour')
  await bo.find('.room:composer-closed', { hasText: 'You cannot write until' }).waitFor()
  await wait(() => / can no longer write here\.$/.test(li.phone.toast))
  await other.click()
  await tap('Mute')
  await tap('Let ')
  await bo.find('textarea').waitFor()
  await li.find('.item', { hasText: 'Rename the group' }).click()
  li.phone.answer('Walking')
  await titled(bo, 'Walking')

  await bo.about()
  await bo.find('switch.mute').click()
  await bo.find('switch.mute.wx-switch-on').waitFor()
  await bo.find('switch.top').click()
  await bo.find('switch.top.wx-switch-on').waitFor()
  await wait(() => bo.chat.list.rows[0]?.top && !bo.chat.list.rows[0].notify)
  await bo.find('.clear').click()
  bo.phone.answer()
  await wait(() => bo.chat.list.rows[0]?.count && !bo.chat.list.rows[0].entry)
  await bo.back()
  await bo.find('.room:empty').waitFor() // and nobody else's
  assert.deepEqual([await bo.texts(), (await li.phone.pages[1].parts.select(0, '#chat')).state.items.some(({ body }) => body?.text === 'Sunday?')], [[], true])
  await bo.about()
  await bo.find('.leave').click()
  bo.phone.answer()
  await bo.find('.begin').waitFor()
  await wait(async () => await bo.room('Walking').count() === 0)
  await other.waitFor({ state: 'detached' })
})

test('a slow network: each frame takes a second; nothing is sent twice, and no page is stuck', async (t) => {
  const bo = await enter(t, 'Bo')
  await bo.join('slow')
  await bo.say('before')
  const li = await start(t, { late: 1000 })
  await li.enter('Li')
  await li.find('.list:banner', { hasText: 'Connecting…' }).waitFor()
  await li.online()
  await li.join('slow')
  await li.sees('before')
  await li.say('one')
  await li.line('one').locator(li.scoped('.room:sending')).waitFor()
  await li.say('two')
  await li.back() // while both are on their way
  await bo.sees('two')
  await li.open('slow')
  await li.sent('two')
  await li.sees('before') // of the history, which comes later than what waits in the outbox
  assert.deepEqual([await li.texts(), await bo.texts()], [['before', 'one', 'two'], ['before', 'one', 'two']])
  await li.about()
  await li.find('.person', { hasText: 'Bo' }).waitFor()
})

test('the letters of all pages are as large as the user has chosen in WeChat, and none is cut off', async (t) => {
  const sizes = {}
  for (const fontSizeSetting of [17, 27]) {
    const li = await start(t, { wx: { getAppBaseInfo: () => ({ language: 'en', fontSizeSetting }) } })
    const look = async (page) => {
      const found = await li.find('.chat').first().evaluate((root) => [...root.querySelectorAll('text, view, button, input, label')]
        .filter((it) => it.checkVisibility() && [...it.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
        .map((it) => ({ text: it.textContent.trim(), size: parseFloat(getComputedStyle(it).fontSize), cut: it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).textOverflow !== 'ellipsis' && it.clientWidth > 0, low: it.clientHeight > 0 && it.scrollHeight > it.clientHeight + 6, right: it.getBoundingClientRect().right })))
      for (const { text, size, cut, low, right } of found) {
        assert.ok(!cut && !low && right <= 375.5, `${page}, letters of ${fontSizeSetting}: ${text} is cut off`)
        ;(sizes[`${page}: ${text}`] ??= []).push(size)
      }
    }
    await look('login')
    await li.enter('Li')
    await li.online()
    await look('rooms')
    await li.begin()
    await look('new')
    await li.find('input.title').fill('Letters')
    await li.find('.primary.group').click()
    await li.find('.add input').waitFor()
    await look('people')
    await li.back()
    await li.find('textarea').waitFor()
    await look('chat')
  }
  const both = Object.entries(sizes).filter(([, found]) => found.length === 2)
  assert.ok(both.length > 20, `${both.length} texts`)
  const fixed = both.filter(([, [usual, large]]) => large < usual * 1.5)
  assert.deepEqual(fixed.filter(([name]) => !/: [A-Z]$/.test(name)), [], 'initials are as large as their circle')
})

test('who changes one URL and the app id, and nothing else, has a chat app', async (t) => {
  const copy = await mkdtemp(path.join(tmpdir(), 'caddy-chat-own-'))
  t.after(() => rm(copy, { recursive: true }))
  await cp(root, copy, { recursive: true })
  const change = async (file, from, to) => {
    const text = await readFile(path.join(copy, file), 'utf8')
    assert.equal(text.split(from).length, 2, `${from} stands once in ${file}`)
    await writeFile(path.join(copy, file), text.replace(from, to))
  }
  await change('config.js', "url: 'ws://localhost:8080/chat'", `url: '${server.wss}'`)
  await change('project.config.json', 'touristappid', 'wx0123456789abcdef')
  const own = { root: copy, program: await compile(copy), config: null }
  const li = await enter(t, 'Li', own)
  const bo = await enter(t, 'Bo', own)
  for (const person of [li, bo]) await person.open('lobby')
  await li.say('our own app')
  await bo.sees('our own app')
  await bo.say('so it is')
  await li.sees('so it is')
})

test('what the server refuses is said in words', async (t) => {
  const li = await enter(t, 'Li')
  await li.begin()
  await li.find('input.person').fill(li.chat.user.id) // with oneself
  await li.find('.primary.direct').click()
  await wait(() => li.phone.toast)
  assert.doesNotMatch(li.phone.toast, /_/)
  await li.find('input.person').waitFor()
})

test('messages from the time in the background arrive, once', async (t) => {
  const { li, bo } = await two(t)
  await li.say('one')
  await bo.sees('one')
  bo.phone.background()
  await li.say('two')
  await li.say('three')
  await li.sent('three')
  assert.deepEqual(await bo.texts(), ['one'])
  bo.phone.foreground()
  await bo.sees('three')
  assert.deepEqual(await bo.texts(), ['one', 'two', 'three'])
  assert.ok(bo.phone.sockets.size <= 1, `${bo.phone.sockets.size} sockets are open`)
})

test('airplane mode: the banner shows it, messages wait, and are sent once', async (t) => {
  const { li, bo } = await two(t)
  li.phone.airplane(true)
  await li.find('.room:banner', { hasText: 'No connection. Trying again…' }).waitFor()
  await li.say('from the plane')
  await li.line('from the plane').locator(li.scoped('.room:sending')).waitFor()
  li.phone.airplane(false)
  await bo.sees('from the plane')
  await li.sent('from the plane')
  assert.deepEqual([await li.texts(), await bo.texts()], [['from the plane'], ['from the plane']])
})

test('the server and the app are killed: no message is lost or duplicated', async (t) => {
  const { room, li, bo } = await two(t)
  await li.say('before')
  await bo.sees('before')
  await li.sent('before')
  await server.stop('SIGKILL')
  await li.find('.room:banner').waitFor()
  await li.say('meanwhile')
  await li.line('meanwhile').locator(li.scoped('.room:sending')).waitFor()
  li.phone.quit() // the message is in the storage
  await server.start()
  li.restart()
  await li.online()
  await bo.sees('meanwhile')
  await li.open(room)
  await li.sees('meanwhile')
  await li.sent('meanwhile')
  assert.deepEqual([await li.texts(), await bo.texts()], [['before', 'meanwhile'], ['before', 'meanwhile']])
})

test('a guest whose token is refused sees that, and starts anew with a tap', async (t) => {
  const li = await enter(t, 'Li')
  const { id } = li.chat.user
  li.phone.quit()
  const [key] = [...li.phone.storage.keys()].filter((key) => key.endsWith(' token'))
  li.phone.storage.set(key, '"a.token.that-is-refused"')
  li.restart()
  await li.find('.list:banner').waitFor()
  await wait(() => li.chat.state === 'closed')
  await li.find('.list:banner').click()
  await li.online()
  await wait(() => li.chat.user && li.chat.user.id !== id)
})

test('a mini program signs in by WeChat; a refused token is replaced, and does not make the user a guest', async (t) => {
  const at = await serveWeChat(t, options)
  const li = await enter(t, 'Li', { at, config: { login: true }, codes: ['good', 'bad', 'good again'] })
  const { id, guest } = li.chat.user
  assert.match(id, /^wx-/)
  assert.ok(!guest)
  li.phone.quit()
  li.phone.storage.set('token', '"a.token.that-is-refused"')
  li.restart()
  await wait(() => li.chat.state === 'online')
  assert.equal(li.chat.user.id, id)
  assert.deepEqual(li.phone.codes, [])
})

test('who signs out is asked first, and leaves nothing on the phone', async (t) => {
  const li = await enter(t, 'Li')
  await li.begin()
  await li.find('.out').click()
  assert.match(li.phone.modal.title, /^Sign out\?/)
  li.phone.answer()
  await li.find('input.wide').waitFor()
  assert.deepEqual([...li.phone.storage.keys()].filter((key) => !/outbox|ids?$/.test(key)), [])
})

test('the screenshots of the documentation show the mini program as it is: both languages, light and dark', async (t) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-pictures-'))
  try {
    const names = await take(dir)
    assert.equal(names.length, 48)
    assert.deepEqual((await readdir(kept)).filter((name) => name.endsWith('.png')).sort(), [...names].sort(), 'run make screenshots')
    const strictly = await comparable(dir, kept)
    if (!strictly) t.diagnostic('The kept screenshots were drawn by another Chromium or with other fonts: sizes were checked, pixels were not.')
    for (const name of names) {
      const different = await difference(path.join(dir, name), path.join(kept, name), strictly)
      assert.equal(different, '', `${name}: ${different}: run make screenshots and look at it`)
      for (const folder of [dir, kept]) {
        const { size } = await stat(path.join(folder, name))
        assert.ok(size > 20_000 && size <= (name.startsWith('emoji') ? 300_000 : 150_000), `${name}: ${size} bytes`) // an empty screen is smaller
      }
    }
  } finally {
    await rm(dir, { recursive: true })
  }
})
