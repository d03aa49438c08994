// How the components look on different phones: dark, with large letters, without a button
// below the screen, with the keyboard open, in Chinese.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from './component.js'
import { wait } from './server.js'

const it = stage()
const { enter, friend, pageOf, room } = it
const look = (locator, ...names) => locator.evaluate((element, names) => names.map((name) => getComputedStyle(element)[name]), names)
const rest = (person) => person.find('.room:log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)

test('the keyboard, an answer and a long text never hide the newest message', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  for (let i = 0; i < 30; i++) await mei.send(name, { text: `message ${i}` })
  const li = await enter(t, 'Li', pageOf(name), { safe: 34 })
  await li.sees('message 29')
  const inSight = async () => {
    const newest = await li.find('.room:bubble').last().boundingBox()
    const log = await li.find('.room:log').boundingBox()
    return newest.y + newest.height <= log.y + log.height + 1
  }
  await wait(inSight)
  await li.find('textarea').click()
  await li.keyboard(300)
  await wait(async () => {
    const field = await li.find('textarea').boundingBox()
    return field.y + field.height <= 724 - 300
  })
  await wait(inSight)
  await li.find('textarea').fill('one\ntwo\nthree\nfour')
  await wait(inSight)
  await li.find('textarea').fill('@')
  await li.find('.room:person').waitFor()
  await wait(inSight)
  await li.keyboard(0)
  await wait(async () => await rest(li) < 2)
  const [bottom] = await look(li.find('.room:composer'), 'paddingBottom')
  assert.equal(parseFloat(bottom), 34 + 7, 'the space below the text field')
})

test('what is written from right to left runs so, in a message, its author and an answer', async (t) => {
  const name = room()
  const title = 'רחל, שלום!'
  const rachel = await friend(t, title, { rooms: [name] })
  const { seq } = await rachel.send(name, { text: 'שלום לכולם!' })
  await rachel.send(name, { text: 'כן!' }, { reply: seq })
  const li = await enter(t, 'Li', pageOf(name))
  await li.sees('כן!')
  // ends returns where the last letter is, from the first one.
  const ends = (locator) => locator.evaluate((it) => {
    const walk = document.createTreeWalker(it, NodeFilter.SHOW_TEXT)
    const node = walk.nextNode()
    const at = (i) => {
      const range = document.createRange()
      range.setStart(node, i)
      range.setEnd(node, i + 1)
      return range.getBoundingClientRect().left
    }
    return at(node.data.length - 1) < at(0) ? 'left' : 'right'
  })
  for (const part of ['.room:text', '.room:who', '.room:quote-title', '.room:quote-line']) assert.equal(await ends(li.find(part).first()), 'left', part)
  await li.find('textarea').fill('שלום!')
  assert.equal(await li.find('textarea').evaluate((it) => getComputedStyle(it).unicodeBidi), 'plaintext')
})

test('dark and light follow the phone or the property, and the page may change colours', async (t) => {
  const name = room()
  const background = async (person) => (await look(person.find('.room:chat'), 'backgroundColor'))[0]
  const dark = await enter(t, 'Li', pageOf(name), { context: { colorScheme: 'dark' } })
  await dark.find('.room:chat').waitFor()
  assert.equal(await background(dark), 'rgb(21, 24, 28)')
  dark.phone.page.page.setData({ theme: 'light' })
  await wait(async () => await background(dark) === 'rgb(255, 255, 255)')
  const light = await enter(t, 'Bo', pageOf(name))
  await light.find('.room:chat').waitFor()
  assert.equal(await background(light), 'rgb(255, 255, 255)')
  light.phone.page.page.setData({ theme: 'dark' })
  await wait(async () => await background(light) === 'rgb(21, 24, 28)')
  await light.find('page').evaluate((page) => page.style.setProperty('--caddy-chat-paper', '#123456'))
  assert.equal(await background(light), 'rgb(18, 52, 86)')
})

test('letters are as large as the user has chosen in WeChat, and nothing is cut off', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  await mei.send(name, { text: 'How large is this?' })
  const sizes = []
  for (const fontSizeSetting of [undefined, 15, 17, 23, 100, 'large']) {
    const li = await enter(t, 'Li', pageOf(name), { wx: { getAppBaseInfo: () => ({ language: 'en', fontSizeSetting }) } })
    await li.sees('How large is this?')
    const [size] = await look(li.find('.room:text').first(), 'fontSize')
    sizes.push(Math.round(parseFloat(size) * 10) / 10)
    for (const box of await li.find('.room:bubble, .room:send, .room:day').evaluateAll((all) => all.map((it) => ({ inside: it.scrollWidth <= it.clientWidth + 1, right: it.getBoundingClientRect().right })))) {
      assert.ok(box.inside && box.right <= 375, JSON.stringify(box))
    }
  }
  assert.deepEqual(sizes, [16, 16, 16, 21.6, 25.6, 16])
})

