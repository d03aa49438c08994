// The built-in page in Debian's Firefox, which is driven by WebDriver BiDi.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import WebSocket from 'ws'
import { launch } from 'puppeteer-core'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { Server } from './server.js'

const executablePath = process.env.FIREFOX ?? ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync) ?? '/usr/bin/firefox-esr'

let server, firefox

before(async () => {
  server = new Server({ chat: 'ui on' })
  await Promise.all([server.start(), launch({ browser: 'firefox', executablePath, acceptInsecureCerts: true, extraPrefsFirefox: { 'intl.accept_languages': 'en' } }).then((it) => { firefox = it })])
})

after(async () => {
  await firefox?.close()
  await server?.remove()
  assert.deepEqual(server.errors(), [])
})

// inPage finds an element of <caddy-chat>, with a text if one is given.
const inPage = (page, selector, text = '') => page.waitForFunction((selector, text) => [...document.querySelector('caddy-chat')?.shadowRoot?.querySelectorAll(selector) ?? []]
  .find((it) => it.checkVisibility() && it.textContent.includes(text)), { timeout: 15_000 }, selector, text)

test('in Firefox: sign in, say, receive, an input method, and an outbox that a reload keeps', async (t) => {
  const page = await firefox.newPage()
  const problems = []
  page.on('pageerror', ({ message }) => /establish a connection|was interrupted while the page was loading/.test(message) || problems.push(message)) // nor is it a problem that the server is away, or the page goes while it connects
  await page.goto(`https://localhost:${server.ports[1]}/chat?room=tea`)

  const name = await inPage(page, '#name')
  await name.type('Li')
  await page.keyboard.press('Enter')
  let field = await inPage(page, 'textarea')
  await field.type('hello from Firefox')
  await page.keyboard.press('Enter')
  await inPage(page, 'li.own.sent', 'hello from Firefox')

  const bo = new Client({ url: server.ws, name: 'Bo', ...node(WebSocket) })
  t.after(() => bo.close())
  await bo.connect()
  await bo.join('tea')
  await bo.send('tea', { text: 'hello from Node' })
  await inPage(page, 'li.other', 'hello from Node')

  // The events of an input method as Firefox sends them: the Enter that picks a candidate
  // comes before the end of the composition. BiDi has no real input method.
  const prevented = await field.evaluate((it) => {
    it.focus()
    it.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
    it.dispatchEvent(new CompositionEvent('compositionupdate', { bubbles: true, data: 'ni' }))
    it.value = '你'
    it.dispatchEvent(new InputEvent('input', { bubbles: true, isComposing: true, data: '你' }))
    const enter = new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true })
    it.dispatchEvent(enter)
    it.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '你' }))
    it.dispatchEvent(new InputEvent('input', { bubbles: true, data: '你' }))
    return enter.defaultPrevented
  })
  assert.equal(prevented, false)
  assert.equal(await field.evaluate((it) => it.value), '你')
  await page.keyboard.press('Enter')
  await inPage(page, 'li.own.sent', '你')

  // What could not be sent outlives a reload.
  await server.stop('SIGKILL')
  field = await inPage(page, 'textarea')
  await field.type('from the tunnel')
  await page.keyboard.press('Enter')
  await inPage(page, 'li.own.sending', 'from the tunnel')
  await server.start()
  await page.reload()
  await inPage(page, 'li.own.sent', 'from the tunnel')
  assert.equal(await page.evaluate(() => [...document.querySelector('caddy-chat').shadowRoot.querySelectorAll('ol .text')].filter((it) => it.textContent === 'from the tunnel').length), 1)
  assert.deepEqual(problems, [])
})
