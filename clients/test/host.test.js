// <caddy-chat> in the pages of others, as docs/web.md and the README promise it: what they
// say is read from them, and their snippets are followed to the letter.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { launch } from './chromium.js'
import { faults } from './looks.js'
import { browser, context, friend, Person, room, serve, server, withServer } from './person.js'

serve({ chat: 'ui on\norigins *\nlimits {\nnew_rooms 1000 1000\n}' })

const read = (file) => readFile(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')
const docs = await read('docs/web.md')
const section = (title) => docs.split(`\n## ${title}\n`)[1].split('\n## ')[0]
const rows = (title) => [...section(title).matchAll(/^\| (`.*?`(?:, `.*?`)*) \|/gm)].map(([, names]) => [...names.matchAll(/`(.*?)`/g)].map(([, name]) => name))

// shop opens a page of another site with a body of its own.
async function shop(t, body, options) {
  const page = await (await context(t, options)).newPage()
  await page.route('https://shop.example/', (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html><title>Shop</title>${body}
    <script type="module" src="https://localhost:${server.ports[1]}/chat/ui/chat.js"></script>` }))
  await page.goto('https://shop.example/')
  return page
}

const say = async (page, text) => {
  await page.locator('textarea').fill(text)
  await page.keyboard.press('Enter')
  await page.locator('li.own.sent', { hasText: text }).waitFor()
}

// colours returns the colours of everything that is drawn.
const colours = (page) => page.evaluate(() => [...document.querySelector('caddy-chat').shadowRoot.querySelectorAll('*')].flatMap((it) => {
  const { color, backgroundColor, borderTopColor, outlineColor } = getComputedStyle(it)
  return [color, backgroundColor, borderTopColor, outlineColor]
}))

test('every variable of docs/web.md has its place', async (t) => {
  const name = room()
  const chat = await friend(t, name, 'Mei')
  await chat.send(name, { text: 'hello' })
  const page = await shop(t, '<caddy-chat name="Li" mode="popup" open></caddy-chat>')
  await page.locator('caddy-chat').evaluate((it, name) => it.setAttribute('room', name), name)
  await say(page, 'mine')
  await page.evaluate(() => { // what is drawn in rare moments
    const { shadowRoot } = document.querySelector('caddy-chat')
    shadowRoot.querySelector('.launcher').append(document.createElement('b'))
    shadowRoot.querySelector('.banner').hidden = false
    const list = document.createElement('nav')
    list.innerHTML = '<ul><li><button class="room"><b>3</b></button></li></ul><input>'
    shadowRoot.querySelector('.layout').prepend(list)
  })
  const names = rows('Colours and parts').flat().filter((name) => name.startsWith('--'))
  assert.ok(names.length >= 10)
  for (const [i, name] of names.entries()) {
    const colour = `rgb(1, 2, ${i + 3})`
    await page.locator('caddy-chat').evaluate((it, [name, colour]) => it.style.setProperty(name, colour), [name, colour])
    assert.ok((await colours(page)).includes(colour), `${name} is nowhere`)
  }
})

test('every part of docs/web.md can be styled from outside', async (t) => {
  const parts = rows('Colours and parts').flat().filter((name) => !name.startsWith('--'))
  assert.ok(parts.length >= 10)
  const style = parts.map((part, i) => `caddy-chat::part(${part}) { outline: ${i + 1}px solid red }`)
  const chat = await friend(t, 'lobby', 'Mei')
  await chat.send('lobby', { text: 'hello' })
  const page = await shop(t, `<style>caddy-chat { width: 1000px }</style><caddy-chat name="Li"></caddy-chat><style id="parts"></style>`)
  await say(page, 'mine')
  await page.locator('header .members').click()
  await page.locator('aside li').first().waitFor()
  await page.locator('li.own .more').focus()
  await page.keyboard.press('Enter')
  await page.locator('[role=menu]').waitFor()
  const found = async (part, i) => {
    await page.evaluate((text) => { document.querySelector('#parts').textContent = text }, style[i])
    return page.evaluate((width) => [...document.querySelector('caddy-chat').shadowRoot.querySelectorAll('[part]')].some((it) => getComputedStyle(it).outlineWidth === width), `${i + 1}px`)
  }
  for (const [i, part] of parts.entries()) {
    if (part === 'launcher') {
      await page.locator('caddy-chat').evaluate((it) => it.setAttribute('mode', 'popup'))
      await page.locator('.launcher').waitFor()
    }
    assert.ok(await found(part, i), `::part(${part}) is nowhere`)
  }
})

test('every slot of docs/web.md shows what the page puts there', async (t) => {
  const slots = rows('Slots').flat()
  assert.deepEqual(slots, ['header', 'empty', 'sign-in'])
  const inside = slots.map((slot) => `<b slot="${slot}">my ${slot}</b>`).join('')
  const page = await shop(t, `<caddy-chat room="${room()}" name="Li">${inside}</caddy-chat>`)
  for (const slot of ['header', 'empty']) await page.getByText(`my ${slot}`).waitFor()
  const at = await withServer(t, { chat: 'auth jwt {\nsecret a-secret-of-at-least-32-bytes-for-tests\n}\nui on\norigins *' })
  await page.locator('caddy-chat').evaluate((it, url) => it.setAttribute('url', url), at.wss)
  await page.getByText('my sign-in').waitFor()
})

for (const reducedMotion of ['reduce', 'no-preference']) {
  test(`motion, if the user wants: ${reducedMotion}`, async (t) => {
    const li = await Person.enter(t, 'Li', room(), { reducedMotion })
    await li.say('hello')
    await li.page.locator('li.own.sent').waitFor()
    const moving = await li.page.evaluate(() => [...document.querySelector('caddy-chat').shadowRoot.querySelectorAll('*')].filter((it) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(it)
      return transitionDuration !== '0s' || animationName !== 'none' || scrollBehavior !== 'auto'
    }).length)
    assert.equal(moving > 0, reducedMotion === 'no-preference')
  })
}

test('in a frame of another site, whose storage is blocked, one can chat', async (t) => {
  const page = await (await context(t)).newPage()
  const problems = []
  page.on('pageerror', (err) => problems.push(err.message))
  const answer = (body) => (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html>${body}` })
  await page.route('https://shop.example/', answer('<iframe sandbox="allow-scripts allow-forms" style="width: 600px; height: 500px" src="https://chat.shop.example/"></iframe>'))
  await page.route('https://chat.shop.example/', answer(`<caddy-chat room="${room()}"></caddy-chat><script type="module" src="https://localhost:${server.ports[1]}/chat/ui/chat.js"></script>`))
  await page.goto('https://shop.example/')
  const frame = page.frameLocator('iframe')
  await frame.locator('#name').fill('Li')
  await frame.locator('#name').press('Enter')
  await frame.locator('textarea').fill('from a frame')
  await frame.locator('textarea').press('Enter')
  await frame.locator('li.own.sent').waitFor()
  assert.deepEqual(problems, [])
})

