// The built-in page as the only chat of two people, each on a computer and on a phone, one in
// English and in the light, the other in Chinese and in the dark: the story of a day. After
// each chapter both devices of a person show the same list.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server, serve } from './person.js'
import { Relay } from './relay.js'
import { wait } from './server.js'
import { Device, phone, talker, withConversations } from './talkers.js'

serve(withConversations)

const picture = 'https://pictures.example/sea.svg'
const drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="#7bc8f6"/><rect y="5" width="9" height="4" fill="#1f6feb"/><circle cx="6.5" cy="2.5" r="1.2" fill="#ffd33d"/></svg>'

// listOf returns what a device shows of its list, row by row.
const listOf = ({ page }) => page.evaluate(() => {
  const { rows, hidden, unread } = document.querySelector('caddy-chat').chat.list
  const told = ({ room, title, avatar, size, role, last, count, read, unread, mention, notify, top, block, entry }) =>
    ({ room, title, avatar, size, role, last, count, read, unread, mention, notify, top, block, shown: entry?.body?.text })
  return JSON.stringify({ rows: rows.map(told), hidden: hidden.map(told), unread }, null, 1)
})

// alike waits until two devices show the same list.
async function alike(what, one, other) {
  let both
  await wait(async () => {
    both = await Promise.all([listOf(one), listOf(other)])
    return both[0] === both[1]
  }).catch(() => assert.equal(...both, what))
}

// says has the page of a device send texts, faster than a user types.
const says = ({ page }, texts) => page.evaluate(async (texts) => {
  const { chat, current } = document.querySelector('caddy-chat')
  await Promise.all(texts.map((text) => chat.send(current, { text })))
}, texts)

const texts = ({ page }) => page.locator('ol .text').allTextContents()

