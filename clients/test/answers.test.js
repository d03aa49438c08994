// Answers, edits and mentions on the page, with the real server and Chromium.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from './person.js'
import { Device, phone, talker, withConversations } from './talkers.js'

serve(withConversations)

// group founds a group of ann, who is its owner, and others, with its messages.
async function group(t, title, others, lines = []) {
  const ann = await talker(t, 'Ann')
  for (const name of others) (await talker(t, name)).close() // the server has heard of them
  const { room } = await ann.create({ title, users: others.map((name) => name.toLowerCase()) })
  await ann.join(room)
  const seqs = []
  for (const text of lines) seqs.push((await ann.send(room, { text })).seq)
  return { ann, room, seqs }
}

const gone = 'This message is not here any more.'
const takenBack = 'This message was taken back.'

test('an answer: what is answered stands above the text, can be let go of, and is quoted', async (t) => {
  const { ann, room } = await group(t, 'Answers', ['Ben'], ['Who <b>comes</b>?'])
  const ben = await Device.open(t, 'Ben')
  await ben.openRow('Answers')
  await ben.menu('Who', 'Reply')
  await ben.find('.draft', { hasText: 'Reply to Ann' }).locator('span', { hasText: 'Who <b>comes</b>?' }).waitFor()
  await ben.find('textarea:focus').waitFor()
  await ben.page.keyboard.press('Escape')
  await ben.find('.draft').waitFor({ state: 'detached' })
  await ben.menu('Who', 'Reply')
  await ben.find('.draft').getByRole('button', { name: 'Cancel' }).click()
  await ben.find('.draft').waitFor({ state: 'detached' })
  await ben.say('nothing to do with it')
  assert.equal(await ben.find('ol .quote').count(), 0)

  await ben.menu('Who', 'Reply')
  const heard = new Promise((resolve) => ann.on('message', (message) => message.reply && resolve(message)))
  await ben.say('I do')
  assert.equal((await heard).reply, 2)
  await ben.find('li', { hasText: 'I do' }).locator('.quote', { hasText: 'AnnWho <b>comes</b>?' }).waitFor()
  await ben.find('.draft').waitFor({ state: 'detached' })

  // What is taken back is quoted no more, in the list and above the text.
  await ben.menu('Who', 'Reply')
  await ben.find('.draft').waitFor()
  await ann.recall(room, 2)
  await ben.find('li', { hasText: 'I do' }).locator('.quote', { hasText: takenBack }).waitFor()
  await ben.find('.draft', { hasText: takenBack }).waitFor()
  assert.equal(await ben.page.evaluate(() => document.querySelector('caddy-chat').shadowRoot.textContent.includes('comes')), false)
  assert.deepEqual(ben.problems, [])
})

test('a click on a quote goes to the message, however old it is, and marks it', async (t) => {
  const { ann, room, seqs } = await group(t, 'Far', ['Ben'], ['the very first', 'and the second'])
  for (let i = 0; i < 300; i++) ann.send(room, { text: `line ${i}` })
  await ann.send(room, { text: 'about the first' }, { reply: seqs[0] })
  await ann.send(room, { text: 'about the founding' }, { reply: 1 })
  const ben = await Device.open(t, 'Ben')
  await ben.openRow('Far')
  await ben.page.getByRole('button', { name: 'To the newest' }).click()
  await ben.sees('about the founding')
  const quoting = (text) => ben.find('ol > li', { hasText: text }).locator('.quote')
  await quoting('about the founding').filter({ hasText: gone }).click()
  await ben.find('.note', { hasText: gone }).waitFor()
  // The message is not in the list: it is quoted all the same, also after it was edited.
  await quoting('about the first').filter({ hasText: 'the very first' }).waitFor()
  await ann.edit(room, seqs[0], { text: 'the very first of all' })
  await ben.page.evaluate(() => { // the mark lasts for two seconds, which may be over before it can be looked at
    const { animate } = Element.prototype
    Element.prototype.animate = function (...how) {
      globalThis.marked = this.closest('li').dataset.seq
      return animate.apply(this, how)
    }
  })
  await quoting('about the first').filter({ hasText: 'the very first of all' }).click()
  const row = ben.find(`ol > li[data-seq="${seqs[0]}"]`)
  await row.locator('.bubble:focus').waitFor()
  await ben.page.waitForFunction((seq) => globalThis.marked === String(seq), seqs[0])
  const [top, bottom, from, to] = await row.evaluate((it) => {
    const [{ top, bottom }, list] = [it.getBoundingClientRect(), it.closest('.scroller').getBoundingClientRect()]
    return [top, bottom, list.top, list.bottom]
  })
  assert.ok(top >= from && bottom <= to, `${top}–${bottom} is not within ${from}–${to}`)
  assert.deepEqual(ben.problems, [])
})

