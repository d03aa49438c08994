// The list of messages on the built-in page: what is drawn, what is in sight, what is read.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { context, friend, Person, room, sendMany, serve } from './person.js'

serve()

// gapBelow returns how many pixels of the list lie below what is in sight.
const gapBelow = (page) => page.locator('.scroller').evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight)
const settled = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
const mark = (page, name) => page.evaluate((name) => document.querySelector('caddy-chat').chat.rooms.get(name)?.read, name)
const untilRead = (page, name, seq) => page.waitForFunction(([name, seq]) => document.querySelector('caddy-chat').chat.rooms.get(name)?.read === seq, [name, seq])

// inSight reports whether an element is inside of the list's window.
const inSight = (locator) => locator.evaluate((it) => {
  const at = it.getBoundingClientRect()
  const list = it.closest('.scroller').getBoundingClientRect()
  return at.top >= list.top - 1 && at.bottom <= list.bottom + 1
})

test('the newest message stays in sight, whatever grows, shrinks or appears', async (t) => {
  const name = room()
  const chat = await sendMany(t, name, 40)
  const li = await Person.enter(t, 'Li', name)
  await li.sees('message 39')
  const { page } = li
  const stays = async (what, act) => {
    await act()
    await settled(page)
    assert.ok(await gapBelow(page) <= 1, `${what}: ${await gapBelow(page)} pixels are hidden`)
  }
  await stays('opening', () => {})
  await stays('people open', () => page.getByRole('button', { name: '2 people' }).click())
  await stays('people closed', () => page.getByRole('button', { name: '2 people' }).click())
  await stays('window smaller, as above a keyboard', () => page.setViewportSize({ width: 1280, height: 380 }))
  await stays('window narrower', () => page.setViewportSize({ width: 340, height: 380 }))
  await stays('window larger', () => page.setViewportSize({ width: 1280, height: 800 }))
  await stays('text of several lines', () => page.locator('textarea').fill('1\n2\n3\n4\n5'))
  await stays('a new message', async () => {
    await chat.send(name, { text: 'new\n'.repeat(10) })
    await li.sees('new')
  })
  await stays('a line above the text field', () => page.locator('caddy-chat').evaluate((it) => it.tell('A note')))
  await stays('a message that grows', () => page.locator('li.other .bubble').last().evaluate((it) => { it.style.paddingBottom = '200px' }))
  assert.deepEqual(li.problems, [])
})

test('who reads old messages stays there, and a button tells what is new', async (t) => {
  const name = room()
  const chat = await sendMany(t, name, 60)
  const li = await Person.enter(t, 'Li', name)
  await li.sees('message 59')
  const { page } = li
  await untilRead(page, name, 60)
  const old = page.locator('ol > li', { hasText: 'message 40' })
  await old.scrollIntoViewIfNeeded()
  await page.locator('.newest').waitFor()
  const before = await old.evaluate((it) => it.getBoundingClientRect().top)
  for (const text of ['one', 'two']) await chat.send(name, { text })
  await page.getByRole('button', { name: '2 new messages. To the newest' }).waitFor()
  await settled(page)
  assert.ok(Math.abs(await old.evaluate((it) => it.getBoundingClientRect().top) - before) <= 1, 'the list has moved')
  assert.equal(await mark(page, name), 60)
  await page.setViewportSize({ width: 500, height: 700 })
  await settled(page)
  assert.ok(await inSight(old), 'what was read is out of sight when the window has changed')
  await page.locator('.newest').click()
  await page.locator('.newest').waitFor({ state: 'detached' })
  await untilRead(page, name, 62)
  assert.deepEqual(li.problems, [])
})

