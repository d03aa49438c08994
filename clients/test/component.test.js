// The component <caddy-chat> in a mini program: WeChat's renderer draws it in a browser, and
// its JavaScript runs on a fake phone with real sockets to the real server.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { friend, limits, makeApp, Person } from './component.js'
import { Server, wait } from './server.js'
import { browser as launch } from './visitor.js'

let server, browser, app

before(async () => {
  server = new Server({ chat: limits })
  await Promise.all([
    server.start(),
    launch().then((it) => { browser = it }),
    makeApp().then((it) => { app = it }),
  ])
})

after(async () => {
  await browser?.close()
  await app?.remove()
  await server?.remove()
  assert.deepEqual(server.errors(), [])
})

let count = 0
const room = () => `room-${++count}`

// enter opens a page on a new phone. Warnings of the renderer fail the test.
async function enter(t, name, page, options = {}) {
  const person = await Person.launch({ browser, app, at: server, name, page, ...options })
  t.after(async () => {
    await person.quit()
    assert.deepEqual(person.view.problems, [])
  })
  return person
}

const pageOf = (name) => `pages/room/room?room=${encodeURIComponent(name)}`

test('two people chat', async (t) => {
  const name = room()
  const li = await enter(t, 'Li', pageOf(name))
  const bo = await enter(t, 'Bo', pageOf(name))
  await li.say('Hello, Bo!')
  await bo.sees('Hello, Bo!')
  assert.equal(await bo.line('Hello, Bo!').locator(bo.scoped('.room:who')).textContent(), 'Li')
  await li.line('Hello, Bo!').locator('.caddy-chat-room-room--sent').waitFor()
  await bo.say('Hi')
  await li.sees('Hi')
  assert.deepEqual(await li.texts(), ['Hello, Bo!', 'Hi'])
  assert.equal(await li.find('textarea').inputValue(), '')
})
