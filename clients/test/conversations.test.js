// Conversations on the built-in page, in real browsers against the real server. A whole day of
// them is in onlychat.test.js.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { entryText } from '../web/conversation-entry.js'
import { context, serve, withServer } from './person.js'
import { Device, phone, talker, withConversations } from './talkers.js'

serve(withConversations)

test('a guest who was never here is called a guest, with the end of the id, in the language of who looks', async (t) => {
  const guest = 'guest-abcdefghwxyz'
  const kit = await talker(t, 'Kit')
  await kit.create({ title: 'Pub', users: ['lea', 'mo', guest] })
  for (const [who, locale, called] of [['Lea', 'en', 'Guest wxyz'], ['Mo', 'zh-CN', '访客 wxyz']]) {
    const device = await Device.open(t, who, { locale })
    await device.openRow('Pub')
    const line = await device.find('ol .notice', { hasText: called }).textContent()
    assert.ok(!line.includes(guest), line)
    await device.find('header .members').click()
    await device.find('aside li .person', { hasText: new RegExp(`^${called}$`) }).waitFor()
    await device.find('aside li', { hasText: called }).locator('[data-initials=W]').waitFor()
    await device.find('aside li button', { has: device.page.locator(`:scope[aria-label$="${called}"]`) }).waitFor()
    await device.find('main textarea').fill(`@${called.slice(0, 2)}`)
    await device.find('[role=option]', { hasText: new RegExp(`^\\s*${called}$`) }).waitFor()
    await device.find('main textarea').fill('')
  }
  const { room } = await kit.direct(guest)
  await kit.join(room)
  await kit.send(room, { text: 'welcome' })
  const device = await Device.open(t, 'Kit')
  await device.openRow('Guest wxyz')
})

test('titles and messages from right to left begin where the others do, and long ones are cut', async (t) => {
  const kit = await talker(t, 'Kim')
  const groups = { 'Choir': 'at eight', 'رحلة يوم الأحد': 'مرحبا!', ['טיול '.repeat(40)]: 'שלום '.repeat(40) }
  for (const [title, text] of Object.entries(groups)) {
    const { room } = await kit.create({ title: title.slice(0, 60), users: ['lou'] })
    await kit.join(room)
    await kit.send(room, { text })
  }
  for (const options of [{}, phone]) {
    const lou = await Device.open(t, 'Lou', options)
    await lou.row('Choir').waitFor()
    await lou.find('.conversations li').nth(2).locator('.last').waitFor()
    const rows = await lou.find('.conversations li').evaluateAll((rows) => rows.map((row) => ['strong', '.last'].map((what) => {
      const text = document.createRange()
      text.selectNodeContents(row.querySelector(what))
      const all = row.querySelector('.room').getBoundingClientRect()
      const box = row.querySelector(what).getBoundingClientRect()
      return { left: Math.round(box.left - all.left), inside: box.right <= all.right, cut: text.getBoundingClientRect().width > box.width + 1, at: Math.round(text.getBoundingClientRect().left - all.left) }
    })))
    const [long, arabic, choir] = rows
    assert.deepEqual(arabic.map((it) => it.at), choir.map((it) => it.at))
    assert.deepEqual(long.map((it) => it.left), choir.map((it) => it.left))
    assert.ok(long.every((it) => it.inside && it.cut), JSON.stringify(long))
    assert.ok(arabic.every((it) => it.inside && !it.cut), JSON.stringify(arabic))
  }
})

test('lists of names read well: of a new group, and of more people than are named', async (t) => {
  for (const [who, locale, called] of [['Nan', 'zh-CN', 'Nan、oto、pip'], ['Ole', 'en', 'Ole, oto, pip']]) {
    const device = await Device.open(t, who, { locale })
    await device.begin(device.words.get('newGroup'))
    for (const id of ['oto', 'pip']) {
      await device.find('input[name=whom]').fill(id)
      await device.page.keyboard.press('Enter')
    }
    await device.find(`input[name=title][placeholder="${called}"]`).waitFor()
    const users = [...'abcdefghijklm'].map((id) => ({ id }))
    const said = entryText({ seq: 2, entry: { type: 'member', from: { id: 'ann' }, users, role: 'member' } }, { items: [], about: {} }, { words: device.words, chat: {} })
    assert.equal(said, locale === 'en' ? 'ann added a, b, c, d, e, f, g, h, i, j, and 3 more.' : 'ann把a、b、c、d、e、f、g、h、i、j、还有 3 人加入了群聊。')
  }
})