test('an edit: from the menu or with ArrowUp, given up with Escape, and seen by all', async (t) => {
  const { ann } = await group(t, 'Edits', ['Ben', 'Cleo'])
  let edits = 0
  ann.on('edited', () => edits++)
  const ben = await Device.open(t, 'Ben')
  const cleo = await Device.open(t, 'Cleo')
  for (const device of [ben, cleo]) await device.openRow('Edits')
  const field = ben.find('main textarea')
  await ben.say('tomorow')
  await field.fill('half a thought')
  await ben.menu('tomorow', 'Edit')
  assert.equal(await field.inputValue(), 'tomorow')
  await ben.page.keyboard.press('Escape')
  assert.equal(await field.inputValue(), 'half a thought')
  await field.fill('')
  await field.press('ArrowUp')
  await ben.find('.draft', { hasText: 'Edit the message' }).waitFor()
  await field.fill('tomorrow')
  await field.evaluate((it) => { // twice, before there is an answer
    for (let i = 0; i < 2; i++) it.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
  })
  for (const device of [ben, cleo]) {
    await device.find('ol > li', { hasText: 'tomorrow' }).locator('footer', { hasText: 'edited' }).waitFor()
    assert.equal(await device.find('ol .text', { hasText: 'tomorow' }).count(), 0)
  }
  await ben.find('.draft').waitFor({ state: 'detached' })
  assert.equal(await field.inputValue(), '')
  await cleo.hover('tomorrow')
  await cleo.find('li', { hasText: 'tomorrow' }).locator('.more').click()
  await cleo.page.getByRole('menuitem', { name: 'Copy' }).waitFor()
  assert.equal(await cleo.page.getByRole('menuitem', { name: 'Edit' }).count(), 0)

  assert.equal(edits, 1)

  // What is refused says why, and the text stays.
  await ben.page.evaluate(() => {
    const { chat } = document.querySelector('caddy-chat')
    chat.edit = () => Promise.reject(Object.assign(new Error('late'), { code: 'too_late' }))
  })
  await ben.menu('tomorrow', 'Edit')
  await field.fill('next week')
  await field.press('Enter')
  await ben.find('.note', { hasText: 'It is too late for that.' }).waitFor()
  assert.equal(await field.inputValue(), 'next week')
  await field.press('Escape')
  assert.deepEqual([...ben.problems, ...cleo.problems], [])
})

test('the time to edit ends: the entry of an open menu goes, and ArrowUp does nothing', async (t) => {
  await group(t, 'Late', ['Ben'])
  const ben = await Device.open(t, 'Ben')
  await ben.openRow('Late')
  await ben.say('in time')
  await ben.page.evaluate(() => {
    const { chat, session, current } = document.querySelector('caddy-chat')
    chat.limits.edit = chat.now() - session.rooms.get(current).items.at(-1).at + 3000
  })
  await ben.hover('in time')
  await ben.find('li', { hasText: 'in time' }).locator('.more').click()
  const entry = ben.page.getByRole('menuitem', { name: 'Edit', exact: true })
  await entry.waitFor()
  await entry.waitFor({ state: 'detached' })
  await ben.page.getByRole('menuitem', { name: 'Copy' }).waitFor()
  await ben.page.keyboard.press('Escape')
  await ben.find('main textarea').press('ArrowUp')
  assert.equal(await ben.find('.draft').count(), 0)
})

test('a message that is edited on one device and taken back on another leaves nothing in the text field', async (t) => {
  const { room } = await group(t, 'Gone', ['Ben'])
  const ben = await Device.open(t, 'Ben')
  await ben.openRow('Gone')
  await ben.say('regret')
  const other = await talker(t, 'Ben')
  await other.join(room)
  await ben.menu('regret', 'Edit')
  await ben.find('.draft').waitFor()
  await other.recall(room, 2)
  await ben.find('.draft').waitFor({ state: 'detached' })
  assert.equal(await ben.find('main textarea').inputValue(), '')
})

