// The life of the component: what comes before start, what goes away in the middle of
// something, several rooms at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from './component.js'
import { wait } from './server.js'

const it = stage()
const { enter, friend, pageOf, room } = it

const chatOf = (person) => person.phone.page.page.selectComponent('#chat')

test('a component that is there before start waits for it, and is empty after stop', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  await mei.send(name, { text: 'are you there?' })
  const li = await enter(t, 'Li', pageOf(name), { config: { url: undefined } })
  await li.find('.room:top', { hasText: 'Loading…' }).waitFor()
  li.app.client = li.app.chat.start({ url: it.server.wss, name: 'Li' })
  await li.sees('are you there?')
  li.app.chat.stop()
  await li.find('.room:line').waitFor({ state: 'detached' })
  assert.equal(li.app.chat.client(), undefined)
  li.app.chat.start({ url: it.server.wss, name: 'Li again' })
  await li.sees('are you there?')
})

test('another room is shown when the property changes; what was written stays with its room', async (t) => {
  const [one, two] = [room(), room()]
  const mei = await friend(t, 'Mei', { rooms: [one, two] })
  await mei.send(one, { text: 'in one' })
  await mei.send(two, { text: 'in two' })
  const li = await enter(t, 'Li', pageOf(one))
  await li.sees('in one')
  await li.find('textarea').fill('half a sent')
  for (let round = 0; round < 5; round++) {
    li.phone.page.page.setData({ room: two })
    li.phone.page.page.setData({ room: one })
  }
  li.phone.page.page.setData({ room: two })
  await li.sees('in two')
  assert.deepEqual(await li.texts(), ['in two'])
  assert.equal(await li.find('textarea').inputValue(), '')
  li.phone.page.page.setData({ room: one })
  await li.sees('in one')
  assert.equal(await li.find('textarea').inputValue(), 'half a sent')
})

test('a component that goes away while something is under way changes nothing any more, and its messages are sent', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  for (let i = 0; i < 120; i++) await mei.send(name, { text: `message ${i}` })
  const li = await enter(t, 'Li', pageOf(name))
  await li.sees('message 119')
  const gone = chatOf(li)
  gone.scrollTo(1) // loads history
  li.phone.airplane(true)
  gone.send('on my way')
  li.phone.page.page.setData({ shown: false })
  await li.find('.room:chat').waitFor({ state: 'detached' })
  await wait(() => gone.state === undefined)
  const heard = new Promise((resolve) => mei.on('message', resolve))
  li.phone.airplane(false)
  assert.deepEqual((await heard).body, { text: 'on my way' })
  li.phone.page.page.setData({ shown: true })
  await li.sees('on my way')
})

test('the page is hidden while a message is sent, and other rooms are shown meanwhile: it is sent once, and nothing else is read', async (t) => {
  const [one, two] = [room(), room()]
  const mei = await friend(t, 'Mei', { rooms: [one, two] })
  const heard = []
  mei.on('message', ({ room, body }) => heard.push(`${room} ${body.text}`))
  const li = await enter(t, 'Li', pageOf(one), { late: 300 })
  await wait(() => li.app.client.rooms.get(one)?.live)
  for (let round = 0; round < 3; round++) {
    await li.find('textarea').fill(`round ${round}`)
    await wait(() => chatOf(li).typed === `round ${round}`)
    chatOf(li).onSend()
    chatOf(li).onSend() // a second tap
    li.phone.page.hide()
    for (const name of [two, one, two]) li.phone.page.page.setData({ room: name })
    li.phone.background()
    await mei.send(two, { text: `meanwhile ${round}` })
    li.phone.foreground()
    li.phone.page.page.setData({ room: one })
    li.phone.page.show()
    await li.find('.room:sent', { hasText: `round ${round}` }).waitFor()
  }
  assert.deepEqual(heard.filter((text) => text.startsWith(one)), [0, 1, 2].map((round) => `${one} round ${round}`))
  await li.sees('round 0') // of the history, which comes later than what waits in the outbox
  assert.deepEqual(await li.texts(), ['round 0', 'round 1', 'round 2'])
  await wait(() => li.app.client.rooms.get(two)?.unread === 3)
})