test('a group: roles, title, closing, leaving; and what the server refuses, in words', async (t) => {
  const cy = await Device.open(t, 'Cy')
  const dan = await talker(t, 'Dan')
  const eve = await Device.open(t, 'Eve', { locale: 'zh-CN' })
  await dan.direct('cy').then(({ room }) => dan.join(room).then(() => dan.send(room, { text: 'hi' })))
  await cy.row('Dan').waitFor()
  await cy.begin('New group')
  await cy.find('.offered button', { hasText: 'Dan' }).click()
  await cy.find('input[name=whom]').fill('eve')
  await cy.page.keyboard.press('Enter')
  await cy.find('dialog button[type=submit]').click()
  await cy.find('main h1', { hasText: 'Cy, Dan, eve' }).waitFor() // nobody has said how it is called
  const group = await cy.page.evaluate(() => document.querySelector('caddy-chat').current)
  const member = (name) => cy.find('aside li', { hasText: name })

  await cy.find('header .members').click()
  await member('Dan').waitFor()
  await cy.page.getByRole('complementary').getByRole('button', { name: 'More: Dan' }).click()
  await cy.choose('Make an admin')
  await member('Dan').locator('.role', { hasText: 'admin' }).waitFor()
  await cy.page.getByRole('button', { name: 'Edit', exact: true }).click()
  await cy.find('aside input[name=title]').fill('Choir')
  await cy.find('aside textarea[name=about]').fill('<b>Tuesdays</b>')
  await cy.find('aside form button[type=submit]').click()
  await cy.find('main h1', { hasText: /^Choir$/ }).waitFor()
  await cy.find('textarea[placeholder="Message to Choir"]').waitFor()
  await cy.find('.about .text', { hasText: '<b>Tuesdays</b>' }).waitFor()
  await eve.row('Choir').waitFor()

  // Too many people: the group has places for eight.
  await cy.page.getByRole('button', { name: 'Add people' }).click()
  for (const id of ['p1', 'p2', 'p3', 'p4', 'p5', 'p6']) {
    await cy.find('input[name=whom]').fill(id)
    await cy.page.keyboard.press('Enter')
  }
  await cy.find('dialog button[type=submit]').click()
  await cy.find('dialog .why', { hasText: 'The room is full.' }).waitFor()
  await cy.page.keyboard.press('Escape')

  // Eve may not do what admins do; she is told so, and sees no button for it.
  await eve.openRow('Choir')
  await eve.find('header .members').click()
  await eve.find('aside li', { hasText: 'Dan' }).waitFor()
  assert.equal(await eve.find('.about button').count(), 0)
  await eve.page.getByRole('complementary').getByRole('button', { name: /Dan$/ }).click()
  assert.deepEqual(await eve.find('[role=menuitem]').allTextContents().then((all) => all.map((text) => text.trim())), ['和Dan聊天'])
  await eve.page.keyboard.press('Escape')

  // Removed, handed over, left.
  await cy.page.getByRole('complementary').getByRole('button', { name: 'More: Eve' }).click()
  await cy.choose('Remove from the group')
  await member('Eve').waitFor({ state: 'detached' })
  await eve.row('Choir').waitFor({ state: 'detached' })
  await eve.page.getByText('你不在此聊天室').waitFor()
  await cy.page.getByRole('complementary').getByRole('button', { name: 'More: Dan' }).click()
  await cy.choose('Hand the group over', 'Hand the group over')
  await member('Dan').locator('.role', { hasText: 'owner' }).waitFor()
  await dan.info(group, { closed: true })
  await cy.page.getByText('This group is closed: nobody writes here any more.').waitFor()
  await cy.page.getByText('You can read here, but not write.').waitFor()
  await cy.page.getByRole('button', { name: 'Leave the group' }).click()
  await cy.choose('Leave the group')
  await cy.row('Choir').waitFor({ state: 'detached' })
  await cy.page.getByText('Choose a chat or begin one.').waitFor()
  assert.deepEqual([...cy.problems, ...eve.problems], [])
})