test('@ offers the members while one types; those who are chosen are mentioned', async (t) => {
  const { ann, room } = await group(t, 'Calls', ['Ben', 'Bob', 'Cleo'])
  const ben = await Device.open(t, 'Ben')
  const cleo = await Device.open(t, 'Cleo')
  for (const device of [ben, cleo]) await device.openRow('Calls')
  const heard = []
  ann.on('message', (message) => heard.push(message))
  const field = ben.find('main textarea')
  const options = () => ben.find('[role=option]').allTextContents()
  await field.pressSequentially('mail@')
  await field.fill('')
  await ben.page.evaluate(() => { // the first letter asks in vain, the next one asks again
    const { chat } = document.querySelector('caddy-chat')
    chat.members = () => delete chat.members && Promise.reject(new Error('offline'))
  })
  await field.pressSequentially('@c')
  await ben.find('[role=option]', { hasText: 'Cleo' }).waitFor()
  await field.fill('')
  await field.pressSequentially('Hello @')
  await ben.find('[role=option]').nth(2).waitFor()
  assert.deepEqual((await options()).map((it) => it.trim()), ['Ann', 'Bob', 'Cleo'])
  assert.equal(await field.getAttribute('aria-activedescendant'), 'mention0')
  await field.press('ArrowUp')
  await ben.find('[role=option][aria-selected=true]', { hasText: 'Cleo' }).waitFor()
  await field.pressSequentially('b')
  await ben.find('[role=option]').nth(1).waitFor({ state: 'detached' })
  await field.press('Tab')
  assert.equal(await field.inputValue(), 'Hello @Bob ')
  await ben.find('textarea:focus').waitFor()
  await field.pressSequentially('and @cl')
  await ben.find('[role=option]', { hasText: 'Cleo' }).click()
  assert.equal(await field.inputValue(), 'Hello @Bob and @Cleo ')
  await field.pressSequentially('and @')
  await ben.find('[role=option]').first().waitFor()
  await field.press('Escape')
  await ben.find('[role=listbox]').waitFor({ state: 'detached' })
  await field.press('Enter')
  const mine = cleo.find('li.mentioned', { hasText: 'Hello' })
  await mine.getByRole('img', { name: 'You were mentioned' }).waitFor()
  assert.deepEqual(heard.at(-1).mentions, ['bob', 'cleo'])
  assert.equal(await ben.find('li.mentioned').count(), 0)

  // Everybody is for moderators: ann founded the group, ben did not.
  await ben.find('main textarea').pressSequentially('@')
  await ben.find('[role=option]').first().waitFor()
  assert.ok(!(await options()).some((it) => it.includes('all')))
  const owner = await Device.open(t, 'Ann')
  await owner.openRow('Calls')
  await owner.find('main textarea').pressSequentially('@al')
  await owner.find('[role=option]', { hasText: 'all' }).waitFor()
  await owner.page.keyboard.press('Enter')
  await owner.page.keyboard.press('Enter')
  await cleo.find('li.mentioned', { hasText: '@all' }).waitFor()
  assert.deepEqual(heard.at(-1).mentions, ['*'])
  assert.ok(room)
  assert.deepEqual([...ben.problems, ...cleo.problems, ...owner.problems], [])
})

test('an input method chooses its candidates while the list is open', async (t) => {
  await group(t, 'Method', ['Ben'])
  const ben = await Device.open(t, 'Ben')
  await ben.openRow('Method')
  const field = ben.find('main textarea')
  await field.pressSequentially('@')
  await ben.find('[role=option]', { hasText: 'Ann' }).waitFor()
  const cdp = await ben.page.context().newCDPSession(ben.page)
  await cdp.send('Input.imeSetComposition', { text: 'an', selectionStart: 2, selectionEnd: 2 })
  for (const key of ['Enter', 'ArrowDown', 'Tab', 'Escape']) await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key, windowsVirtualKeyCode: 229 })
  assert.equal(await field.inputValue(), '@an')
  await cdp.send('Input.insertText', { text: 'an' })
  await ben.find('[role=option]', { hasText: 'Ann' }).waitFor()
  await field.press('Enter')
  assert.equal(await field.inputValue(), '@Ann ')
  assert.equal(await ben.find('li.own').count(), 0)
})

test('on a phone a tap answers, and another chooses whom to mention', async (t) => {
  await group(t, 'Taps', ['Ben'], ['anybody there?'])
  const ben = await Device.open(t, 'Ben', phone)
  await ben.openRow('Taps')
  await ben.find('li.other .text').tap()
  await ben.find('li.other .more').tap()
  await ben.page.getByRole('menuitem', { name: 'Reply' }).tap()
  await ben.find('.draft').waitFor()
  await ben.find('main textarea').pressSequentially('Yes, @')
  await ben.find('[role=option]', { hasText: 'Ann' }).tap()
  assert.equal(await ben.find('main textarea').inputValue(), 'Yes, @Ann ')
  await ben.find('.send').tap()
  await ben.find('li.own.sent .quote', { hasText: 'anybody there?' }).waitFor()
})