test('in Chinese, by WeChat or by the property; the page may say things in other words', async (t) => {
  const name = room()
  const li = await enter(t, '小林', pageOf(name), { language: 'zh_CN' })
  await li.find('.room:send', { hasText: '发送' }).waitFor()
  await li.find('.room:empty', { hasText: 'Ask us anything' }).getByText('这里没有消息。').waitFor()
  li.phone.page.page.setData({ language: 'en' })
  await li.find('.room:send', { hasText: 'Send' }).waitFor()
  li.phone.page.page.setData({ words: { send: 'Go', empty: 7, write: null } })
  await li.find('.room:send', { hasText: 'Go' }).waitFor()
  await li.find(`textarea[placeholder="Message to ${name}"]`).waitFor() // the field is drawn by itself
})

test('slots, external classes and the own header are drawn', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  const li = await enter(t, 'Li', pageOf(name))
  await li.find('.hint', { hasText: 'We answer soon' }).waitFor()
  assert.equal(await li.find('.extra').count(), 0)
  li.phone.page.page.setData({ header: true })
  await li.find('.room:header', { hasText: name }).locator('.extra').waitFor()
  await li.say('mine')
  await li.find('.mine', { hasText: 'mine' }).waitFor()
  await mei.send(name, { text: 'theirs' })
  await li.find('.theirs', { hasText: 'theirs' }).waitFor()
  const drawn = Promise.all(['.around', '.heading', '.mine', '.theirs', '.writing', '.off'].map((selector) => li.find(selector).count()))
  assert.deepEqual(await drawn, [1, 1, 1, 1, 1, 1])
})

test('the list in other words, dark, with its slots and external classes', async (t) => {
  const li = await enter(t, 'Li')
  await li.find('.search', { hasText: 'Find a chat' }).waitFor()
  await li.find('.list:empty', { hasText: 'Nobody has written yet' }).getByText('You have no chats yet').waitFor()
  const { page } = li.phone.page
  page.setData({ language: 'zh', theme: 'dark' })
  await li.find('.list:empty', { hasText: '还没有聊天。' }).waitFor()
  await wait(async () => (await look(li.find('.list:chat'), 'backgroundColor'))[0] === 'rgb(21, 24, 28)')
  page.setData({ words: { noChats: 'Quiet here' } })
  await li.find('.list:empty', { hasText: 'Quiet here' }).waitFor()
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  await li.app.client.join(name)
  await mei.send(name, { text: 'hello' })
  await li.find('.chat-row', { hasText: 'Mei：hello' }).waitFor()
  await li.find('.new', { hasText: '1' }).waitFor()
  const drawn = Promise.all(['.around', '.chat-row', '.called', '.new'].map((selector) => li.find(selector).count()))
  assert.deepEqual(await drawn, [1, 1, 1, 1])
})

test('a list that the server cannot read says so, until there is another connection', async (t) => {
  const li = await enter(t, 'Li')
  await li.find('.list:empty').waitFor() // this server has no conversations
  li.app.client.emit('error', { code: 'unavailable', message: 'later', field: 'list' })
  await li.find('.list:loading', { hasText: 'The server cannot do this just now.' }).waitFor()
  await wait(() => li.data.events.some(({ type, detail }) => type === 'error' && detail.code === 'unavailable'))
  li.phone.airplane(true)
  await li.find('.list:banner').waitFor()
  li.phone.airplane(false)
  await li.find('.list:empty').waitFor()
})

test('older messages come in above without moving what is read, also where the browser does not see to that', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  for (let i = 0; i < 200; i++) await mei.send(name, { text: `message ${i}` })
  const li = await enter(t, 'Li', pageOf(name))
  await li.sees('message 199')
  const chat = li.phone.page.page.selectComponent('#chat')
  // What is being drawn would scroll to the end, also once the newest message is known to be read.
  await wait(() => chat.state.placed && chat.state.seen === chat.state.known.seq && chat.state.known.read === chat.state.known.seq && !chat.state.loading && !chat.looking && !chat.drawing)
  await li.view.drawn
  const log = li.find('.room:log')
  await log.evaluate((it) => { it.style.overflowAnchor = 'none' }) // as on an iPhone
  const first = (await li.texts())[0]
  const y = () => li.line(first).evaluate((line) => line.getBoundingClientRect().y)
  const before = await li.line(first).evaluate((line, list) => { // in one step: what comes in above may come at once
    line.closest(list).scrollTop = 60
    return line.getBoundingClientRect().y
  }, li.scoped('.room:log'))
  await wait(async () => (await li.texts())[0] !== first)
  await wait(async () => Math.abs(await y() - before) < 4)
})
