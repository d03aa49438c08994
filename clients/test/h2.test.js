// The built-in page in a real browser, with its WebSocket as a stream of the HTTP/2
// connection that loaded the page (RFC 8441). Others take the headless shell, see chromium.js.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { Server, wait } from './server.js'

const servers = {}
let browser

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-quic', '--disable-features=LocalNetworkAccessChecks'] })
  for (const [name, h2] of [['with', true], ['without', false]]) {
    servers[name] = new Server({ chat: 'ui on', site: 'log', h2 })
    await servers[name].start()
  }
})

after(async () => {
  await browser?.close()
  for (const server of Object.values(servers)) {
    await server.remove()
    assert.deepEqual(server.errors(), [])
  }
})

// enter opens the page in a browser of its own.
async function enter(t, server, name) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en' })
  t.after(() => context.close())
  const page = await context.newPage()
  await page.goto(`https://localhost:${server.ports[1]}/chat`)
  await page.getByLabel('What shall the others call you?').fill(name)
  await page.getByRole('button', { name: 'Start chatting' }).click()
  await page.locator('caddy-chat .banner').waitFor({ state: 'hidden' })
  await page.locator('caddy-chat header .members').waitFor()
  return { context, page }
}

async function say({ page }, text) {
  await page.locator('textarea').fill(text)
  await page.keyboard.press('Enter')
  await page.locator('li.own.sent', { hasText: text }).waitFor()
}

const sees = ({ page }, text) => page.locator('ol .text', { hasText: text }).last().waitFor()

// requests returns the requests for /chat in the server's log. A stream is logged
// when it has ended.
function requests(server) {
  return server.log
    .filter(({ msg, request }) => msg === 'handled request' && request.uri.split('?')[0] === '/chat')
    .map(({ request, status }) => ({ ...request, status }))
}

// logged resolves to the requests of a method once there are that many.
async function logged(server, method, count) {
  const found = () => requests(server).filter((request) => request.method === method)
  await wait(() => found().length >= count)
  return found()
}

test('a page chats over HTTP/2 if the server offers it', async (t) => {
  const server = servers.with
  const li = await enter(t, server, 'Li')
  const bo = await enter(t, server, 'Bo')
  await say(li, 'Hello, Bo!')
  await sees(bo, 'Hello, Bo!')
  await say(bo, 'Hi')
  await sees(li, 'Hi')
  await li.context.close()
  await bo.context.close()

  // Each page asks first whether the server knows its user, and comes with a name then.
  const streams = await logged(server, 'CONNECT', 4)
  assert.deepEqual(streams.map(({ proto, status }) => ({ proto, status })), Array(4).fill({ proto: 'HTTP/2.0', status: 200 }))
  // There was no other WebSocket, and each used the connection of its page.
  const pages = await logged(server, 'GET', 2)
  const ports = (list) => list.map(({ remote_port: port }) => port).sort()
  assert.deepEqual(pages.map(({ proto, status }) => ({ proto, status })), Array(2).fill({ proto: 'HTTP/2.0', status: 200 }))
  assert.deepEqual(ports(streams), ports([...pages, ...pages]))
})

// The browser chooses the protocol of the new connection: Chromium uses HTTP/2 only
// if it has such a connection already, and it has lost that one, too.
test('a stream ends when the server stops, and the page reconnects', async (t) => {
  const server = servers.with
  const li = await enter(t, server, 'Li')
  const before = requests(server).filter(({ method }) => method === 'CONNECT').length
  await say(li, 'before')
  assert.equal(await server.stop(), 0)
  assert.equal((await logged(server, 'CONNECT', before + 1)).at(-1).proto, 'HTTP/2.0')
  await li.page.getByText('No connection. Trying again…').waitFor()
  await server.start()
  await say(li, 'after')
  const texts = await li.page.locator('ol .text').allTextContents()
  assert.deepEqual(texts.slice(-2), ['before', 'after'])
})

test('a server without WebSockets over HTTP/2: the page chats over HTTP/1.1', async (t) => {
  const server = servers.without
  const li = await enter(t, server, 'Li')
  await say(li, 'Hello')
  await li.context.close()
  const [upgrade] = (await logged(server, 'GET', 2)).filter(({ status }) => status === 101)
  assert.equal(upgrade.proto, 'HTTP/1.1')
  assert.deepEqual(requests(server).filter(({ method }) => method === 'CONNECT'), [])
})
