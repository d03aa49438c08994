// The component <caddy-chat-list>, with conversations.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from './component.js'
import { wait } from './server.js'
import { token, withConversations } from './talkers.js'

const it = stage({ chat: `${withConversations.chat}
journal memory {
retention 80
}` })
const as = (name) => ({ config: { options: { token: token(name) } } })
const row = (person, title) => person.find('.list:row', { has: person.find('.list:title', { hasText: title }) })
const titles = (person) => person.find('.list:title').allTextContents()

async function menu(person, title, ...choices) {
  await person.longPress(row(person, title))
  for (const choice of choices) {
    await person.find('.sheet:choice', { hasText: choice }).click()
  }
}

test('the list: newest first, unread, mention, mute, top, hide and clear; a tap opens', async (t) => {
  const bo = await it.friend(t, 'Bo', { token: token('Bo') })
  const cy = await it.friend(t, 'Cy', { token: token('Cy') })
  const li = await it.enter(t, 'Li', undefined, as('Li'))
  await li.find('.list:empty').waitFor()
  const { room: direct } = await bo.direct('li')
  await bo.join(direct)
  await bo.send(direct, { text: 'are you there?' })
  const { room: trip } = await cy.create({ title: 'Trip', users: ['li', 'bo'] })
  await cy.join(trip)
  await cy.send(trip, { text: '@Li look' }, { mentions: ['li'] })
  await row(li, 'Trip').getByText('Cy: @Li look').waitFor()
  await row(li, 'Bo').getByText('are you there?').waitFor()
  assert.deepEqual(await titles(li), ['Trip', 'Bo'])
  await row(li, 'Trip').getByText('[@ you]').waitFor()
  await row(li, 'Bo').locator(li.scoped('.list:unread'), { hasText: '1' }).waitFor()
  await wait(() => li.data.events.some(({ type, detail }) => type === 'unread' && detail.unread === 2))

  await menu(li, 'Bo', 'Keep on top')
  await wait(async () => (await titles(li)).join() === 'Bo,Trip')
  await menu(li, 'Trip', 'Mute')
  await row(li, 'Trip').locator(li.scoped('.list:quiet')).waitFor()
  await row(li, 'Trip').locator(li.scoped('.list:dot')).waitFor()
  await wait(() => li.data.events.at(-1)?.detail.unread === 1)
  await menu(li, 'Trip', 'Hide until the next message')
  await row(li, 'Trip').waitFor({ state: 'detached' })
  li.phone.page.page.setData({ hidden: true }) // the page may show those instead
  await row(li, 'Trip').waitFor()
  await row(li, 'Bo').waitFor({ state: 'detached' })
  li.phone.page.page.setData({ hidden: false })
  await row(li, 'Bo').waitFor()
  assert.equal(await row(li, 'Trip').count(), 0)
  await cy.send(trip, { text: 'again' })
  await row(li, 'Trip').getByText('Cy: again').waitFor()

  await row(li, 'Bo').click()
  await li.sees('are you there?')
  await li.view.page.locator('#title', { hasText: /^Bo$/ }).waitFor()
  await li.find('textarea').fill('half a')
  await li.find('.room:send[class*=ready]').waitFor() // the component has heard of it
  await li.back()
  await row(li, 'Bo').getByText('Draft:').waitFor()
  await wait(async () => await row(li, 'Bo').locator(li.scoped('.list:unread')).count() === 0)

  await menu(li, 'Trip', 'Clear the history')
  await li.find('.sheet:title', { hasText: 'You will not see it again' }).waitFor()
  await li.choose('Clear the history')
  await row(li, 'Trip').getByText('again').waitFor({ state: 'detached' })
})

test('a long list is drawn in parts, and more is loaded by scrolling', async (t) => {
  const dan = await it.friend(t, 'Dan', { token: token('Dan') })
  const n = 70
  for (let i = 0; i < n; i++) {
    const other = await it.friend(t, `Pal ${i}`, { token: token(`pal-${i}`) })
    const { room } = await other.direct('dan')
    await other.join(room)
    await other.send(room, { text: `hello ${i}` })
    other.close()
  }
  dan.close()
  const li = await it.enter(t, 'Dan', undefined, as('Dan'))
  await row(li, 'pal-69').waitFor()
  assert.ok(await li.find('.list:row').count() <= 50)
  for (let tries = 0; tries < 20 && await li.find('.list:row').count() < n; tries++) {
    await li.find('.list:log').evaluate((it) => { it.scrollTop = 0 })
    await li.find('.list:log').evaluate((it) => { it.scrollTop = it.scrollHeight })
    await li.find('.list:row').nth(Math.min(n, 50)).waitFor()
  }
  await row(li, 'pal-0').first().waitFor()
  assert.equal(await li.find('.list:row').count(), n)
})

