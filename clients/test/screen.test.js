// The mini program on the screen: WeChat's own renderer draws its WXML and WXSS in a
// browser, and its JavaScript runs on a fake phone with real sockets to the real
// server.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { take } from '../screenshots.js'
import { hues } from '../web/colours.js'
import { hue } from '../web/text.js'
import { launch } from './chromium.js'
import { comparable, difference } from './looks.js'
import { Server, serveWeChat, wait } from './server.js'
import { compile } from './view.js'
import { Visitor } from './visitor.js'

const root = fileURLToPath(new URL('../miniprogram', import.meta.url))
const kept = fileURLToPath(new URL('../../docs/screenshots', import.meta.url))
const limits = 'limits {\ntext 500\nsession_rate 1000 10000\nuser_rate 1000 10000\nconnect_rate 1000 1000\nnew_rooms 1000 1000\n}'

let server, browser, program

before(async () => {
  server = new Server({ chat: limits })
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

const settled = async (...visitors) => {
  for (const visitor of visitors) await visitor.find('.bubble.sending').waitFor({ state: 'detached' })
}

test('two people sign in and chat: unread, divider, typing, recall', async (t) => {
  const { room, li, bo } = await two(t)
  assert.equal(await li.view.page.locator('#title').textContent(), room)
  await li.find('.status', { hasText: '2 people' }).waitFor()
  await li.say('Hello, Bo!')
  await bo.sees('Hello, Bo!')
  await li.sent('Hello, Bo!')
  assert.equal(await bo.line('Hello, Bo!').locator('.name').textContent(), 'Li')
  const side = async (visitor) => {
    const { x, width } = await visitor.line('Hello, Bo!').locator('.bubble').boundingBox()
    return x + width / 2 < 375 / 2 ? 'left' : 'right'
  }
  assert.deepEqual([await side(li), await side(bo)], ['right', 'left'])

  await bo.find('textarea').pressSequentially('Hi')
  await li.find('.status', { hasText: 'Bo is writing…' }).waitFor()
  await bo.find('textarea').press('Enter')
  await li.sees('Hi')
  assert.equal(await bo.find('textarea').inputValue(), '')

  await bo.back()
  await li.say('Are you there?')
  await li.say('Bo?')
  await bo.room(room).locator('.unread', { hasText: '2' }).waitFor()
  await bo.open(room)
  await bo.sees('Bo?')
  const marked = bo.find('.divider')
  await marked.waitFor()
  const y = async (locator) => (await locator.boundingBox()).y
  assert.ok(await y(bo.line('Hi')) < await y(marked) && await y(marked) < await y(bo.line('Are you there?')))

  await li.longPress(li.line('Bo?').locator('.bubble'))
  await li.choose('Take back')
  await bo.sees('This message was taken back.')
  assert.deepEqual(await bo.texts(), ['Hello, Bo!', 'Hi', 'Are you there?', 'This message was taken back.'])
})

test('the picture can be chosen, is shown to its owner, and sent to nobody', async (t) => {
  const li = await start(t)
  await li.find('.avatar').click()
  const picture = li.find('.avatar image')
  await picture.waitFor()
  const { width, height } = await picture.boundingBox()
  assert.equal(width, height)
  await li.enter('Li')
  const bo = await enter(t, 'Bo')
  const room = `room-${++count}`
  await li.join(room)
  await bo.join(room)
  await li.say('How do I look?')
  await bo.sees('How do I look?')
  await li.sent('How do I look?')
  assert.equal(await li.find('.face').count(), 1)
  assert.equal(await bo.find('image').count(), 0)
  assert.ok(li.phone.sent.some((frame) => frame.includes('How do I look?')))
  assert.deepEqual(li.phone.sent.filter((frame) => /wxfile|avatar/.test(frame)), [])
  assert.equal(JSON.parse(li.phone.storage.get('avatar')), 'wxfile://store_portrait.jpeg', 'it survives the mini program')
})

test('messages from the time in the background arrive, once', async (t) => {
  const { li, bo } = await two(t)
  await li.say('one')
  await bo.sees('one')
  for (const round of ['a', 'b']) {
    bo.phone.background()
    await li.say(`two ${round}`)
    await li.say(`three ${round}`)
    await li.sent(`three ${round}`)
    assert.equal((await bo.texts()).includes(`two ${round}`), false)
    bo.phone.foreground()
    await bo.sees(`three ${round}`)
    await bo.say(`back ${round}`)
    await li.sees(`back ${round}`)
  }
  await settled(bo)
  const all = ['one', 'two a', 'three a', 'back a', 'two b', 'three b', 'back b']
  assert.deepEqual([await li.texts(), await bo.texts()], [all, all])
})

test('airplane mode: the banner shows it, messages wait, and are sent once', async (t) => {
  const { li, bo } = await two(t)
  li.phone.airplane(true)
  await li.find('.banner', { hasText: 'No connection. Trying again…' }).waitFor()
  await li.say('from the plane')
  await li.line('from the plane').locator('.state', { hasText: 'sending' }).waitFor()
  await bo.say('from the ground')
  await bo.sent('from the ground')
  li.phone.airplane(false)
  await li.online()
  await li.sent('from the plane')
  await bo.sees('from the plane')
  const all = ['from the ground', 'from the plane']
  assert.deepEqual([await li.texts(), await bo.texts()], [all, all])
})

test('the server is killed and restarted: no message is lost or duplicated', async (t) => {
  const { li, bo } = await two(t)
  await li.say('before')
  await bo.sees('before')
  await li.sent('before')
  await server.stop('SIGKILL')
  await Promise.all([li, bo].map((visitor) => visitor.find('.banner').waitFor()))
  await li.say('meanwhile, by Li')
  await bo.say('meanwhile, by Bo')
  await server.start()
  await Promise.all([li.online(), bo.online()])
  await bo.sees('meanwhile, by Li')
  await li.sees('meanwhile, by Bo')
  await settled(li, bo)
  await li.say('after')
  await bo.sees('after')
  await li.sent('after')
  const texts = await li.texts()
  assert.deepEqual([...texts].sort(), ['after', 'before', 'meanwhile, by Bo', 'meanwhile, by Li'])
  assert.deepEqual(await bo.texts(), texts)
})

test('a guest whose token is refused sees that, and starts anew with a tap', async (t) => {
  const li = await enter(t, 'Li')
  const { id } = li.phone.app.chat.user
  li.phone.quit()
  const [key] = [...li.phone.storage.keys()].filter((key) => key.endsWith(' token'))
  li.phone.storage.set(key, '"a.token.that-is-refused"')
  li.restart()
  const banner = li.find('.banner', { hasText: 'Not connected. Tap to start anew.' })
  await banner.waitFor()
  await banner.click()
  await li.online()
  assert.notEqual(li.phone.app.chat.user.id, id)
})

test('a WeChat user whose token is refused is signed in again, with a second code if the first is refused', async (t) => {
  const at = await serveWeChat(t, limits)
  const li = await enter(t, 'Li', { at, config: { login: true }, codes: ['good', 'bad', 'good again'] })
  const { id } = li.phone.app.chat.user
  li.phone.quit()
  li.phone.storage.set('token', '"a.token.that-is-refused"')
  li.restart()
  await wait(() => li.phone.app.chat.state === 'online')
  await li.online()
  assert.equal(li.phone.app.chat.user.id, id)
  assert.deepEqual(li.phone.codes, [])
})

test('a refused message shows why, and a tap sends it again or discards it', async (t) => {
  const { li, bo } = await two(t)
  const long = '长'.repeat(501)
  await li.say(long)
  const failed = li.line(long)
  await failed.locator('.state', { hasText: 'not sent (too long)' }).waitFor()
  await li.say('short')
  await bo.sees('short')
  await failed.locator('.bubble').click()
  await li.choose('Try again')
  await failed.locator('.state', { hasText: 'not sent (too long)' }).waitFor()
  await failed.locator('.bubble').click()
  await li.choose('Discard')
  await failed.waitFor({ state: 'detached' })
  assert.deepEqual([await li.texts(), await bo.texts()], [['short'], ['short']])
})

test('texts are drawn as they were written, within the screen', async (t) => {
  const { room, li } = await two(t)
  const bodies = ['<script>alert(1)</script>', '{{words.send}}', '\u202egnirts a', 'w'.repeat(400), '🧑🏽‍🚀'.repeat(80), 'two\nlines']
  const chat = new Client({ url: server.ws, name: '<b>Eve</b>', ...node(WebSocket) })
  t.after(() => chat.close())
  await chat.connect()
  await chat.join(room)
  for (const text of bodies) await chat.send(room, { text })
  await chat.send(room, { no: ['text'] })
  await li.sees('{"no":["text"]}')
  assert.deepEqual(await li.texts(), [...bodies, '{"no":["text"]}'])
  assert.equal(await li.line(bodies[0]).locator('.name').textContent(), '<b>Eve</b>')
  for (const box of await li.find('.bubble').evaluateAll((all) => all.map((it) => it.getBoundingClientRect().toJSON()))) {
    assert.ok(box.left >= 0 && box.right <= 375, JSON.stringify(box))
  }
  const { bottom, height } = await li.find('.composer').evaluate((it) => ({ bottom: it.getBoundingClientRect().bottom, height: innerHeight }))
  assert.equal(bottom, height)
})

test('a long room opens at its end, loads older messages by scrolling, and follows the newest', async (t) => {
  const room = `room-${++count}`
  const chat = new Client({ url: server.ws, name: 'Crowd', ...node(WebSocket) })
  t.after(() => chat.close())
  await chat.connect()
  await chat.join(room)
  for (let i = 0; i < 200; i++) await chat.send(room, { text: `message ${i}` })
  const li = await enter(t, 'Li')
  await li.join(room)
  await li.sees('message 199')
  const log = li.find('.log')
  const rest = () => log.evaluate((it) => it.scrollHeight - it.clientHeight - it.scrollTop)
  await wait(async () => await rest() < 2)
  const before = await li.find('.line').count()
  assert.ok(before < 200, `${before} messages at once`)
  await log.evaluate((it) => { it.scrollTop = 0 })
  await wait(async () => await li.find('.line').count() > before)
  const texts = await li.texts()
  assert.deepEqual(texts, Array.from({ length: texts.length }, (_, i) => `message ${200 - texts.length + i}`))
  await li.say('to the end')
  await wait(async () => await rest() < 2)
})

// faces returns what stands beside the messages, from top to bottom.
const faces = (visitor) => visitor.find('.line').evaluateAll((all) => all.map((line) => {
  const face = line.querySelector('.face')
  const { backgroundColor, backgroundImage } = getComputedStyle(face)
  return {
    y: line.getBoundingClientRect().y,
    text: line.querySelector('.text').textContent,
    name: line.querySelector('.name')?.textContent,
    left: line.querySelector('.bubble').getBoundingClientRect().x,
    face: !face.clientHeight ? 'none' : /pictures.test/.test(backgroundImage) ? 'picture' : `${face.textContent} ${backgroundColor}`,
  }
}).sort((a, b) => a.y - b.y))

async function friend(t, room, name, avatar) {
  const chat = new Client({ url: server.ws, name, avatar, ...node(WebSocket) })
  t.after(() => chat.close())
  await chat.connect()
  await chat.join(room)
  return chat
}

const colour = ({ user }) => `rgb(${hues[hue(user)].match(/\w\w/g).map((part) => parseInt(part, 16)).join(', ')})`

test('others have their picture, or initials in the colour of the page, once a group', async (t) => {
  const room = `room-${++count}`
  const li = await enter(t, 'Li')
  const asked = []
  await li.context.route('https://pictures.test/*', (route) => {
    asked.push(route.request().url())
    return asked.at(-1).endsWith('face.svg') ? route.fulfill({ contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' }) : route.abort()
  })
  await li.join(room)
  const mei = await friend(t, room, '小梅', 'https://pictures.test/face.svg')
  const tom = await friend(t, room, 'tom lee')
  const eve = await friend(t, room, 'Eve', 'https://pictures.test/none.svg')
  for (const [chat, text] of [[mei, 'one'], [mei, 'two'], [tom, 'three'], [tom, 'four'], [eve, 'five'], [eve, 'six'], [mei, 'seven']]) await chat.send(room, { text })
  await li.sees('seven')
  await li.find('.face', { hasText: 'E' }).waitFor() // the picture has not been loaded
  const drawn = await faces(li)
  assert.deepEqual(drawn.map(({ text, name, face }) => [text, name, face]), [
    ['one', '小梅', 'picture'], ['two', undefined, 'none'],
    ['three', 'tom lee', `TL ${colour(tom)}`], ['four', undefined, 'none'],
    ['five', 'Eve', `E ${colour(eve)}`], ['six', undefined, 'none'],
    ['seven', '小梅', 'picture'],
  ])
  assert.equal(new Set(drawn.map(({ left }) => left)).size, 1, 'the messages of a group stand in one line')
  const missing = () => asked.filter((url) => url.endsWith('none.svg')).length
  const before = missing()
  await eve.send(room, { text: 'eight' })
  await li.sees('eight')
  assert.equal((await faces(li)).at(-1).face, `E ${colour(eve)}`)
  assert.equal(missing(), before, 'a picture that is missing is asked for again')
  li.view.problems.splice(0, li.view.problems.length, ...li.view.problems.filter((problem) => !/ERR_FAILED/.test(problem))) // of the picture that is missing
})

test('a face moves up when older messages join its group', async (t) => {
  const room = `room-${++count}`
  const chat = await friend(t, room, 'Crowd')
  for (let i = 0; i < 200; i++) await chat.send(room, { text: `message ${i}` })
  const li = await enter(t, 'Li')
  await li.join(room)
  await li.sees('message 199')
  await wait(() => li.phone.app.chat.rooms.get(room).unread === 0)
  await li.back()
  await li.open(room) // without a divider, which begins a group
  await li.sees('message 199')
  // All messages are one group: only the first has a face.
  const check = async () => {
    const drawn = await faces(li)
    assert.deepEqual(drawn.filter(({ face }) => face !== 'none').map(({ text }) => text), [drawn[0].text])
    return drawn.length
  }
  const before = await check()
  assert.ok(before < 200, `${before} messages at once`)
  await li.find('.log').evaluate((it) => { it.scrollTop = 0 })
  await wait(async () => await li.find('.line').count() > before)
  assert.ok(await check() > before)
})

test('the screenshots of the documentation show the mini program as it is, in both languages', async (t) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-pictures-'))
  try {
    const names = await take(dir)
    assert.equal(names.length, 12)
    assert.deepEqual((await readdir(kept)).filter((name) => name.endsWith('.png')).sort(), [...names].sort(), 'run make screenshots')
    const strictly = await comparable(dir, kept)
    if (!strictly) t.diagnostic('The kept screenshots were drawn by another Chromium or with other fonts: sizes were checked, pixels were not.')
    for (const name of names) {
      const different = await difference(path.join(dir, name), path.join(kept, name), strictly)
      assert.equal(different, '', `${name}: ${different}: run make screenshots and look at it`)
      for (const folder of [dir, kept]) {
        const { size } = await stat(path.join(folder, name))
        assert.ok(size > 20_000 && size <= 150_000, `${name}: ${size} bytes`) // an empty screen is smaller
      }
    }
  } finally {
    await rm(dir, { recursive: true })
  }
})