test('a day with no other chat', async (t) => {
  const network = await Relay.open(t, server.ports[1])
  const tunnel = await Relay.open(t, server.ports[1])
  const at = ({ port }) => `https://localhost:${port}/chat`
  const chinese = { locale: 'zh-CN', colorScheme: 'dark' }
  const [ann, annPhone, ben, benPhone] = await Promise.all([
    Device.open(t, 'Ann'), Device.open(t, 'Ann', phone),
    Device.open(t, 'Ben', { ...chinese, at: at(network) }), Device.open(t, 'Ben', { ...chinese, ...phone, at: at(tunnel) })])
  const all = Object.entries({ ann, annPhone, ben, benPhone })
  const each = (act, devices = all.map(([, device]) => device)) => Promise.all(devices.map(act))
  const look = async (name) => {
    for (const [who, device] of all) await device.shot(`${name}-${who}`)
  }
  const chapter = async (name) => {
    await Promise.all([alike(name, ann, annPhone), alike(name, ben, benPhone)])
    await look(name)
  }
  await each(({ page }) => page.route('https://pictures.example/**', (route) => route.fulfill({ contentType: 'image/svg+xml', body: drawing })))
  const bubble = (device, text) => device.message(text)
  const panel = async (device) => {
    await device.find('header .members').click()
    await device.find('aside').waitFor()
  }
  const button = (device, word, within = device.page) => within.getByRole('button', { name: device.words.get(word) }).click()
  const check = (device, word) => device.find('aside').getByLabel(device.words.get(word), { exact: true })
  const choose = (device, ...words) => device.choose(...words.map((word) => device.words.get(word)))
  const menuOf = async (device, title, ...words) => {
    await device.row(title).locator('.room').click({ button: 'right' })
    await choose(device, ...words)
  }
  const sign = (device, title, word) => device.row(title).getByLabel(device.words.get(word))
  await each((device) => device.page.getByText(device.words.get('noChats')).waitFor())
  await chapter('nothing')

  // They meet. What is read on one device is read on the other.
  await ann.begin('New chat')
  await ann.find('input[name=whom]').fill('ben')
  await look('whom')
  await ann.page.keyboard.press('Enter')
  await ann.say('Hello, Ben!')
  await ann.say('Are you there?')
  await each((device) => Promise.all([device.counts('Ann', 2), device.titled(2)]), [ben, benPhone])
  await chapter('unread')
  await benPhone.openRow('Ann')
  await Promise.all([ben.counts('Ann', 0), ben.titled(0)])
  await benPhone.say('你好！我在。')
  await annPhone.row('Ben').locator('.last', { hasText: '我在' }).waitFor()
  await annPhone.counts('Ben', 0) // it is open on her computer
  await chapter('met')

  // A question, an answer to it, and the way back to the question. An edit, a reaction.
  await ben.openRow('Ann')
  await ben.say('Who drives on Sunday?')
  await says(ben, Array.from({ length: 40 }, (_, i) => `There is time, ${i}.`))
  await annPhone.openRow('Ben')
  await annPhone.sees('There is time, 39.')
  await annPhone.menu('Who drives', 'Reply')
  await annPhone.find('.draft', { hasText: 'Reply to Ben' }).waitFor()
  await annPhone.say('I do, at seven.')
  await bubble(ben, 'at seven').locator('.quote', { hasText: 'Who drives on Sunday?' }).click()
  await bubble(ben, 'Who drives').locator('.bubble:focus').waitFor()
  await ben.shot('jump-ben')
  await button(ben, 'toEnd')
  await annPhone.menu('at seven', 'Edit')
  await annPhone.find('main textarea').fill('I do, at eight.')
  await annPhone.find('.send').tap()
  await each((device) => bubble(device, 'at eight').locator('footer', { hasText: device.words.get('edited') }).waitFor())
  await ben.menu('at eight', '👍')
  await each((device) => bubble(device, 'at eight').locator('.chips button', { hasText: '👍' }).waitFor())
  const left = (text) => bubble(annPhone, text).locator('.bubble').boundingBox().then(({ x }) => Math.round(x))
  assert.equal(await left('There is time, 39.'), await left('Who drives'), 'the messages of another stand below each other')
  await chapter('answered')

  // One takes something back.
  await benPhone.say('A wrong word')
  await each((device) => device.sees('A wrong word'))
  await benPhone.menu('A wrong word', benPhone.words.get('recall'))
  await each((device) => device.find('ol > li:last-child .gone').waitFor())
  await chapter('taken-back')

  // A group with a name, a picture and roles; somebody comes, and is removed.
  await talker(t, 'Cy')
  await ann.begin('New group')
  await ann.find('input[name=title]').fill('Trip')
  await ann.find('.offered button', { hasText: 'Ben' }).click()
  await look('new-group')
  await ann.find('dialog button[type=submit]').click()
  await ann.find('main h1', { hasText: /^Trip$/ }).waitFor()
  await ann.say('Where shall we go?')
  await each((device) => device.counts('Trip', 1), [ben, benPhone])
  await panel(ann)
  await button(ann, 'edit')
  await ann.find('aside input[name=title]').fill('To the sea')
  await ann.find('aside input[name=avatar]').fill(picture)
  await ann.find('aside form button[type=submit]').click()
  await each((device) => device.row('To the sea').locator(`img[src="${picture}"]`).waitFor({ state: 'attached' }))
  await ann.page.getByRole('button', { name: 'More: Ben' }).last().click()
  await choose(ann, 'makeAdmin')
  await benPhone.openRow('To the sea')
  await panel(benPhone)
  await benPhone.find('aside li', { hasText: 'Ben' }).locator('.role', { hasText: '管理员' }).waitFor()
  await button(benPhone, 'addPeople')
  await benPhone.find('input[name=whom]').fill('cy')
  await benPhone.page.keyboard.press('Enter')
  await benPhone.find('dialog button[type=submit]').tap()
  await ann.find('aside li', { hasText: 'Cy' }).waitFor()
  await chapter('three')
  await ann.page.getByRole('button', { name: 'More: Cy' }).click()
  await choose(ann, 'removeMember')
  await benPhone.find('aside li', { hasText: 'Cy' }).waitFor({ state: 'detached' })
  await each(({ page }) => page.keyboard.press('Escape'), [ann, benPhone])
  await chapter('group')

  // A mention, chosen from the members, of somebody who looks elsewhere. A pin.
  await each((device) => device.openRow('Ben'), [ann, annPhone])
  await ben.openRow('To the sea')
  await ben.find('main textarea').pressSequentially('Bring the tent, @a')
  await ben.find('[role=option]', { hasText: 'Ann' }).waitFor()
  await ben.shot('picker-ben')
  await ben.page.keyboard.press('Enter')
  await ben.find('main textarea').pressSequentially('please!')
  await ben.page.keyboard.press('Enter')
  await sign(ann, 'To the sea', 'mentioned').waitFor()
  await sign(annPhone, 'To the sea', 'mentioned').waitFor({ state: 'attached' })
  await benPhone.menu('the tent', benPhone.words.get('pin'))
  await chapter('mentioned')
  await annPhone.openRow('To the sea')
  await annPhone.find('li.mentioned', { hasText: 'Bring the tent, @Ann please!' }).waitFor()
  await sign(ann, 'To the sea', 'mentioned').waitFor({ state: 'detached' })
  await ann.counts('To the sea', 0)
  await ann.openRow('To the sea')
  await each((device) => device.find('main .pins', { hasText: 'the tent' }).waitFor())
  await chapter('pinned')

  // Muted, on top, hidden, cleared.
  await menuOf(ben, 'To the sea', 'quietly')
  await menuOf(ben, 'Ann', 'top')
  await benPhone.back()
  await each((device) => Promise.all([sign(device, 'To the sea', 'isQuiet').waitFor(), sign(device, 'Ann', 'isTop').waitFor()]), [ben, benPhone])
  await menuOf(ann, 'Ben', 'hide')
  await each((device) => device.row('Ben').waitFor({ state: 'detached' }), [ann, annPhone])
  await ann.say('And a coat.')
  await each((device) => Promise.all([device.counts('Ann', 0), device.titled(0)]), [benPhone])
  await chapter('arranged')
  await benPhone.openRow('Ann')
  await benPhone.say('Are you still there?')
  await each((device) => device.row('Ben').waitFor({ state: 'attached' }), [ann, annPhone])
  await menuOf(ann, 'Ben', 'clear', 'clear')
  await each((device) => device.row('Ben').locator('.last', { hasText: /^$/ }).waitFor({ state: 'attached' }), [ann, annPhone])
  await annPhone.openRow('Ben')
  await ann.openRow('Ben')
  await chapter('cleared')

  // His phone is in a tunnel, where he writes; his computer loses its connection too.
  await ben.openRow('Ann')
  await benPhone.sees('Are you still there?')
  tunnel.fall()
  network.fall()
  await each(({ page }) => page.context().setOffline(true), [ben, benPhone])
  await ann.say('Yes.')
  await benPhone.find('main textarea').fill('From the tunnel')
  await benPhone.find('.send').tap()
  await ben.find('main textarea').fill('From my desk')
  await ben.page.keyboard.press('Enter')
  await annPhone.say('Shall I call you?')
  await each((device) => device.find('.banner').last().waitFor(), [ben, benPhone])
  await look('offline')
  tunnel.rise()
  network.rise()
  await each(({ page }) => page.context().setOffline(false), [ben, benPhone])
  await each((device) => each((text) => device.sees(text), ['Yes.', 'Shall I call you?', 'From the tunnel', 'From my desk']))
  await each((device) => device.find('.banner').last().waitFor({ state: 'hidden' }), [ben, benPhone])
  const hers = await texts(ann)
  assert.deepEqual(await texts(annPhone), hers)
  assert.deepEqual([...hers].sort(), ['From my desk', 'From the tunnel', 'Shall I call you?', 'Yes.'])
  for (const device of [ben, benPhone]) assert.deepEqual((await texts(device)).slice(-4), hers)
  await chapter('back')

  // The server gets another setting, and is stopped and started. What is written meanwhile is
  // there once.
  await server.reload(server.chat.replace('max_members 8', 'max_members 9'))
  await ann.say('After the reload')
  await each((device) => device.sees('After the reload'))
  await server.stop()
  await ben.find('main textarea').fill('Is it gone?')
  await ben.page.keyboard.press('Enter')
  await server.start()
  await each((device) => device.sees('Is it gone?'))
  await ben.find('li.own.sent', { hasText: 'Is it gone?' }).waitFor()
  for (const device of [ann, annPhone, ben, benPhone]) assert.deepEqual((await texts(device)).slice(-2), ['After the reload', 'Is it gone?'])
  await chapter('started')

  // Everything is as it was on each device that begins anew, once what is seen counts as read.
  let before
  await wait(async () => {
    before = await Promise.all([listOf(ann), listOf(ben)])
    return before.map((text) => JSON.parse(text)).every(({ rows, unread }) => rows[0].shown === 'Is it gone?' && unread === 0)
  })
  await each(async (device) => {
    await device.page.reload()
    await device.listed()
    await device.sees('Is it gone?')
  })
  await chapter('again')
  assert.deepEqual(await Promise.all([listOf(ann), listOf(ben)]), before)

  // One is blocked, and forgiven.
  await panel(benPhone)
  await benPhone.shot('panel-benPhone')
  await check(benPhone, 'block').check()
  await panel(ben)
  await check(ben, 'block').and(ben.find(':checked')).waitFor()
  await ann.find('main textarea').fill('Do you hear me?')
  await ann.page.keyboard.press('Enter')
  await ann.find('li.failed', { hasText: 'Do you hear me?' }).waitFor()
  await chapter('blocked')
  await check(ben, 'block').uncheck()
  await check(benPhone, 'block').and(benPhone.find(':not(:checked)')).waitFor()
  await ann.find('li.failed').getByRole('button', { name: 'Try again' }).click()
  await each((device) => device.sees('Do you hear me?'), [annPhone, ben])
  await each(({ page }) => page.keyboard.press('Escape'), [ben, benPhone])
  await chapter('forgiven')

  // He leaves the group.
  await ben.openRow('To the sea')
  await panel(ben)
  await button(ben, 'leaveGroup')
  await choose(ben, 'leaveGroup')
  await each((device) => device.row('To the sea').waitFor({ state: 'detached' }), [ben, benPhone])
  await each((device) => device.openRow('To the sea'), [ann, annPhone])
  await each((device) => device.find('li.notice', { hasText: 'Ben left.' }).waitFor(), [ann, annPhone])
  await chapter('left')
  for (const [, device] of all) assert.deepEqual(device.problems, [])
})