test('a room that one may not be in says so; a connection that was ended says why, and begins again with a tap', async (t) => {
  const bo = await it.friend(t, 'Bo', { token: token('Bo') })
  const { room } = await bo.create({ title: 'Closed', users: [] })
  const gus = await it.enter(t, 'Gus', it.pageOf(room), as('Gus'))
  await gus.find('.room:composer-closed', { hasText: 'You are not in this room:' }).waitFor()
  assert.equal(await gus.find('textarea').count(), 0)
  assert.equal(gus.data.events.find(({ type }) => type === 'removed').detail.room, room)

  const hal = await it.enter(t, 'Hal', undefined, { config: { options: { token: 'not.a.token' } } })
  const banner = hal.find('.list:banner', { hasText: 'Not connected: ' })
  await banner.waitFor()
  assert.ok(hal.app.chat.ended())
  const states = []
  hal.app.client.on('state', ({ state }) => states.push(state))
  await banner.click()
  await wait(() => states.includes('connecting') && states.includes('closed'))
})

test('a moderator mutes, removes and bans with the menu of a message; who is muted sees it, and may write when it ends', async (t) => {
  const eve = await it.friend(t, 'Eve', { token: token('Eve') })
  const { room } = await eve.create({ title: 'Market', users: ['ian', 'joe'] })
  const ian = await it.enter(t, 'Ian', it.pageOf(room), as('Ian'))
  await ian.say('buy my watches')
  eve.close()
  const mod = await it.enter(t, 'Eve', it.pageOf(room), as('Eve'))
  await mod.sees('buy my watches')
  const manage = async (...choices) => {
    await mod.longPress(mod.line('buy my watches').locator(mod.scoped('.room:bubble')))
    for (const choice of ['Manage Ian', ...choices]) await mod.choose(choice)
  }
  mod.phone.page.page.selectComponent('#chat').moderate({ id: 'ian', name: 'Ian' }) // of the page
  await mod.find('.sheet:choice', { hasText: 'Ban Ian' }).waitFor()
  await mod.choose('Cancel')
  await manage('Mute Ian', 'for 10 minutes')
  await mod.find('.room:note', { hasText: 'Ian can no longer write here.' }).waitFor()
  const muted = ian.find('.room:composer-closed', { hasText: /^You cannot write until \d\d:\d\d\.$/ })
  await muted.waitFor()
  assert.equal(await ian.find('textarea').count(), 0)
  await ian.back()
  await ian.go(it.pageOf(room)) // the page does not forget it
  await muted.waitFor()
  await manage('Mute Ian', 'Let Ian write again')
  await ian.find('textarea').waitFor()
  const heard = new Promise((resolve) => ian.app.client.on('muted', () => resolve(Date.now())))
  await mod.app.client.mute(room, 'ian', 1200)
  const until = await heard + 1200
  const { data } = ian.phone.page.page.selectComponent('#chat')
  await wait(() => data.closed || Date.now() > until) // beside other work it may be over before it is drawn
  await ian.find('textarea').waitFor() // by itself
  await manage('Mute Ian', 'for good')
  await ian.find('.room:composer-closed', { hasText: 'You cannot write for now.' }).waitFor()
  await manage('Remove Ian from the room')
  await ian.find('.room:composer-closed', { hasText: 'You are not in this room: You were removed by a moderator.' }).waitFor()
  await manage('Ban Ian', 'for an hour')
  await mod.find('.room:note', { hasText: 'Ian was banned.' }).waitFor()
  await assert.rejects(mod.app.client.member(room, ['ian'], 'member'))
  await manage('Ban Ian', 'Let Ian come again')
  await mod.find('.room:note', { hasText: 'Ian may come again.' }).waitFor()
  await mod.app.client.member(room, ['ian'], 'member')

  const joe = await it.enter(t, 'Joe', it.pageOf(room), as('Joe')) // no moderator
  await joe.sees('buy my watches')
  await joe.longPress(joe.line('buy my watches').locator(joe.scoped('.room:bubble')))
  await joe.find('.sheet:choice', { hasText: 'Reply' }).waitFor()
  assert.equal(await joe.find('.sheet:choice', { hasText: 'Manage' }).count(), 0)
})