test('a row can be muted, put on top, hidden and cleared: by right click, the keyboard and a long press', async (t) => {
  const fay = await Device.open(t, 'Fay')
  const small = await Device.open(t, 'Fay', phone)
  const gil = await talker(t, 'Gil')
  const rooms = {}
  for (const title of ['One', 'Two', 'Three']) {
    rooms[title] = (await gil.create({ title, users: ['fay'] })).room
    await gil.join(rooms[title])
    await gil.send(rooms[title], { text: `in ${title}` })
  }
  const order = (device) => device.find('.conversations li strong').allTextContents()
  await fay.counts('Three', 1)
  await fay.counts('One', 1)
  await fay.titled(3)

  await fay.row('One').locator('.room').click({ button: 'right' })
  await fay.choose('Keep on top')
  await fay.row('One').getByLabel('On top').waitFor()
  await small.row('One').getByLabel('On top').waitFor()
  assert.deepEqual([await order(fay), await order(small)], [['One', 'Three', 'Two'], ['One', 'Three', 'Two']])

  await fay.row('Two').locator('.room').focus()
  await fay.page.keyboard.press('ArrowUp')
  await fay.row('Three').locator('.room:focus').waitFor()
  await fay.page.keyboard.press('ArrowDown')
  await fay.page.keyboard.press('Tab')
  await fay.page.keyboard.press('Enter')
  await fay.page.getByRole('menuitem', { name: 'Keep on top' }).waitFor()
  await fay.choose('Mute')
  await fay.row('Two').getByLabel('Muted').waitFor()
  await fay.titled(2)
  await small.titled(2)

  // A long press on the phone.
  const box = await small.row('Three').boundingBox()
  const touch = await small.page.context().newCDPSession(small.page)
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: box.x + 90, y: box.y + 20 }] })
  await small.page.getByRole('menuitem', { name: 'Clear the history' }).waitFor()
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  await small.choose('Clear the history', 'Clear the history')
  await fay.counts('Three', 0)
  await fay.row('Three').locator('.last', { hasText: /^$/ }).waitFor({ state: 'attached' })
  await small.row('Three').locator('.last', { hasText: /^$/ }).waitFor({ state: 'attached' })
  assert.equal(await small.find('.layout.listing').count(), 1, 'a long press opens no conversation')

  // Safari makes no menu of a long press, and a click whenever the finger leaves.
  const finger = (type) => small.row('Three').locator('.room').evaluate((it, type) => it.dispatchEvent(type === 'click' ? new MouseEvent(type, { bubbles: true, cancelable: true, composed: true })
    : new PointerEvent(type, { bubbles: true, composed: true, pointerType: 'touch' })), type)
  await finger('pointerdown')
  await small.page.getByRole('menuitem', { name: 'Clear the history' }).waitFor()
  await small.page.waitForTimeout(700) // a finger that stays
  await finger('pointerup')
  await finger('click')
  await small.page.getByRole('menuitem', { name: 'Clear the history' }).waitFor()
  assert.equal(await small.find('.layout.listing').count(), 1, 'however long it was')
  await small.page.keyboard.press('Escape')

  await fay.row('Three').locator('.room').click({ button: 'right' })
  await fay.choose('Hide until the next message')
  for (const device of [fay, small]) await device.row('Three').waitFor({ state: 'detached' })
  await gil.send(rooms.Three, { text: 'back again' })
  for (const device of [fay, small]) await device.counts('Three', 1)
  assert.deepEqual([...fay.problems, ...small.problems], [])
})

