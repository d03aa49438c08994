// <caddy-chat> in pages of others, tokens, moderation, languages: what the built-in page
// and the element do for whom.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { base, context, friend, Person, room, serve, server, withServer } from './person.js'

serve()

const secret = 'a-secret-of-at-least-32-bytes-for-tests'
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

// token returns a JSON Web Token of the site.
function token(claims) {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

// site opens a page of the same host that is not the chat's own.
async function site(t, body, options, { at = server, headers } = {}) {
  const page = await (await context(t, options)).newPage()
  page.problems = []
  page.on('pageerror', (err) => page.problems.push(err.message))
  page.on('console', (line) => /Content Security|Uncaught/.test(line.text()) && page.problems.push(line.text()))
  await page.route('**/shop', (route) => route.fulfill({ contentType: 'text/html', headers, body: `<!doctype html><title>Shop</title>${body}<script type="module" src="/chat/ui/chat.js"></script>` }))
  await page.goto(`https://localhost:${at.ports[1]}/shop`)
  return page
}

const say = async (page, text) => {
  await page.locator('textarea').fill(text)
  await page.keyboard.press('Enter')
  await page.locator('li.own.sent', { hasText: text }).waitFor()
}

test('a token in the address signs in, is taken out of it at once, and lasts as long as the tab', async (t) => {
  const at = await withServer(t, { chat: `auth jwt {\nsecret ${secret}\n}\nui {\nsign_in /login\n}` })
  const url = `https://localhost:${at.ports[1]}/chat`
  const page = await (await context(t)).newPage()
  await page.goto(url)
  await page.getByText('Please sign in').waitFor()
  assert.equal(await page.locator('#name').count(), 0)
  assert.equal(await page.getByRole('link', { name: 'Sign in' }).getAttribute('href'), '/login')

  const signed = token({ sub: 'li', name: 'Li Hua' })
  await page.goto('about:blank')
  await page.goto(`${url}#token=${signed}`)
  await page.locator('nav .me', { hasText: 'Li Hua' }).waitFor()
  assert.ok(!page.url().includes('token'), page.url())
  assert.ok(!await page.evaluate(() => JSON.stringify({ ...localStorage }).includes('eyJ')), 'the token is kept beyond the tab')
  await say(page, 'with a token')
  await page.reload()
  await page.locator('nav .me', { hasText: 'Li Hua' }).waitFor()

  // Another tab does not have it.
  const other = await page.context().newPage()
  await other.goto(url)
  await other.getByText('Please sign in').waitFor()

  // A token that is no good ends at the same place, and one that is good leads out of it.
  await other.goto('about:blank')
  await other.goto(`${url}#token=nonsense`)
  await other.getByText('Please sign in').waitFor()
  await other.evaluate((signed) => { location.hash = `token=${signed}` }, signed)
  await other.locator('nav .me', { hasText: 'Li Hua' }).waitFor()

  // Signing out.
  await page.locator('nav .me').click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('Please sign in').waitFor()
  await page.reload()
  await page.getByText('Please sign in').waitFor()
})

test('a user whom Caddy knows is not asked for a name', async (t) => {
  const at = await withServer(t, { chat: 'auth caddy {\nid {header.X-User}\n}\nui on', site: 'request_header X-User u7' })
  const page = await (await context(t)).newPage()
  await page.goto(`https://localhost:${at.ports[1]}/chat`)
  await page.locator('nav .me', { hasText: 'u7' }).waitFor()
  await say(page, 'known')
  assert.equal(await page.locator('#name').count(), 0)
})

test('the property token: a function, and no name asked', async (t) => {
  const at = await withServer(t, { chat: `auth jwt {\nsecret ${secret}\n}\nui on` })
  const page = await site(t, `<script>document.addEventListener('DOMContentLoaded', () => {
    const element = document.createElement('caddy-chat')
    element.setAttribute('room', 'tea')
    element.token = async () => '${token({ sub: 'bo', name: 'Bo' })}'
    document.body.append(element)
  })</script>`, {}, { at })
  await say(page, 'by a function')
  assert.equal(await page.evaluate(() => document.querySelector('caddy-chat').chat.user.name), 'Bo')
})

test('an address opens its room for a new visitor, and joins it for an old one', async (t) => {
  const name = room()
  const page = await (await context(t)).newPage()
  await page.goto(`${base()}?room=${name}`)
  await page.locator('#name').fill('Li')
  await page.keyboard.press('Enter')
  await page.locator('main h1', { hasText: name }).waitFor()
  const other = room()
  await page.evaluate((other) => { location.hash = other }, other)
  await page.locator('main h1', { hasText: other }).waitFor()
  await page.locator('textarea').waitFor()

  // A room that nobody can be in locks nobody out.
  await page.goto(`${base()}#${encodeURIComponent('@server')}`)
  await page.reload()
  await page.getByText('You are not in this room: You are not allowed to.').waitFor()
  assert.equal(await page.locator('textarea').count(), 0)
  await page.locator('button.room', { hasText: name }).click()
  await say(page, 'still here')
  await page.goto('about:blank')
  await page.goto(base())
  await page.locator('textarea').waitFor()
  assert.equal(await page.locator('button.room', { hasText: '@server' }).count(), 0)
})

test('the element is a box of its own: height, font, focus, scrolling, title and address', async (t) => {
  const name = room()
  const chat = await friend(t, name)
  for (let i = 0; i < 30; i++) await chat.send(name, { text: `message ${i}.` })
  const page = await site(t, `<style>body { font: 19px Georgia }</style><input id="search" autofocus><div style="height: 3000px"></div>
    <caddy-chat room="${name}" name="Li"></caddy-chat><caddy-chat room="lobby" name="Bo"></caddy-chat>`)
  await page.locator('ol > li', { hasText: 'message 29.' }).waitFor({ state: 'attached' })
  await page.locator('textarea').nth(1).waitFor()
  const seen = await page.evaluate((name) => {
    const element = document.querySelector('caddy-chat')
    return { height: element.offsetHeight, font: getComputedStyle(element.shadowRoot.querySelector('.text')).font, scroll: scrollY,
      focus: document.activeElement.id, title: document.title, url: location.href, read: element.chat.rooms.get(name).read, unread: element.unread }
  }, name)
  assert.equal(seen.height, 480)
  assert.match(seen.font, /19px.*Georgia/)
  assert.deepEqual([seen.scroll, seen.focus, seen.title, seen.url.endsWith('/shop')], [0, 'search', 'Shop', true])
  assert.equal(seen.read, 0, 'what lies below the fold is read')

  // Once it is in sight it is read; the two do not know of each other.
  await page.locator('caddy-chat').first().evaluate((it) => it.scrollIntoView())
  await page.waitForFunction((name) => document.querySelector('caddy-chat').chat.rooms.get(name).read === 30, name)
  await page.locator('textarea').first().click()
  await page.locator('textarea').first().fill('from the first')
  await page.keyboard.press('Enter')
  await page.locator('caddy-chat').first().locator('li.own.sent').waitFor()
  assert.equal(await page.locator('caddy-chat').nth(1).locator('li.own').count(), 0)
  assert.deepEqual(page.problems, [])
})

test('attributes react: room, name, lang, and a file of words that runs from right to left', async (t) => {
  const page = await site(t, '<caddy-chat room="tea" name="Li"></caddy-chat>')
  await page.route('**/ar.json', (route) => route.fulfill({ json: { language: 'ar', direction: 'rtl', send: 'إرسال', members: { two: 'شخصان', other: '{n} أشخاص' } } }))
  const set = (name, value) => page.locator('caddy-chat').evaluate((it, [name, value]) => it.setAttribute(name, value), [name, value])
  await say(page, 'hello')
  await set('room', 'milk')
  await page.locator('main h1', { hasText: 'milk' }).waitFor()
  assert.deepEqual(await page.evaluate(() => [...document.querySelector('caddy-chat').chat.rooms.keys()]), ['milk'])
  await set('name', 'Li the second')
  await page.waitForFunction(() => document.querySelector('caddy-chat').chat.user?.name === 'Li the second')
  await set('lang', 'zh')
  await page.getByRole('button', { name: '发送' }).waitFor()
  await set('words', '/ar.json')
  await page.getByRole('button', { name: 'إرسال' }).waitFor()
  assert.equal(await page.locator('.root').evaluate((it) => getComputedStyle(it).direction), 'rtl')
  await page.getByRole('button', { name: 'Emoji' }).waitFor() // English for what the file lacks
  await say(page, 'to the other side')
  const [own, list] = await page.evaluate(() => {
    const { shadowRoot } = document.querySelector('caddy-chat')
    return [shadowRoot.querySelector('li.own .bubble').getBoundingClientRect(), shadowRoot.querySelector('ol').getBoundingClientRect()].map(({ left }) => left)
  })
  assert.ok(own - list < 60, `an own message is ${own - list} pixels from the left`)
  assert.deepEqual(page.problems, [])
})

test('mode="popup" opens and closes, tells of unread messages, and returns the focus', async (t) => {
  const name = room()
  const page = await site(t, `<caddy-chat mode="popup" room="${name}" name="Li"></caddy-chat>`)
  await page.getByRole('button', { name: 'Open the chat' }).waitFor()
  assert.equal(await page.evaluate(() => document.querySelector('caddy-chat').chat), undefined, 'it is connected before it is opened')
  await page.getByRole('button', { name: 'Open the chat' }).click()
  await page.locator('textarea:focus').waitFor()
  await say(page, 'help')
  await page.keyboard.press('Escape')
  await page.locator('.launcher:focus').waitFor()
  assert.equal(await page.locator('textarea').count(), 0)
  const chat = await friend(t, name)
  await chat.send(name, { text: 'how can I help?' })
  await page.getByRole('button', { name: 'Open the chat: 1 unread' }).click()
  await page.locator('li.other', { hasText: 'how can I help?' }).waitFor()
  await page.waitForFunction(() => document.querySelector('caddy-chat').unread === 0)

  // The next page tells of what is new without being opened.
  await page.locator('header').getByRole('button', { name: 'Close' }).click()
  await chat.send(name, { text: 'are you still there?' })
  await page.getByRole('button', { name: 'Open the chat: 1 unread' }).waitFor()
  await page.reload()
  await page.getByRole('button', { name: /Open the chat: \d+ unread/ }).waitFor()
  assert.deepEqual(page.problems, [])
})

test("a strict Content-Security-Policy of the host, the emoji picker included", async (t) => {
  const policy = "default-src 'none'; script-src 'self'; connect-src 'self' wss:; style-src 'self'; img-src https: data:; trusted-types lit-html emoji-picker-element; base-uri 'none'"
  const page = await site(t, '<caddy-chat room="tea" name="Li"></caddy-chat>', {}, { headers: { 'content-security-policy': policy } })
  await say(page, 'strictly')
  await page.getByRole('button', { name: 'Emoji' }).click()
  await page.locator('emoji-picker [role=menuitem]').first().click()
  await page.waitForFunction(() => document.querySelector('caddy-chat').shadowRoot.querySelector('textarea').value === '😀')
  await page.keyboard.press('Escape') // not before: a picker that is closed tells of no emoji any more
  await page.locator('emoji-picker').waitFor({ state: 'detached' })
  assert.deepEqual(page.problems, [])
})

test('where IndexedDB is missing there is a small grid of emoji', async (t) => {
  const li = await Person.enter(t, 'Li', room(), { init: `Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('denied', 'SecurityError') } })` })
  await li.page.getByRole('button', { name: 'Emoji' }).click()
  await li.page.locator('.few button').first().click()
  assert.equal(await li.page.locator('textarea').inputValue(), '😀')
  assert.deepEqual(li.problems, [])
})

test('moderators take back, mute, remove and ban, and others have no such menu', async (t) => {
  const at = await withServer(t, { chat: `auth jwt {\nsecret ${secret}\n}\nauth guest\nui on` })
  const url = `https://localhost:${at.ports[1]}/chat`
  const boss = await (await context(t)).newPage()
  await boss.goto(`${url}?room=tea#token=${token({ sub: 'boss', name: 'Boss', chat: { read: ['*'], write: ['*'], moderate: ['*'] } })}`)
  await boss.locator('textarea').waitFor()
  const rude = await (await context(t)).newPage()
  await rude.goto(`${url}?room=tea`)
  await rude.locator('#name').fill('Rude')
  await rude.keyboard.press('Enter')
  await say(rude, 'bad words')
  const line = boss.locator('li.other', { hasText: 'bad words' })
  const menu = async (...choices) => {
    await boss.locator('li.other .more').last().focus()
    await boss.keyboard.press('Enter')
    for (const choice of choices) await boss.getByRole('menuitem', { name: choice }).click()
  }
  await line.waitFor()
  await menu('Mute Rude', 'for 10 minutes')
  await boss.getByText('Rude can no longer write here.').waitFor()
  await rude.getByText(/You cannot write until/).waitFor()
  assert.equal(await rude.locator('textarea').count(), 0)
  await boss.getByRole('button', { name: 'Undo' }).click()
  await rude.locator('textarea').waitFor()
  await say(rude, 'more bad words')
  await boss.locator('li.other', { hasText: 'more bad words' }).waitFor()
  await menu('Take back')
  await rude.locator('.gone', { hasText: 'This message was taken back.' }).waitFor()
  await menu().catch(() => {}) // a message that was taken back has no menu
  await boss.keyboard.press('Escape')

  // From the list of people.
  await boss.locator('header .members').click()
  const person = boss.locator('aside li', { hasText: 'Rude' })
  await person.getByRole('button', { name: 'More' }).click()
  await boss.getByRole('menuitem', { name: 'Remove Rude from the room' }).click()
  await rude.getByText('You are not in this room: You were removed by a moderator.').waitFor()
  await rude.getByRole('button', { name: 'Try again' }).click()
  await rude.locator('textarea').waitFor()
  await person.waitFor()
  await person.getByRole('button', { name: 'More' }).click()
  await boss.getByRole('menuitem', { name: 'Ban Rude' }).click()
  await boss.getByRole('menuitem', { name: 'for a day' }).click()
  await rude.getByText('You are not in this room: You were banned.').waitFor()

  // The rude one had a menu, but nothing of that in it.
  await rude.locator('button.room', { hasText: 'lobby' }).click()
  await say(rude, 'elsewhere')
  await rude.locator('li.own .more').last().focus()
  await rude.keyboard.press('Enter')
  assert.deepEqual(await rude.getByRole('menuitem').allTextContents(), ['👍', '❤️', '😂', '😮', '😢', '🙏', '+', 'Reply', 'Copy', 'Edit', 'Say again', 'Take back'])
})

test('one’s own messages: copy, take back, say again', async (t) => {
  const li = await Person.enter(t, 'Li', room(), { permissions: ['clipboard-read', 'clipboard-write'] })
  const { page } = li
  await li.say('to be copied')
  const own = page.locator('li.own.sent')
  const choose = async (label) => {
    await own.first().hover()
    await own.first().getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: label }).click()
  }
  await own.waitFor()
  await choose('Copy')
  await page.getByText('Copied.').waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'to be copied')
  await choose('Say again')
  assert.equal(await page.locator('textarea').inputValue(), 'to be copied')
  await page.locator('textarea').fill('')
  await choose('Take back')
  await page.locator('.gone', { hasText: 'This message was taken back.' }).waitFor()
  await page.getByRole('button', { name: 'Say again' }).click()
  assert.equal(await page.locator('textarea').inputValue(), 'to be copied')
  assert.deepEqual(li.problems, [])
})