test('a room opens at the first unread message, and only what was in sight is read', async (t) => {
  const name = room()
  const chat = await friend(t, name)
  await chat.send(name, { text: 'read before' })
  const li = await Person.enter(t, 'Li', name)
  const { page } = li
  await untilRead(page, name, 1)
  await li.enterRoom(room())
  for (let i = 0; i < 60; i++) await chat.send(name, { text: `unread ${i}` })
  await page.locator('button.room', { hasText: name }).getByLabel('60 unread').waitFor()
  await page.locator('button.room', { hasText: name }).click()
  await page.locator('li.divider').waitFor()
  await page.locator('li.divider + li', { hasText: 'unread 0' }).waitFor()
  assert.ok(await inSight(page.locator('li.divider')), 'the divider is out of sight')
  await page.waitForFunction((name) => document.querySelector('caddy-chat').chat.rooms.get(name).read > 1, name)
  await settled(page)
  const read = await mark(page, name)
  const shown = await page.locator('.scroller').evaluate((list) => {
    const bottom = list.getBoundingClientRect().bottom
    return Math.max(...[...list.querySelectorAll('li[data-seq]')].filter((it) => it.getBoundingClientRect().top < bottom).map((it) => Number(it.dataset.seq)))
  })
  assert.ok(read <= shown && read < 61, `read up to ${read}, shown up to ${shown}`)
  assert.ok(!(await inSight(page.locator('ol > li[data-seq="61"]'))))
  await page.locator('.newest').click()
  await untilRead(page, name, 61)

  // The same after a visit that has ended: the mark is the server's.
  await page.close()
  for (let i = 60; i < 200; i++) await chat.send(name, { text: `unread ${i}` })
  await li.open(name)
  await li.page.locator('li.divider + li', { hasText: 'unread 60' }).waitFor()
  assert.ok(await inSight(li.page.locator('li.divider')))
  assert.deepEqual(li.problems, [])
})

test('a first visit has no divider, and ends at the newest', async (t) => {
  const name = room()
  await sendMany(t, name, 60)
  const li = await Person.enter(t, 'Li', name)
  await li.sees('message 59')
  await untilRead(li.page, name, 60)
  assert.equal(await li.page.locator('li.divider').count(), 0)
})

test('what comes while the tab is hidden is unread until it is shown', async (t) => {
  const name = room()
  const chat = await sendMany(t, name, 3)
  const li = await Person.enter(t, 'Li', name)
  const { page } = li
  await untilRead(page, name, 3)
  const show = (state) => page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }, state)
  await show('hidden')
  for (let i = 0; i < 40; i++) await chat.send(name, { text: `hidden ${i}` })
  await li.sees('hidden 39')
  await page.waitForFunction(() => document.title === '(40) Chat')
  assert.match(await page.locator('link[rel=icon]').getAttribute('href'), /d92d20/)
  assert.equal(await mark(page, name), 3)
  await show('visible')
  await page.locator('li.divider + li', { hasText: 'hidden 0' }).waitFor()
  await page.waitForFunction((name) => document.querySelector('caddy-chat').chat.rooms.get(name).read > 3, name)
  assert.ok(await inSight(page.locator('li.divider')))
  await page.locator('.newest').click()
  await page.waitForFunction(() => document.title === 'Chat')
  assert.doesNotMatch(await page.locator('link[rel=icon]').getAttribute('href'), /d92d20/)
})

test('days, groups and initials', async (t) => {
  const name = room()
  const chat = await friend(t, name, 'Mei Lin')
  await chat.send(name, { text: 'first' })
  await chat.send(name, { text: 'second' })
  const tom = await friend(t, name, '小明')
  await tom.send(name, { text: 'third' })
  const li = await Person.enter(t, 'Li', name)
  await li.sees('third')
  const { page } = li
  assert.deepEqual(await page.locator('li.day').allTextContents(), ['Today'])
  assert.deepEqual(await page.locator('li.other .name').allTextContents(), ['Mei Lin', '小明'])
  assert.deepEqual(await page.locator('li.other span.avatar').evaluateAll((all) => all.map((it) => it.dataset.initials)), ['ML', undefined, '小'])
  assert.deepEqual(await page.locator('li.other.grouped .text').allTextContents(), ['second'])

  // Messages of other days, in another language and zone.
  const days = await page.evaluate(async () => {
    const element = document.querySelector('caddy-chat')
    const now = new Date(2026, 4, 2, 12).getTime()
    const { dates, words } = element
    return [now, now - 86_400_000, now - 3 * 86_400_000, now - 400 * 86_400_000, NaN].map((at) => dates.day(at, now, words))
  })
  assert.deepEqual(days, ['Today', 'Yesterday', 'Wednesday, April 29', 'March 28, 2025', ''])
})