test('on a touch screen a tap on a message shows its button, and another opens the menu', async (t) => {
  const name = room()
  const chat = await friend(t, name, 'Mei')
  await chat.send(name, { text: 'hello' })
  const li = await Person.enter(t, 'Li', name, { viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true })
  const acts = li.page.locator('li.other .acts')
  await li.sees('hello')
  assert.equal(await acts.evaluate((it) => getComputedStyle(it).opacity), '0')
  await li.page.locator('li.other .bubble').tap()
  await li.page.waitForFunction(() => getComputedStyle(document.querySelector('caddy-chat').shadowRoot.querySelector('li.other .acts')).opacity === '1')
  assert.equal(await li.page.locator('li.other .bubble').evaluate((it) => getComputedStyle(it).webkitTapHighlightColor), 'rgba(0, 0, 0, 0)')
  await li.page.locator('li.other .more').tap()
  await li.page.getByRole('menuitem', { name: 'Copy' }).waitFor()
})

test('the list of rooms shows the newest message of each, and its time', async (t) => {
  const [name, other] = [room(), room()]
  const chat = await friend(t, name, 'Mei')
  const li = await Person.enter(t, 'Li', name)
  await chat.send(name, { text: 'the newest' })
  const row = li.page.locator('button.room', { hasText: name })
  await row.locator('small', { hasText: 'Mei: the newest' }).waitFor()
  assert.match(await row.locator('.when').textContent(), /^\d+:\d\d [AP]M$/)
  await li.say('mine')
  await row.locator('small', { hasText: /^mine$/ }).waitFor()
  await li.enterRoom(other)
  assert.equal(await li.page.locator('button.room', { hasText: other }).locator('small').count(), 0)
})