test('another name and picture, and signing out', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name)
  const { page } = li
  const id = () => page.evaluate(() => document.querySelector('caddy-chat').chat.user?.id)
  const before = await id()
  await li.say('as Li')
  await page.locator('li.own.sent').waitFor()
  await page.locator('nav .me').click()
  await page.getByLabel('Name', { exact: true }).fill('Hua')
  await page.getByLabel('Address of a picture').fill('https://pictures.example/hua.png')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator('nav .me', { hasText: 'Hua' }).waitFor()
  const chat = await friend(t, name)
  const { users } = await chat.who(name)
  assert.deepEqual(users.filter(({ id }) => id === before).map(({ name, avatar }) => [name, avatar]), [['Hua', 'https://pictures.example/hua.png']])
  await page.locator('nav .me').click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.locator('#name').waitFor()
  await page.locator('#name').fill('Somebody else')
  await page.keyboard.press('Enter')
  await page.locator('nav .me', { hasText: 'Somebody else' }).waitFor()
  assert.notEqual(await id(), before)
  assert.deepEqual(li.problems, [])
})

test('notifications and sound are off until they are asked for', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name, {
    permissions: ['notifications'],
    init: () => {
      window.told = []
      const Fake = class { constructor(title, { body }) { window.told.push([title, body]) } }
      Fake.permission = 'granted'
      Fake.requestPermission = async () => 'granted'
      window.Notification = Fake
      window.AudioContext = class { constructor() { window.told.push('sound'); throw new Error('no sound in tests') } }
    },
  })
  const { page } = li
  const chat = await friend(t, name, 'Bo')
  await page.evaluate(() => Object.defineProperty(document, 'hasFocus', { value: () => false }))
  await chat.send(name, { text: 'quietly' })
  await li.sees('quietly')
  await page.locator('nav .me').click()
  await page.getByLabel('Tell me about new messages').check()
  await page.getByLabel('Play a sound').check()
  await page.getByRole('button', { name: 'Close' }).click()
  assert.deepEqual(await page.evaluate(() => window.told.splice(0)), ['sound'])
  await chat.send(name, { text: 'loudly' })
  await page.waitForFunction(() => window.told.length === 2)
  assert.deepEqual(await page.evaluate(() => window.told), ['sound', [`Bo · ${name}`, 'loudly']])
  assert.deepEqual(li.problems, [])
})

