// The component <caddy-chat> in a mini program: WeChat's renderer draws it in a browser, and
// its JavaScript runs on a fake phone with real sockets to the real server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hues } from '../web/colours.js'
import { hue } from '../web/text.js'
import { limits, Person, stage } from './component.js'
import { Server, wait } from './server.js'

const it = stage()
const { enter, friend, pageOf, room } = it

const bubble = (person, text) => person.line(text).locator(person.scoped('.room:bubble'))
const open = async (person, text) => {
  await person.longPress(bubble(person, text))
  await person.find('.sheet:choice').first().waitFor()
}

test('two people chat; who wrote is told by name, face and side', async (t) => {
  const name = room()
  const li = await enter(t, 'Li', pageOf(name))
  const bo = await enter(t, 'Bo', pageOf(name))
  await li.say('Hello, Bo!')
  await bo.sees('Hello, Bo!')
  assert.equal(await bo.line('Hello, Bo!').locator(bo.scoped('.room:who')).textContent(), 'Li')
  await li.line('Hello, Bo!').locator(li.scoped('.room:sent')).waitFor()
  await bo.find('textarea').pressSequentially('H')
  await li.find('.room:status', { hasText: 'Bo is writing…' }).waitFor()
  await bo.say('Hi')
  await li.sees('Hi')
  assert.deepEqual(await li.texts(), ['Hello, Bo!', 'Hi'])
  assert.equal(await li.find('textarea').inputValue(), '')
  const middle = async (person) => {
    const { x, width } = await bubble(person, 'Hi').boundingBox()
    return x + width / 2 < 375 / 2 ? 'left' : 'right'
  }
  assert.deepEqual([await middle(li), await middle(bo)], ['left', 'right'])
  await wait(() => li.data.events.some(({ type }) => type === 'sent'))
  await li.line('Hi').locator(li.scoped('.room:face')).click()
  await wait(() => li.data.events.some(({ type, detail }) => type === 'person' && detail.user.name === 'Bo'))
  assert.equal(await li.view.page.locator('#title').textContent(), name)
})

