// The built-in page in a real browser, against the real server over https.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { makePage } from '../build.js'
import { base, browser, context, Person, room, sendMany, serve, server } from './person.js'

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

serve()

const denied = (name) => Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError') } })
const isNull = (name) => Object.defineProperty(window, name, { value: null })
const missing = (name) => Object.defineProperty(window, name, { value: undefined })
const full = () => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') } }
for (const [what, init] of Object.entries({ denied, isNull, missing, full })) {
  test(`storage that is ${what}: one can sign in, say something and open another room`, async (t) => {
    const person = await Person.enter(t, 'Li', 'lobby', { init: `for (const name of ['localStorage', 'sessionStorage']) (${init})(name)` })
    await person.say('hi')
    await person.page.locator('li.own.sent').waitFor()
    await person.enterRoom(`storage ${what}`)
    assert.deepEqual(person.problems, [])
  })
}

test('an Enter that picks a candidate does not send, in Safari neither', async (t) => {
  const person = await Person.enter(t, 'Li', 'lobby')
  const text = person.page.locator('textarea')
  await text.fill('nihao')
  const isPrevented = await text.evaluate((it) => !it.dispatchEvent(
    new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, isComposing: false, bubbles: true, cancelable: true })))
  assert.equal(isPrevented, false)
  assert.equal(await text.inputValue(), 'nihao')
})

test('an element whose attributes change or that is moved goes on', async (t) => {
  const person = await Person.enter(t, 'Li', 'lobby')
  const { page } = person
  const headings = []
  const change = async (attributes) => {
    await page.locator('caddy-chat').evaluate((it, changes) => changes.forEach((change) => it.setAttribute(...change)), attributes)
    await page.waitForFunction((room) => document.querySelector('caddy-chat').shadowRoot.querySelector('main h1')?.textContent === room, attributes[0][1])
    await person.online()
    headings.push(await page.locator('main h1').textContent())
  }
  await change([['room', 'tea']])
  await change([['room', 'milk'], ['name', 'Bo']])
  assert.deepEqual(headings, ['tea', 'milk'])
  await page.evaluate(() => {
    const box = document.createElement('div')
    document.body.append(box)
    box.append(document.querySelector('caddy-chat'))
  })
  await person.online()
  await person.say('still here')
  await page.locator('li.own.sent').waitFor()
  assert.deepEqual(person.problems, [])
})

test('an address whose fragment is no room opens the lobby', async (t) => {
  const person = await Person.enter(t, 'Li', 'lobby', { fragment: '%' })
  assert.equal(await person.page.locator('main h1').textContent(), 'lobby')
})