test('on a phone Enter begins a line, and the button sends', async (t) => {
  const li = await Person.enter(t, 'Li', room(), { viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true })
  const text = li.page.locator('textarea')
  await text.fill('first')
  await text.press('Enter')
  await text.pressSequentially('second')
  assert.equal(await text.inputValue(), 'first\nsecond')
  assert.equal(await text.getAttribute('enterkeyhint'), 'enter')
  await li.page.getByRole('button', { name: 'Send' }).tap()
  await li.page.locator('li.own.sent').waitFor()
})

test('an input method: the Enter that ends a composition does not send', async (t) => {
  const li = await Person.enter(t, 'Li', room())
  const { page } = li
  await page.locator('textarea').focus()
  const cdp = await li.context.newCDPSession(page)
  await cdp.send('Input.imeSetComposition', { text: '你', selectionStart: 1, selectionEnd: 1 })
  await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 })
  await cdp.send('Input.insertText', { text: '你好' })
  assert.equal(await page.locator('textarea').inputValue(), '你好')
  assert.equal(await page.locator('li.own').count(), 0)
  await page.keyboard.press('Enter')
  await page.locator('li.own.sent', { hasText: '你好' }).waitFor()
})

test('all errors are words, in English and in Chinese', async () => {
  const [en, zh] = await Promise.all(['en', 'zh'].map(async (language) => JSON.parse(await readFile(new URL(`../web/words/${language}.json`, import.meta.url), 'utf8'))))
  const flat = (table) => Object.entries(table).flatMap(([key, value]) => (['errors', 'later'].includes(key) ? flat(value).map((name) => `${key}.${name}`) : [key])).sort()
  assert.deepEqual(flat(zh), flat(en))
  const protocol = await readFile(new URL('../../PROTOCOL.md', import.meta.url), 'utf8')
  const codes = [...protocol.split('## Errors and goodbyes')[1].split('## Edges')[0].matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)
  assert.ok(codes.length > 25)
  const notShown = ['unknown_type', 'no_hello', 'already_hello', 'bad_code', 'hello_timeout', 'idle'] // the client does what they are about
  assert.deepEqual(codes.filter((code) => !en.later.errors[code] && !notShown.includes(code)), [])
  const names = (text) => [...JSON.stringify(text).matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  for (const [key, text] of Object.entries({ ...en, ...en.later })) assert.deepEqual(new Set(names({ ...zh, ...zh.later }[key])), new Set(names(text)), key)
})

const unreachable = 'The chat does not answer. Trying again from time to time…'
const senseless = 'Not connected: The server gave an answer that makes no sense.'
for (const [what, answer, text] of [
  ['no JSON', 'hello?', unreachable],
  ['another welcome', '{"type":"welcome","id":"1"}', senseless],
  ['half a welcome', '{"type":"welcome","id":"1","user":null,"limits":null,"rooms":7}', senseless],
]) {
  test(`a server that answers ${what}: one clear error, and no loop`, async (t) => {
    const page = await (await context(t)).newPage()
    let connections = 0
    await page.routeWebSocket(/\/chat$/, (ws) => {
      connections++
      ws.onMessage(() => {
        ws.send(answer)
        ws.close()
      })
    })
    await page.goto(base())
    await page.getByText(text).waitFor({ timeout: 30_000 })
    assert.ok(connections <= 6, `${connections} connections`)
    assert.equal(await page.locator('textarea').count(), 0)
  })
}

test('an address that can never work is said at once', async (t) => {
  const page = await site(t, '<caddy-chat url="mailto:x" room="tea" name="Li"></caddy-chat>')
  await page.getByText('This chat cannot be opened').waitFor()
})