test('pictures of users are drawn, and initials where they do not load', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name)
  const { page } = li
  await page.route('https://pictures.example/**', (route) => (route.request().url().endsWith('good.svg')
    ? route.fulfill({ contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>' }) : route.abort()))
  for (const [who, avatar] of [['Good', 'https://pictures.example/good.svg'], ['Bad', 'https://pictures.example/bad.svg']]) {
    const chat = await friend(t, name, who)
    chat.introduce({ name: who, avatar })
    await chat.send(name, { text: `I am ${who}` })
  }
  await li.sees('I am Bad')
  await page.locator('ol > li', { hasText: 'I am Good' }).locator('img.avatar').waitFor()
  await page.locator('ol > li', { hasText: 'I am Bad' }).locator('span.avatar[data-initials=B]').waitFor()
  assert.deepEqual(li.problems, [])
})

test('links can be followed, and lead to web pages and mail only', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name)
  await sendMany(t, name, 1, () => ({ text: 'https://a.example/x?y=z. www.b.com, c@d.example javascript:alert(1) ftp://e.example/f data:text/html,g <a href="https://h.example">h</a> 1.2.3' }))
  await li.page.locator('li a').first().waitFor()
  const links = await li.page.locator('li a').evaluateAll((all) => all.map((it) => [it.getAttribute('href'), it.textContent, it.rel, it.target]))
  assert.deepEqual(links.map(([href]) => href), ['https://a.example/x?y=z', 'http://www.b.com', 'mailto:c@d.example', 'https://h.example'])
  for (const [, , rel, target] of links) assert.ok(rel.includes('noopener') && rel.includes('nofollow') && target === '_blank')
  assert.deepEqual(li.problems, [])
})

test('a text is there before what finds its links, and nothing moves when that comes', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name)
  const { page } = li
  let release
  const held = new Promise((resolve) => {
    release = resolve
  })
  let asked = 0
  await page.route('**/linkify-*.js', async (route) => {
    asked++
    await held
    await route.continue()
  })
  await sendMany(t, name, 30, (i) => ({ text: i % 2 ? `${i} ${'https://a.example/x?y=z '.repeat(i)}` : `no link ${i}` }))
  await li.sees('no link 28')
  await page.locator('ol > li', { hasText: '29 https://a.example' }).waitFor()
  await settled(page)
  assert.equal(await page.locator('ol a').count(), 0)
  const places = () => page.locator('ol > li').evaluateAll((rows) => rows.map((row) => Math.round(row.getBoundingClientRect().top)))
  const before = await places()
  release()
  await page.locator('ol a').first().waitFor()
  await settled(page)
  assert.deepEqual(await places(), before)
  await sendMany(t, name, 1, () => ({ text: 'and www.b.com' }))
  await page.locator('a[href="http://www.b.com"]').waitFor()
  assert.equal(asked, 1)
  assert.deepEqual(li.problems, [])
})