test('caddymodule/ui is generated from clients/web', async () => {
  const kept = fileURLToPath(new URL('../../caddymodule/ui', import.meta.url))
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-page-'))
  // Another version of zlib may compress to other bytes.
  const content = async (file) => {
    const bytes = await readFile(file)
    if (file.endsWith('.br')) return brotliDecompressSync(bytes).toString()
    return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  }
  try {
    await makePage(dir)
    assert.deepEqual((await readdir(kept)).sort(), (await readdir(dir)).sort(), 'run make page')
    for (const name of await readdir(dir)) {
      assert.equal(await content(path.join(kept, name)), await content(path.join(dir, name)), `${name}: run make page`)
    }
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('the parts of the page are small', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-page-'))
  try {
    const { scripts, files } = await makePage(dir)
    const words = files.filter((name) => /^(en|zh)-.*js$/.test(name))
    assert.equal(words.length, 2)
    const size = async (names) => (await Promise.all(names.map(async (name) => (await readFile(path.join(dir, `${name}.gz`))).length))).reduce((a, b) => a + b, 0)
    const loader = await readFile(path.join(dir, 'chat.js'))
    assert.ok(loader.length < 1024, `the loader has ${loader.length} bytes`)
    const atOnce = await size(scripts) + Math.max(await size(words.slice(0, 1)), await size(words.slice(1)))
    assert.ok(atOnce <= 32 * 1024, `${atOnce} bytes until the first message`)
    const all = await size(files.filter((name) => !name.includes('emoji')))
    assert.ok(all <= 60 * 1024, `${all} bytes without the picker`)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('two people chat: names, presence, typing, unread, recall', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li')
  const bo = await Person.enter(t, 'Bo')
  await li.enterRoom(name)
  await bo.enterRoom(name)
  await li.page.getByRole('button', { name: '2 people' }).waitFor()
  await li.say('Hello, Bo!')
  await bo.sees('Hello, Bo!')
  assert.equal(await bo.page.locator('ol .name').textContent(), 'Li')
  await bo.page.locator('textarea').pressSequentially('Hi')
  await li.page.getByText('Bo is writing…').waitFor()
  await bo.page.keyboard.press('Enter')
  await li.sees('Hi')
  await li.page.getByRole('button', { name: '2 people' }).click()
  await li.page.getByRole('complementary').locator('li', { hasText: 'Bo (guest)' }).waitFor()
  await li.shot('desktop')

  // Messages in a room that is not open count as unread.
  await bo.page.locator('button.room', { hasText: 'lobby' }).click()
  await li.say('Are you there?')
  await bo.page.locator('button.room', { hasText: name }).getByLabel('1 unread').waitFor()
  await bo.page.locator('button.room', { hasText: name }).click()
  await bo.sees('Are you there?')
  await bo.page.locator('li.divider').waitFor()

  await li.page.locator('li.own', { hasText: 'Are you there?' }).hover()
  await li.page.locator('li.own', { hasText: 'Are you there?' }).getByRole('button', { name: 'Take back' }).click()
  await bo.page.locator('.gone', { hasText: 'This message was taken back.' }).waitFor()
  assert.deepEqual(await bo.texts(), ['Hello, Bo!', 'Hi'])
  assert.deepEqual([...li.problems, ...bo.problems], [])
})

test('unread are the messages of others: no recall, and nothing that one has said oneself', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li')
  const bo = await Person.enter(t, 'Bo')
  await li.enterRoom(name)
  await bo.enterRoom(name)
  const { page } = bo
  await page.locator('button.room', { hasText: 'lobby' }).click()
  const until = (seq) => page.waitForFunction(([room, seq]) => document.querySelector('caddy-chat').chat.rooms.get(room)?.seq === seq, [name, seq])
  const badge = () => page.locator('button.room', { hasText: name }).locator('b').allTextContents()
  await li.say('one')
  await li.say('two')
  await until(2)
  await li.page.locator('li.own', { hasText: 'one' }).getByRole('button', { name: 'Take back' }).click()
  await until(3)
  assert.deepEqual(await badge(), ['2'])
  await page.evaluate((room) => {
    document.querySelector('caddy-chat').chat.send(room, { text: 'mine' })
  }, name)
  await until(4)
  assert.deepEqual(await badge(), [])
  await li.say('three')
  await until(5)
  assert.deepEqual(await badge(), ['1'])
  await page.locator('button.room', { hasText: name }).click()
  await page.locator('li.divider + li', { hasText: 'three' }).waitFor()

  // What was perhaps done is not called a failure.
  await li.page.evaluate(() => {
    document.querySelector('caddy-chat').chat.recall = () => Promise.reject({ message: 'unavailable', uncertain: true })
  })
  await li.page.locator('li.own', { hasText: 'three' }).getByRole('button', { name: 'Take back' }).click()
  await li.page.getByText('This may have been done. Look before you try again.').waitFor()
  assert.deepEqual([...li.problems, ...bo.problems], [])
})

test('two tabs of one user show the same messages, their own only once', async (t) => {
  const li = await Person.enter(t, 'Li', 'lobby')
  const first = li.page
  const name = room()
  await li.enterRoom(name)
  await li.open(name)
  await li.online()
  await li.say('from the second tab')
  await first.locator('ol .text', { hasText: 'from the second tab' }).waitFor()
  assert.equal(await first.locator('li.own').count(), 1)
  assert.equal(await li.page.locator('li.own').count(), 1)
  await first.getByRole('button', { name: '1 person' }).waitFor()
  assert.deepEqual(li.problems, [])
})

test('the server restarts: a message from the meantime arrives, once', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li')
  const bo = await Person.enter(t, 'Bo')
  await li.enterRoom(name)
  await bo.enterRoom(name)
  await li.say('before')
  await bo.sees('before')
  await server.stop('SIGKILL')
  await li.page.getByText('No connection. Trying again…').waitFor()
  await li.say('meanwhile')
  await li.page.locator('li.sending').waitFor()
  await li.shot('offline')
  await server.start()
  await bo.sees('meanwhile')
  await li.page.locator('li.own.sent', { hasText: 'meanwhile' }).waitFor()
  assert.deepEqual(await li.texts(), ['before', 'meanwhile'])
  assert.deepEqual(await bo.texts(), ['before', 'meanwhile'])
  assert.deepEqual([...li.problems, ...bo.problems], [])
})

test('a thousand messages: the newest first, the others by scrolling, and a bounded list', async (t) => {
  const name = room()
  await sendMany(t, name, 1000)
  const li = await Person.enter(t, 'Li')
  await li.enterRoom(name)
  await li.sees('message 999')
  const before = await li.page.locator('ol li').count()
  assert.ok(before < 300, `${before} drawn at once`)
  for (let i = 0; i < 40 && !(await li.texts()).includes('message 500'); i++) {
    await li.page.locator('.scroller').evaluate((list) => { list.scrollTop = 0 })
    await li.page.waitForTimeout(50)
  }
  const texts = await li.texts()
  const from = Number(texts[0].split(' ')[1])
  assert.deepEqual(texts, texts.map((_, i) => `message ${from + i}`))
  assert.ok(texts.length <= 150, `${texts.length} drawn`)
  await li.page.getByRole('button', { name: 'To the newest' }).click()
  await li.page.waitForFunction(() => document.querySelector('caddy-chat').shadowRoot.querySelectorAll('ol li').length <= 150)
  assert.deepEqual(li.problems, [])
})

test('hostile messages are shown as text', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li')
  await li.enterRoom(name)
  const bodies = [
    { text: '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>' },
    { text: '\u202Eevil reversed \u2066\u2067 and not closed' },
    { text: '😀'.repeat(2500) },
    { text: 'x'.repeat(2500) },
    { html: '<b>no text</b>', __proto__: null },
    ['an', { array: true }],
    '',
  ]
  const chat = await sendMany(t, name, bodies.length, (i) => bodies[i])
  await chat.send(name, { text: 'the last' })
  await li.sees('the last')
  assert.match(await li.page.title(), /^(\(\d+\) )?Chat$/) // some may not be read yet
  assert.equal(await li.page.locator('ol img, ol script, ol b').count(), 0)
  const [width, view] = await li.page.locator('.scroller').evaluate((list) => [list.scrollWidth, list.clientWidth])
  assert.ok(width <= view, 'the list scrolls sideways')
  assert.equal((await li.texts()).at(-1), 'the last')
  assert.deepEqual(li.problems, [])
})

for (const [device, options] of [
  ['desktop', {}],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true }],
]) {
  test(`axe finds nothing serious: ${device}`, async (t) => {
    const name = room()
    const li = await Person.enter(t, 'Li', 'lobby', options)
    if (device === 'phone') await li.page.getByRole('button', { name: 'Rooms' }).click()
    await li.enterRoom(name)
    await sendMany(t, name, 5)
    await li.sees('message 4')
    await li.say('and mine')
    await li.page.locator('li.own.sent').waitFor()
    await li.shot(device === 'desktop' ? 'light' : device)
    await li.page.evaluate(await readFile(axe, 'utf8'))
    const { violations } = await li.page.evaluate(() => globalThis.axe.run())
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`), [])
    const [width, view] = await li.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(width <= view, 'the page scrolls sideways')
  })
}

test('the page works with the keyboard alone', async (t) => {
  const page = await (await context(t, { locale: 'zh-CN' })).newPage()
  await page.goto(base())
  await page.locator('#name:focus').waitFor()
  await page.keyboard.type('小李')
  await page.keyboard.press('Enter')
  await page.locator('caddy-chat textarea:focus').waitFor()
  await page.locator('caddy-chat .banner').waitFor({ state: 'hidden' })
  await page.keyboard.type('大家好')
  await page.keyboard.press('Enter')
  await page.locator('ol .text', { hasText: '大家好' }).waitFor()
  await page.keyboard.type('two')
  await page.keyboard.press('Shift+Enter')
  await page.keyboard.type('lines')
  await page.keyboard.press('Enter')
  assert.equal(await page.locator('ol .text').last().textContent(), 'two\nlines')
})

test('the page works over a slow network', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li')
  await li.enterRoom(name)
  const cdp = await li.context.newCDPSession(li.page)
  await cdp.send('Network.enable')
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 800, downloadThroughput: 4096, uploadThroughput: 4096 })
  await li.page.reload()
  await li.online()
  await li.say('slowly')
  await li.page.locator('li.own.sent', { hasText: 'slowly' }).waitFor()
  assert.deepEqual(li.problems, [])
})

test('first texts that come after everything else: all is drawn all the same', async (t) => {
  const page = await (await context(t)).newPage()
  let letGo
  const held = new Promise((resolve) => { letGo = resolve })
  await page.route('**/ui/en-*.js', async (route) => held.then(() => route.continue()))
  await page.route('**/late', (route) => route.fulfill({ contentType: 'text/html', body: '<caddy-chat room="late" name="Li"></caddy-chat><script type="module" src="/chat/ui/chat.js"></script>' }))
  await page.goto(`${base().replace(/chat$/, '')}late`)
  await page.waitForFunction(() => document.querySelector('caddy-chat').chat?.rooms.get('late')?.live)
  letGo()
  await page.getByRole('button', { name: 'Send' }).waitFor()
})

test('texts that come late are drawn all the same', async (t) => {
  const profile = await context(t)
  let letGo
  const held = new Promise((resolve) => { letGo = resolve })
  await profile.route('**/later-*.js', async (route) => held.then(() => route.continue()))
  const page = await profile.newPage()
  await page.goto(base())
  await page.locator('#name').fill('Li')
  const loaded = page.waitForResponse(/\/more-/)
  await page.keyboard.press('Enter')
  await loaded
  letGo()
  await page.getByRole('button', { name: 'Send' }).waitFor()
})

test('a message that is pressed before its menu is loaded opens it then', async (t) => {
  const name = room()
  await sendMany(t, name, 1)
  const profile = await context(t, { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true })
  let letGo
  const held = new Promise((resolve) => { letGo = resolve })
  await profile.route('**/more-*.js', async (route) => held.then(() => route.continue()))
  const page = await profile.newPage()
  await page.goto(`${base()}#${name}`)
  await page.locator('#name').fill('Li')
  const asked = page.waitForRequest(/\/more-/)
  await page.keyboard.press('Enter')
  await asked
  const message = page.locator('li.other', { hasText: 'message 0' })
  const { y, height } = await message.boundingBox()
  await message.evaluate((it) => it.dispatchEvent(new PointerEvent('contextmenu', { pointerType: 'touch', bubbles: true, cancelable: true, composed: true })))
  assert.equal(await page.locator('.more, textarea').count(), 0)
  letGo()
  await page.getByRole('menuitem', { name: 'Copy' }).waitFor()
  const after = await message.boundingBox()
  assert.deepEqual([after.y, after.height], [y, height], 'the message has moved')
})

test('the element in another page, with one room', async (t) => {
  const name = room()
  const page = await (await context(t)).newPage()
  // On the same host, whose pages may connect.
  await page.route('**/shop', (route) => route.fulfill({
    contentType: 'text/html',
    body: `<h1>Shop</h1><caddy-chat room="${name}" name="Visitor"></caddy-chat><script type="module" src="/chat/ui/chat.js"></script>`,
  }))
  await page.goto(`https://localhost:${server.ports[1]}/shop`)
  await page.getByRole('log', { name: `Messages in ${name}` }).waitFor()
  assert.equal(await page.getByRole('navigation').count(), 0)
  await page.locator('textarea').fill('from the shop')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('li.own.sent', { hasText: 'from the shop' }).waitFor()
})
