// Reactions and pins on the page, with the real server and Chromium; all of what one does to
// messages in other languages, directions, colours and sizes.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { faults } from './looks.js'
import { base, serve } from './person.js'
import { Device, phone, talker, withConversations } from './talkers.js'

serve(withConversations)

async function group(t, title, others, lines) {
  const ann = await talker(t, 'Ann')
  const users = {}
  for (const name of others) users[name] = await talker(t, name)
  const { room } = await ann.create({ title, users: others.map((name) => name.toLowerCase()) })
  for (const chat of [ann, ...Object.values(users)]) await chat.join(room)
  const seqs = []
  for (const text of lines) seqs.push((await ann.send(room, { text })).seq)
  return { ann, users, room, seqs }
}

test('a reaction: from the menu, counted for all, taken away by a click', async (t) => {
  const { users: { Cleo, Dora, Emil, Fay }, room, seqs } = await group(t, 'Thumbs', ['Ben', 'Cleo', 'Dora', 'Emil', 'Fay'], ['look'])
  const ben = await Device.open(t, 'Ben')
  await ben.openRow('Thumbs')
  await ben.menu('look', '👍')
  const chip = ben.find('.chips button', { hasText: '👍' })
  await chip.filter({ hasText: '1: ' }).waitFor()
  assert.equal(await chip.getAttribute('aria-pressed'), 'true')
  assert.equal(await chip.getAttribute('title'), 'you')
  for (const chat of [Cleo, Dora, Emil]) await chat.tag(room, seqs[0], '👍')
  await chip.filter({ hasText: '4: ' }).waitFor()
  await Cleo.tag(room, seqs[0], '<i>no markup</i>')
  await ben.find('.chips button', { hasText: '<i>no markup</i>' }).waitFor()
  await chip.click()
  await chip.filter({ hasText: '3: ' }).waitFor()
  assert.equal(await chip.getAttribute('aria-pressed'), 'false')
  for (const name of ['Cleo', 'Dora', 'Emil']) assert.ok((await chip.textContent()).includes(name), await chip.textContent())
  await chip.click()
  await chip.filter({ hasText: '4: ' }).waitFor()
  // Who comes later is told of three of the others.
  await Fay.tag(room, seqs[0], '👍')
  await ben.page.reload()
  await ben.listed()
  await ben.openRow('Thumbs')
  await chip.filter({ hasText: '5: ' }).waitFor()
  assert.match(await chip.getAttribute('title'), /, and 1 more$/)
  // The menu knows it, and takes it away as well.
  await ben.menu('look', '👍')
  await chip.filter({ hasText: '4: ' }).waitFor()
  assert.deepEqual(ben.problems, [])
})

test('any emoji can be a reaction, with the keyboard too', async (t) => {
  const { ann, room, seqs } = await group(t, 'Keys', ['Ben'], ['press'])
  const ben = await Device.open(t, 'Ben')
  const { keyboard } = ben.page
  await ben.openRow('Keys')
  await ben.find('.more').last().focus()
  await keyboard.press('Enter')
  await ben.find('[role=menuitem]:focus', { hasText: '👍' }).waitFor()
  await keyboard.press('ArrowRight')
  await keyboard.press('Enter')
  await ben.find('.chips button', { hasText: '❤️' }).waitFor()
  await ben.find('.more:focus').waitFor()
  await keyboard.press('Enter')
  await keyboard.press('ArrowLeft')
  await ben.page.getByRole('menuitem', { name: 'Ban' }).waitFor({ state: 'detached' })
  await ben.page.getByRole('menuitem', { name: 'Emoji' }).click()
  await ben.find('emoji-picker [role=menuitem]').nth(40).click()
  await ben.find('.chips button').nth(1).waitFor()
  await ben.find('.menu').waitFor({ state: 'detached' })

  // What is taken back has no reactions, on the page and for those who come later.
  await ann.recall(room, seqs[0])
  await ben.find('.chips').waitFor({ state: 'detached' })
  await ben.page.reload()
  await ben.listed()
  await ben.openRow('Keys')
  await ben.find('.gone').waitFor()
  assert.equal(await ben.find('.chips').count(), 0)
  assert.deepEqual(ben.problems, [])
})