test('a hundred and twenty conversations: more come by scrolling, and no row jumps', async (t) => {
  const hal = await talker(t, 'Hal')
  const rooms = []
  for (let i = 0; i < 120; i++) {
    const { room } = await hal.create({ title: `Group ${i}`, users: ['ina'] })
    rooms.push(room)
    await hal.join(room)
    await hal.send(room, { text: `message ${i}` })
    await hal.leave(room)
  }
  const ina = await Device.open(t, 'Ina')
  await ina.row('Group 119').waitFor()
  assert.ok(await ina.find('.conversations li[data-room]').count() < 120)
  await ina.titled(120)
  const list = ina.find('.conversations')
  for (let i = 0; i < 20 && !await ina.row('Group 0').count(); i++) {
    await list.evaluate((it) => { it.scrollTop = it.scrollHeight })
    await ina.page.waitForTimeout(100)
  }
  await ina.row('Group 0').waitFor()
  assert.equal(await ina.find('.conversations li[data-room]').count(), 120)

  // A conversation that gets a message moves to the top; the others stay where they are.
  await list.evaluate((it) => { it.scrollTop = 2000 })
  const place = () => ina.row('Group 85').boundingBox().then(({ y }) => Math.round(y))
  await ina.row('Group 85').locator('.room').focus()
  const before = await place()
  await hal.join(rooms[3])
  await hal.send(rooms[3], { text: 'to the top' })
  await ina.find('.conversations li').first().filter({ hasText: 'to the top' }).waitFor({ state: 'attached' })
  assert.equal(await place(), before)
  await ina.row('Group 85').locator('.room:focus').waitFor()

  // Nor is the focus lost when its own row moves.
  await hal.join(rooms[85])
  await hal.send(rooms[85], { text: 'this one' })
  await ina.find('.conversations li').first().filter({ hasText: 'this one' }).waitFor({ state: 'attached' })
  await ina.row('Group 85').locator('.room:focus').waitFor({ state: 'attached' })
  assert.deepEqual(ina.problems, [])
})

test('a link to chat with somebody, names that are markup, going back on a phone', async (t) => {
  const kim = await talker(t, '<img src=x onerror=alert(1)>')
  const jo = await Device.open(t, 'Jo', { ...phone, where: `with=${encodeURIComponent(kim.user.id)}` })
  await jo.find('main h1', { hasText: '<img src=x' }).waitFor()
  await jo.say('Hello!')
  await jo.back()
  assert.ok(!jo.page.url().includes('#'), jo.page.url())
  await jo.row('<img src=x onerror=alert\\(1\\)>').waitFor()
  await jo.row('<img src=x onerror=alert\\(1\\)>').locator('.room').tap()
  await jo.find('.layout:not(.listing)').waitFor()
  await jo.page.goBack()
  await jo.find('.layout.listing').waitFor()
  assert.equal(await jo.find('.conversations img').count(), 0)
  assert.deepEqual(jo.problems, [])
})

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