test('messages of a sender are a group with one face; a picture that does not load becomes initials', async (t) => {
  const name = room()
  const mei = await friend(t, '小梅', { rooms: [name], avatar: 'https://pictures.test/face.svg' })
  const eve = await friend(t, 'Eve', { rooms: [name], avatar: 'https://pictures.test/none.svg' })
  const tom = await friend(t, 'tom lee', { rooms: [name] })
  for (const [chat, text] of [[mei, 'one'], [mei, 'two'], [tom, 'three'], [eve, 'four']]) await chat.send(name, { text })
  const li = await Person.launch({ browser: it.browser, app: it.app, at: it.server, name: 'Li' })
  t.after(() => li.quit())
  await li.context.route('https://pictures.test/*', (route) => (route.request().url().endsWith('face.svg')
    ? route.fulfill({ contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' }) : route.abort()))
  await li.go(pageOf(name))
  await li.sees('four')
  await li.line('four').locator(li.scoped('.room:face'), { hasText: 'E' }).waitFor()
  const faces = await li.find('.room:line').evaluateAll((all) => all.map((line) => {
    const face = line.children[0]
    const { backgroundImage, backgroundColor } = getComputedStyle(face)
    return !face.clientHeight ? 'none' : /pictures/.test(backgroundImage) ? 'picture' : `${face.textContent} ${backgroundColor}`
  }))
  const colour = ({ user }) => `rgb(${hues[hue(user)].match(/\w\w/g).map((part) => parseInt(part, 16)).join(', ')})`
  assert.deepEqual(faces, ['picture', 'none', `TL ${colour(tom)}`, `E ${colour(eve)}`])
  assert.deepEqual(await li.find('.room:who').allTextContents(), ['小梅', 'tom lee', 'Eve'])
  assert.deepEqual(await li.find('.room:day').allTextContents(), ['Today'])
})

test('a link is copied with a tap; what looks like WXML or HTML is text', async (t) => {
  const name = room()
  const chat = await friend(t, '<b>Eve</b>', { rooms: [name] })
  const li = await enter(t, 'Li', pageOf(name))
  const bodies = ['<script>alert(1)</script>', '{{t.send}}', '\u202egnirts a', 'w'.repeat(400), 'two\nlines', 'see example.com/a?b=1, please']
  for (const text of bodies) await chat.send(name, { text })
  await chat.send(name, { no: ['text'] })
  await li.sees('{"no":["text"]}')
  assert.deepEqual(await li.texts(), [...bodies, '{"no":["text"]}'])
  await li.find('.room:link', { hasText: 'example.com/a?b=1' }).click()
  await wait(() => li.phone.clipboard === 'http://example.com/a?b=1')
  await wait(() => li.data.events.some(({ type, detail }) => type === 'link' && detail.href === 'http://example.com/a?b=1'))
  for (const box of await li.find('.room:bubble').evaluateAll((all) => all.map((it) => it.getBoundingClientRect().toJSON()))) {
    assert.ok(box.left >= 0 && box.right <= 375, JSON.stringify(box))
  }
})

test('an answer shows what it answers, and leads there', async (t) => {
  const name = room()
  const chat = await friend(t, 'Mei', { rooms: [name] })
  const { seq } = await chat.send(name, { text: 'Who comes?' })
  for (let i = 0; i < 150; i++) await chat.send(name, { text: `message ${i}` })
  await chat.send(name, { text: 'I do' }, { reply: seq })
  const li = await enter(t, 'Li', pageOf(name))
  await li.sees('I do')
  const quote = li.line('I do').locator(li.scoped('.room:quote'))
  await quote.getByText('Who comes?').waitFor()
  assert.equal(await li.line('Who comes?').count(), 0)
  await quote.click()
  await li.find('.room:goal', { hasText: 'Who comes?' }).waitFor()
  await wait(() => li.line('Who comes?').isVisible())
  await li.find('.room:newest').click()
  await li.sees('I do')

  await open(li, 'I do')
  await li.choose('Reply')
  await li.find('.room:target', { hasText: 'Reply to Mei' }).waitFor()
  await li.say('Me too')
  await li.sees('Me too')
  await li.line('Me too').locator(li.scoped('.room:quote'), { hasText: 'I do' }).waitFor()
  assert.equal(await li.find('.room:target').count(), 0)
})

test('a message is edited, reacted to, and taken back; the text can be said again', async (t) => {
  const name = room()
  const bo = await enter(t, 'Bo', pageOf(name))
  const li = await enter(t, 'Li', pageOf(name))
  await li.say('helo')
  await li.line('helo').locator(li.scoped('.room:sent')).waitFor()
  await open(li, 'helo')
  await li.choose('Edit')
  assert.equal(await li.find('textarea').inputValue(), 'helo')
  await li.say('hello')
  await bo.sees('hello')
  await bo.line('hello').getByText('edited').waitFor()
  await open(bo, 'hello')
  await bo.find('.sheet:reaction', { hasText: '👍' }).click()
  const chip = li.line('hello').locator(li.scoped('.room:chip'))
  await chip.getByText('👍 1').waitFor()
  await chip.click()
  await bo.line('hello').locator(bo.scoped('.room:chip'), { hasText: '👍 2' }).waitFor()
  await open(bo, 'hello') // any emoji, from the picker
  await bo.find('.sheet:reaction', { hasText: '＋' }).click()
  await bo.find('.sheet:one', { hasText: '😀' }).waitFor()
  await bo.find('.sheet:group', { hasText: '🐵' }).click()
  await bo.find('.sheet:one', { hasText: '🦙' }).click()
  await li.line('hello').locator(li.scoped('.room:chip'), { hasText: '🦙 1' }).waitFor()
  await bo.find('.sheet:panel').waitFor({ state: 'detached' })
  await open(li, 'hello')
  await li.choose('Take back')
  await bo.sees('This message was taken back.')
  await li.find('.room:again').click()
  assert.equal(await li.find('textarea').inputValue(), 'hello')
})

test('@ offers the people in the room; who is named is told', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  const li = await enter(t, 'Li', pageOf(name))
  const { client } = li.app
  client.who = () => delete client.who && Promise.reject(new Error('offline')) // the first letter asks in vain
  await li.find('textarea').pressSequentially('hi @m')
  await li.find('.room:person', { hasText: 'Mei' }).click()
  assert.equal(await li.find('textarea').inputValue(), 'hi @Mei ')
  const heard = new Promise((resolve) => mei.on('message', resolve))
  await li.find('.room:send').click()
  const { body, mentions } = await heard
  assert.deepEqual([body, mentions], [{ text: 'hi @Mei' }, [mei.user.id]])
  await mei.send(name, { text: '@Li yes' }, { mentions: [li.app.client.user.id] })
  await li.find('.room:mentioned', { hasText: '@Li yes' }).waitFor()
})

test('a refused message shows why, and is sent again or discarded', async (t) => {
  const small = new Server({ chat: `${limits.slice(0, -1)}text 50\n}` })
  t.after(() => small.remove())
  await small.start()
  const li = await Person.launch({ browser: it.browser, app: it.app, at: small, name: 'Li', page: pageOf('a') })
  t.after(() => li.quit())
  await wait(() => li.app.client.rooms.get('a')?.live)
  await li.find('textarea').fill('长'.repeat(51))
  await li.find('.room:send').click()
  await li.find('.room:note', { hasText: 'one character too long' }).waitFor()
  li.app.client.limits.text = 500 // the server has said otherwise since
  await li.find('.room:send').click()
  await li.find('.room:why', { hasText: 'Not sent: The text is too long.' }).waitFor()
  await li.find('.room:why').click()
  await li.choose('Discard')
  await li.find('.room:line').waitFor({ state: 'detached' })
})

test('the page may send, set the text, and scroll to a message and to the end', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  for (let i = 1; i <= 200; i++) await mei.send(name, { text: `message ${i}` })
  const li = await enter(t, 'Li', pageOf(name))
  await li.sees('message 200')
  const chat = li.phone.page.page.selectComponent('#chat')
  chat.scrollTo(30)
  await li.find('.room:goal', { hasText: 'message 30' }).waitFor()
  await wait(() => li.line('message 30').isVisible())
  chat.toEnd()
  await wait(async () => (await li.texts()).at(-1) === 'message 200')
  await wait(() => li.find('.room:log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2))
  const heard = []
  mei.on('message', ({ body, reply }) => heard.push([body, reply]))
  await chat.send('of the page', { reply: 30 })
  await chat.send({ type: 'order', text: 'a parcel' })
  await li.sees('a parcel')
  await wait(() => heard.length === 2)
  assert.deepEqual(heard, [[{ text: 'of the page' }, 30], [{ type: 'order', text: 'a parcel' }, undefined]])
  chat.setText('half a sentence')
  await wait(async () => await li.find('textarea').inputValue() === 'half a sentence')
  await li.find('.room:send').click()
  await li.sees('half a sentence')
})