test('a room that is no conversation is in the list as well', async (t) => {
  const eve = await it.friend(t, 'Eve', { token: token('Eve'), rooms: ['room-tea'] })
  const li = await it.enter(t, 'Fay', undefined, as('Fay'))
  li.app.client.join('room-tea')
  await eve.send('room-tea', { text: 'tea is ready' })
  await row(li, 'room-tea').getByText('Eve: tea is ready').waitFor()
  await row(li, 'room-tea').locator(li.scoped('.list:unread'), { hasText: '1' }).waitFor()
  await menu(li, 'room-tea', 'Leave')
  await row(li, 'room-tea').waitFor({ state: 'detached' })
  assert.deepEqual(li.data.events.filter(({ type }) => type === 'left').map(({ detail }) => detail), [{ room: 'room-tea' }])
})

test('what fails is told to the page: a setting without a connection, a storage that is full', async (t) => {
  const ned = await it.friend(t, 'Ned', { token: token('Ned') })
  const { room } = await ned.create({ title: 'Errors', users: ['mia'] })
  await ned.join(room)
  await ned.send(room, { text: 'hello' })
  const full = () => {
    throw new Error('setStorageSync:fail')
  }
  const mia = await it.enter(t, 'Mia', undefined, { ...as('Mia'), wx: { setStorageSync: full } })
  await row(mia, 'Errors').waitFor()
  mia.phone.airplane(true)
  await mia.find('.list:banner').waitFor()
  await menu(mia, 'Errors', 'Mute')
  await wait(() => mia.data.events.some(({ type, detail }) => type === 'error' && detail.code === 'offline' && detail.message === 'There is no connection.'))
  mia.phone.airplane(false)
  await mia.find('.list:banner').waitFor({ state: 'detached' })
  await mia.go(it.pageOf(room))
  await mia.sees('hello')
  await mia.say('kept nowhere, and sent')
  await mia.find('.room:sent', { hasText: 'kept nowhere, and sent' }).waitFor()
  await wait(() => mia.data.events.some(({ type, detail }) => type === 'error' && detail.code && detail.message))
})

test('a pin leads to its message until it is unpinned; a notice is told from messages; a gap is told', async (t) => {
  const kim = await it.friend(t, 'Kim', { token: token('Kim') })
  const { room } = await kim.create({ title: 'Notes', users: ['lou'] })
  await kim.join(room)
  for (let i = 0; i < 40; i++) await kim.send(room, { text: `note ${i}` })
  const mod = await it.enter(t, 'Kim', it.pageOf(room), as('Kim'))
  const lou = await it.enter(t, 'Lou', it.pageOf(room), as('Lou'))
  const bubble = (person, text) => person.line(text).locator(person.scoped('.room:bubble'))
  for (const person of [mod, lou]) await person.sees('note 39')
  await lou.longPress(bubble(lou, 'note 39'))
  await lou.find('.sheet:choice', { hasText: 'Reply' }).waitFor()
  assert.equal(await lou.find('.sheet:choice', { hasText: 'Pin' }).count(), 0)
  await lou.choose('Cancel')
  await kim.tag(room, 3, 'pin', true, true) // of the first notes: the founding is 1
  const pin = lou.find('.room:pin', { hasText: 'Kim: note 1' })
  await pin.click()
  await lou.find('.room:goal', { hasText: 'note 1' }).waitFor()
  await mod.longPress(bubble(mod, 'note 39'))
  await mod.choose('Pin')
  await lou.find('.room:pin', { hasText: 'note 39' }).waitFor() // the newest of them
  await mod.longPress(bubble(mod, 'note 39'))
  await mod.choose('Unpin')
  await pin.waitFor()
  await kim.recall(room, 3)
  await pin.waitFor({ state: 'detached' })

  await it.server.announce(room, { text: 'Closed tomorrow: see https://example.com/' })
  await lou.find('.room:newest').click()
  const notice = lou.find('.room:notice', { hasText: 'Closed tomorrow' })
  await notice.waitFor()
  assert.equal(await lou.find('.room:line', { hasText: 'Closed tomorrow' }).count(), 0)
  await notice.locator(lou.scoped('.room:link')).click()
  await wait(() => lou.phone.clipboard === 'https://example.com/')

  lou.phone.background()
  for (let i = 0; i < 90; i++) await kim.send(room, { text: `meanwhile ${i}` })
  lou.phone.foreground()
  await lou.sees('meanwhile 89')
  await lou.find('.room:status', { hasText: 'Some earlier messages are no longer kept.' }).waitFor()
  const texts = await lou.texts()
  assert.deepEqual(texts, texts.map((_, i) => `meanwhile ${90 - texts.length + i}`), 'nothing of before the gap stands there')
})