async function check(page, what) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
  assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`), [])
  const [width, view] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  assert.ok(width <= view, `${what}: the page scrolls sideways`)
}

for (const [view, options] of Object.entries({
  'desktop, light': {},
  'desktop, dark, Chinese': { colorScheme: 'dark', locale: 'zh-CN' },
  'forced colours, 320 pixels': { forcedColors: 'active', viewport: { width: 320, height: 560 } },
})) {
  test(`axe finds nothing in any state of conversations: ${view}`, async (t) => {
    const id = `lea${view.length}`
    const lea = await Device.open(t, id, options)
    const max = await talker(t, 'Max')
    const { page } = lea
    await check(page, 'nothing yet')
    const { room } = await max.create({ title: 'Garden', users: [id] })
    await max.member(room, id, 'admin')
    await max.join(room)
    for (let i = 0; i < 3; i++) await max.send(room, { text: `message ${i}` })
    const { room: direct } = await max.direct(id)
    await max.join(direct)
    await max.send(direct, { text: 'hi' })
    await lea.counts('Garden', 3)
    await lea.row('Max').locator('.room').click({ button: 'right' })
    await page.locator('[role=menuitem]').nth(1).click()
    await lea.row('Max').locator('i').waitFor()
    await check(page, 'list')
    await lea.row('Garden').locator('.room').click({ button: 'right' })
    await check(page, 'menu of a row')
    await page.keyboard.press('Escape')
    await lea.row('Garden').locator('.room').click()
    await lea.sees('message 2')
    await page.locator('header .members').click()
    await page.locator('aside li').nth(1).waitFor()
    await check(page, 'members')
    await page.locator('.about button').click()
    await check(page, 'change')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    if (options.viewport) await page.locator('.back').click()
    for (const item of [0, 1, 2]) {
      await page.locator('.head .new').click()
      await page.locator('[role=menuitem]').nth(item).click()
      await page.locator('dialog').waitFor()
      await check(page, `dialog ${item}`)
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
    }
    assert.deepEqual(lea.problems, [])
  })
}

test('with the keyboard alone: from nothing to a conversation, its panel and back', async (t) => {
  const nia = await Device.open(t, 'Nia')
  const { page } = nia
  const tabTo = async (selector, key = 'Tab') => {
    await page.locator(selector).first().waitFor() // a row comes a moment after what is said
    for (let i = 0; i < 30; i++) {
      if (await page.locator(`${selector}:focus`).count()) return
      await page.keyboard.press(key)
    }
    assert.fail(`${selector} is not reached`)
  }
  await tabTo('.none .button')
  await page.keyboard.press('Enter')
  await page.locator('input[name=whom]:focus').waitFor()
  await page.keyboard.type('olaf')
  await page.keyboard.press('Enter')
  await page.locator('main h1', { hasText: 'olaf' }).waitFor()
  await page.locator('textarea:focus').waitFor()
  await page.keyboard.type('hello')
  await page.keyboard.press('Enter')
  await page.locator('li.own.sent').waitFor()
  await tabTo('.members', 'Shift+Tab')
  await page.keyboard.press('Enter')
  await page.locator('aside button:focus').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.members:focus').waitFor()
  await tabTo('.conversations .room', 'Shift+Tab')
  await page.keyboard.press('Shift+F10')
  await page.locator('[role=menuitem]:focus').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.conversations .room:focus').waitFor()
  assert.deepEqual(nia.problems, [])
})

// The block of docs/web.md, followed to the letter but for the name of the site.
test('guests chat on a server that is set up as docs/web.md says', async (t) => {
  const text = await readFile(new URL('../../docs/web.md', import.meta.url), 'utf8')
  const [, chat] = /## Conversations[^]*?```caddyfile\nchat\.example\.com \{\n\tchat \{\n([^]*?)\n\t\}\n\}\n```/.exec(text)
  const at = await withServer(t, { chat })
  const enter = async (name, hash = '') => {
    const page = await (await context(t)).newPage()
    await page.goto(`https://localhost:${at.ports[1]}/chat${hash}`)
    await page.locator('#name').fill(name)
    await page.keyboard.press('Enter')
    return page
  }
  const pia = await enter('Pia')
  await pia.locator('.none .button').click()
  const id = await pia.locator('dialog .mine code').textContent()
  const quin = await enter('Quin', `#with=${id}`)
  await quin.locator('main h1', { hasText: new RegExp(`^(Guest ${id.slice(-4)}|Pia)$`) }).waitFor()
  await quin.locator('textarea').fill('Here I am.')
  await quin.keyboard.press('Enter')
  await pia.keyboard.press('Escape')
  await pia.locator('.conversations .room', { hasText: 'Quin' }).click()
  await pia.locator('ol .text', { hasText: 'Here I am.' }).waitFor()
  await pia.locator('textarea').fill('Welcome.')
  await pia.keyboard.press('Enter')
  await quin.locator('main h1', { hasText: 'Pia' }).waitFor()
})