test('a room to read only, the text in the empty field, and signing out', async (t) => {
  const name = room()
  const li = await enter(t, 'Li', pageOf(name))
  await li.say('hello')
  await li.line('hello').locator(li.scoped('.room:sent')).waitFor()
  const { page } = li.phone.page
  page.setData({ placeholder: 'Ask' })
  await wait(async () => await li.find('textarea').getAttribute('placeholder') === 'Ask')
  page.setData({ readonly: true })
  await li.find('textarea').waitFor({ state: 'detached' })
  const before = li.app.client.user.id
  li.app.chat.signOut()
  await li.find('.room:line').waitFor({ state: 'detached' })
  assert.equal([...li.phone.storage.keys()].filter((key) => / token$/.test(key)).length, 0)
  const other = li.app.chat.start({ url: it.server.wss, name: 'Li' })
  await li.sees('hello')
  assert.notEqual(other.user.id, before)
})

test('two rooms on one page, and one room on two pages', async (t) => {
  const [one, two] = [room(), room()]
  const mei = await friend(t, 'Mei', { rooms: [one, two] })
  const li = await enter(t, 'Li', `pages/two/two?rooms=${one},${two}`)
  await wait(() => [one, two].every((name) => li.app.client.rooms.get(name)?.live))
  await li.find('textarea').first().fill('to one')
  await li.find('.room:send').first().click()
  await mei.send(two, { text: 'to two' })
  await li.find('.first', { hasText: 'to one' }).waitFor()
  await li.find('.second', { hasText: 'to two' }).waitFor()
  assert.equal(await li.find('.room:line').count(), 2)
  await li.go(pageOf(one))
  await li.sees('to one')
  await li.say('from the page above')
  await li.sees('from the page above')
  await li.back()
  await li.find('.first', { hasText: 'from the page above' }).waitFor()
  assert.ok(li.app.client.rooms.get(one), 'the room was left with the page above')
})

test('rooms that nobody shows are left after a while, but for those with messages that wait', async (t) => {
  const li = await enter(t, 'Li', pageOf('first'))
  await wait(() => li.app.client.rooms.get('first')?.live)
  li.app.client.join('of the app')
  for (let i = 0; i < 25; i++) li.phone.page.page.setData({ room: `idle-${i}` })
  await wait(() => li.app.client.rooms.get('idle-24')?.live && !li.app.client.rooms.has('idle-1'))
  assert.ok(li.app.client.rooms.has('idle-10') && li.app.client.rooms.has('of the app'))
})

test('read is what was in sight: not below, not in the background, not before the page is shown', async (t) => {
  const name = room()
  const mei = await friend(t, 'Mei', { rooms: [name] })
  await mei.send(name, { text: 'before' })
  const li = await enter(t, 'Li', pageOf(name))
  await li.sees('before')
  const { client } = li.app
  await wait(() => client.rooms.get(name).unread === 0)
  li.phone.page.hide()
  for (let i = 0; i < 40; i++) await mei.send(name, { text: `meanwhile ${i} ${'word '.repeat(30)}` })
  await wait(() => client.rooms.get(name).unread === 40)
  await li.back() // to the list: the room is closed
  assert.equal(client.rooms.get(name).unread, 40)
  await li.go(pageOf(name))
  await li.find('.room:divider').waitFor()
  await wait(() => li.find('.room:line', { hasText: 'meanwhile 0 ' }).isVisible())
  await wait(() => client.rooms.get(name).unread < 40)
  const { unread } = client.rooms.get(name)
  assert.ok(unread > 10, `${unread} are unread: those out of sight were marked`)
  await li.find('.room:newest').click()
  await wait(() => client.rooms.get(name).unread === 0)
})