test('ten thousand messages: at most 150 are drawn, and frames stay short', async (t) => {
  const name = room()
  await sendMany(t, name, 10_000)
  const li = await Person.enter(t, 'Li', name)
  await li.sees('message 9999')
  const { page } = li
  const cdp = await li.context.newCDPSession(page)
  const heap = async () => {
    await cdp.send('HeapProfiler.collectGarbage')
    return (await cdp.send('Runtime.getHeapUsage')).usedSize
  }
  const before = await heap()
  const loaded = await page.evaluate(async () => {
    const element = document.querySelector('caddy-chat')
    const state = element.session.rooms.get(element.current)
    const begun = state.items.length
    while (await state.older(100)) ;
    return state.items.length - begun
  })
  await settled(page)
  const after = await heap()
  assert.ok(loaded > 9000, `${loaded} loaded`)
  assert.ok((after - before) / loaded < 1500, `${Math.round((after - before) / loaded)} bytes a message`)

  // Scrolls up through all of them; each frame may move one screen.
  const { frames, most, top } = await page.evaluate(async () => {
    const list = document.querySelector('caddy-chat').shadowRoot.querySelector('.scroller')
    const frames = []
    let most = 0
    for (let i = 0; i < 400; i++) {
      await new Promise(requestAnimationFrame)
      const begun = performance.now()
      list.scrollTop -= 300
      list.dispatchEvent(new Event('scroll'))
      await list.closest('caddy-chat-messages').updateComplete
      list.getBoundingClientRect()
      frames.push(performance.now() - begun)
      most = Math.max(most, list.querySelectorAll('li[data-id]').length)
    }
    return { frames: frames.sort((a, b) => a - b), most, top: list.querySelector('li .text').textContent }
  })
  assert.ok(most <= 150, `${most} drawn`)
  assert.notEqual(top, 'message 9900')
  t.diagnostic(`median ${frames[200].toFixed(1)} ms, 95 % ${frames[380].toFixed(1)} ms, ${Math.round((after - before) / loaded)} bytes a message, now at ${top}`)
  assert.ok(frames[200] <= 8, `the median of script and layout is ${frames[200]} ms`)
  assert.deepEqual(li.problems, [])
})

test('the button to take back goes when the time ends, whatever moment of a drawing that is', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name)
  await li.say('hello')
  const button = li.page.locator('li.own.sent .recall')
  await button.waitFor()
  // Each look at the clock finds it a millisecond later, so the time ends between two looks.
  for (let left = 1; left <= 12; left++) {
    const draw = (left) => li.page.evaluate((left) => {
      const element = document.querySelector('caddy-chat')
      const { chat, session, current } = element
      const { at } = session.rooms.get(current).items.find(({ own }) => own)
      let now = at + chat.limits.recall - left
      chat.now = () => now++
      element.shadowRoot.querySelector('caddy-chat-messages').requestUpdate()
    }, left)
    await draw(1000)
    await button.waitFor()
    await draw(left)
    await button.waitFor({ state: 'detached', timeout: 5000 }).catch(() => assert.fail(`the button of the last ${left} ms stays`))
  }
  assert.deepEqual(li.problems, [])
})

test('an empty room and the beginning of one say so', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name)
  await li.page.getByText('There are no messages here.').waitFor()
  await li.say('hello')
  await li.page.getByText(`This is where ${name} begins.`).waitFor()
})

test('history that cannot be read is not asked for again and again', async (t) => {
  const name = room()
  await sendMany(t, name, 150)
  const profile = await context(t)
  await profile.addInitScript(() => {
    window.asked = 0
    const { send } = WebSocket.prototype
    WebSocket.prototype.send = function (text) {
      if (!text.includes('"type":"history"')) return send.call(this, text)
      window.asked++
      const { id } = JSON.parse(text)
      queueMicrotask(() => this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify({ type: 'error', id, code: 'internal', message: 'no', retry: 1 }) })))
    }
  })
  const li = new Person(profile, 'Li')
  await li.open(name)
  await li.page.locator('#name').fill('Li')
  await li.page.keyboard.press('Enter')
  await li.sees('message 149')
  await li.page.waitForFunction(() => {
    document.querySelector('caddy-chat').shadowRoot.querySelector('.scroller').scrollTop = 0
    return window.asked > 0
  })
  for (let i = 0; i < 20; i++) await settled(li.page)
  const asked = await li.page.evaluate(() => window.asked)
  assert.ok(asked <= 5, `asked ${asked} times`)
})