for (const [size, viewport] of Object.entries({ 'small phone': [320, 560], phone: [390, 844], tablet: [768, 1024], desktop: [1280, 800] })) {
  for (const locale of ['en', 'zh-CN']) {
    test(`nothing overlaps or is cut off: ${size}, ${locale}`, async (t) => {
      const name = `${room()} with a name that is long`
      const chat = await friend(t, name, 'Somebody with a long name'.repeat(2))
      for (const text of ['short', 'w'.repeat(300), 'many words '.repeat(30), 'https://example.com/'.repeat(9), '🎉', '你好'.repeat(80)]) await chat.send(name, { text })
      const page = await (await context(t, { viewport: { width: viewport[0], height: viewport[1] }, locale })).newPage()
      const look = async (what, ...shown) => assert.deepEqual(await faults(page, shown), [], what)
      await page.goto(`https://localhost:${server.ports[1]}/chat?room=${encodeURIComponent(name)}`)
      await page.locator('#name').waitFor()
      await look('name', '#name')
      await page.locator('#name').fill('Li')
      await page.keyboard.press('Enter')
      await say(page, 'mine '.repeat(40))
      await look('chat', '.bubble', 'textarea')
      await page.locator('header .members').click()
      await page.locator('aside li').nth(1).waitFor()
      await look('people', 'aside li')
      await page.keyboard.press('Escape')
      await page.locator('li.own .more').focus()
      await page.keyboard.press('Enter')
      await page.locator('.menu').waitFor()
      await look('menu', '.menu')
      await page.keyboard.press('Escape')
      if (await page.locator('.back').isVisible()) await page.locator('.back').click()
      await look('rooms', 'nav', 'nav .me')
      await page.locator('nav .me').click()
      await page.locator('dialog').waitFor()
      await look('settings', 'dialog')
    })
  }
}

test('the snippets of the README, of docs/web.md and of the cookbook, to the letter', async (t) => {
  const readme = await read('README.md')
  const block = (text, language, part) => [...text.matchAll(/^```(\w+)\n([^]*?)^```/gm)].find(([, its, code]) => its === language && code.includes(part))[2]
  const caddyfile = block(readme.split('## In a page of your own')[1], 'caddyfile', 'ui       on')
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-snippets-'))
  t.after(() => rm(dir, { recursive: true }))
  const at = await withServer(t, { chat: '', site: `}\n\n${caddyfile.trim().replace('{', '{\ntls internal').replace(/}$/, '')}` })
  const own = await launch({ args: [`--host-resolver-rules=MAP chat.example.com:443 127.0.0.1:${at.ports[1]}`] })
  t.after(() => own.close())
  for (const [what, html, clicks, policy] of [
    ['README', block(readme, 'html', '<caddy-chat room="tea">')],
    ['the element', block(section('The element'), 'html', '<caddy-chat room="tea">')],
    ['a popup', block(section('The element'), 'html', 'mode="popup"'), '.launcher'],
    ['a token', block(section('Properties'), 'html', '.token =')],
    ['colours', `<style>${block(section('Colours and parts'), 'css', '--accent')}</style>${block(readme, 'html', '<caddy-chat room="tea">')}`],
    ['the cookbook', block(await read('docs/cookbook.md'), 'html', 'support-u-7'), '.launcher'],
    ['a policy', block(readme, 'html', '<caddy-chat room="tea">'), undefined, /^ {4}(script-src.*)$/m.exec(section('Content-Security-Policy'))[1]],
  ]) {
    const page = await (await own.newContext({ ignoreHTTPSErrors: true, locale: 'en' })).newPage()
    page.setDefaultTimeout(60_000)
    const problems = []
    page.on('pageerror', (err) => problems.push(err.message))
    page.on('console', (line) => /Content Security|Uncaught/.test(line.text()) && problems.push(line.text()))
    await page.route('https://www.example.com/**', (route) => (route.request().url().endsWith('/chat-token') ? route.fulfill({ body: '' })
      : route.fulfill({ contentType: 'text/html', body: `<!doctype html>${html}`, headers: policy ? { 'content-security-policy': policy } : {} })))
    await page.goto('https://www.example.com/')
    if (clicks) await page.locator(clicks).click()
    await page.locator('#name').fill('Li')
    await page.keyboard.press('Enter')
    await say(page, `by ${what}`)
    assert.deepEqual(problems, [], what)
    await page.context().close()
  }
})