test('pins: moderators pin, everybody sees the newest one and all of them, and goes there', async (t) => {
  const { ann, room, seqs } = await group(t, 'Pins', ['Ben'], ['the rules', 'the way', ...Array.from({ length: 120 }, (_, i) => `line ${i}.`)])
  const boss = await Device.open(t, 'Ann')
  const ben = await Device.open(t, 'Ben')
  for (const device of [boss, ben]) await device.openRow('Pins')
  await boss.sees('line 119.')
  await ben.page.getByRole('button', { name: 'To the newest' }).click()
  await ben.hover('line 119.')
  await ben.find('li', { hasText: 'line 119.' }).locator('.more').click()
  await ben.page.getByRole('menuitem', { name: 'Copy' }).waitFor()
  assert.equal(await ben.page.getByRole('menuitem', { name: 'Pin', exact: true }).count(), 0)
  await ben.page.keyboard.press('Escape')

  await ann.tag(room, seqs[0], 'pin', true, true)
  await boss.menu('line 119.', 'Pin')
  for (const device of [boss, ben]) await device.find('main .pins', { hasText: 'line 119.' }).getByRole('button', { name: '2 pinned messages' }).waitFor()
  await ben.find('li', { hasText: 'line 119.' }).getByRole('img', { name: 'Pinned' }).waitFor()
  await ben.page.getByRole('button', { name: '2 pinned messages' }).click()
  await ben.page.getByRole('menuitem', { name: 'Ann: the rules' }).click()
  await ben.find(`li[data-seq="${seqs[0]}"] .bubble:focus`).waitFor()
  await ben.find('main .pins .quote').click()
  await ben.find('li', { hasText: 'line 119.' }).locator('.bubble:focus').waitFor()

  await boss.menu('line 119.', 'Unpin')
  await ben.find('main .pins', { hasText: 'the rules' }).getByRole('button', { name: '1 pinned message' }).waitFor()
  await ann.recall(room, seqs[0])
  for (const device of [boss, ben]) await device.find('main .pins').waitFor({ state: 'detached' })
  assert.deepEqual([...boss.problems, ...ben.problems], [])
})

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

async function check(device, what) {
  const { page } = device
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
  assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`), [])
  assert.deepEqual(await faults(page), [], what)
}

for (const [view, options] of Object.entries({
  'desktop, light': {},
  'desktop, dark, Chinese': { colorScheme: 'dark', locale: 'zh-CN' },
  'forced colours': { forcedColors: 'active' },
  '320 pixels': { viewport: { width: 320, height: 560 } },
  'phone, dark': { ...phone, colorScheme: 'dark' },
})) {
  test(`nothing is wrong with what one does to messages: ${view}`, async (t) => {
    const title = `Looks ${view}`
    const { ann, users: { Ben }, room, seqs } = await group(t, title, ['Ben', 'Cleo'], ['a question', 'a longer text, which goes over more than one line on all but the widest screens, and then some'])
    await Ben.send(room, { text: 'an answer' }, { reply: seqs[0], mentions: ['ben'] })
    await ann.edit(room, seqs[1], { text: 'another text, which goes over more than one line on all but the widest screens, and then some' })
    for (const tag of ['👍', '🎉', '😂', '😮', '🙏', 'a word of 32 characters, no more.'].slice(0, 5)) for (const chat of [ann, Ben]) await chat.tag(room, seqs[1], tag)
    await ann.tag(room, seqs[1], 'pin', true, true)
    const device = await Device.open(t, 'Ben', options)
    const press = options.hasTouch ? 'tap' : 'click'
    const narrow = options.viewport
    if (narrow && !options.hasTouch) await device.row(title).locator('.room').click()
    else await device.openRow(title)
    await device.find('.chips button').nth(4).waitFor()
    await device.find('ol .quote', { hasText: 'a question' }).waitFor()
    await check(device, 'chat')
    await device.find('li .text', { hasText: 'an answer' })[press]()
    await device.find('li', { hasText: 'an answer' }).locator('.more')[press]()
    await device.find('[role=menu]').waitFor()
    await check(device, 'menu')
    await device.find('[role=menuitem]').nth(7)[press]()
    await device.find('.draft').waitFor()
    await device.find('main textarea').pressSequentially('@')
    await device.find('[role=option]').first().waitFor()
    await check(device, 'answer and mention')
    assert.deepEqual(device.problems, [])
  })
}

test('from right to left: quotes and lists begin on the right, arrow keys follow', async (t) => {
  const { users: { Ben }, room, seqs } = await group(t, 'Right', ['Ben'], ['مرحبا بالجميع'])
  await Ben.send(room, { text: 'أهلا' }, { reply: seqs[0] })
  const ben = await Device.open(t, 'Ben')
  await ben.page.route('**/words-ar', (route) => route.fulfill({ json: { language: 'ar', direction: 'rtl', later: { reply: 'رد' } } }))
  await ben.page.evaluate((url) => document.querySelector('caddy-chat').setAttribute('words', url), `${base()}/words-ar`)
  await ben.find('.root[dir=rtl]').waitFor()
  await ben.openRow('Right')
  await ben.menu('أهلا', 'رد')
  const [quote, bubble] = await ben.find('li .quote').evaluate((it) => [it.getBoundingClientRect().right, it.closest('.bubble').getBoundingClientRect().right])
  assert.ok(bubble - quote < 30 && bubble > quote, `${quote} of ${bubble}`)
  assert.deepEqual(await faults(ben.page), [])
  await ben.page.keyboard.press('Escape')
  await ben.find('.more').last().focus()
  await ben.page.keyboard.press('Enter')
  await ben.page.keyboard.press('ArrowLeft')
  await ben.find('[role=menuitem]:focus', { hasText: '❤️' }).waitFor()
})
