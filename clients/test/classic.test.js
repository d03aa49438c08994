// The classic mini program against the real server. It was written for a server that
// relays every message to all other clients and has no protocol. Only its URL is
// changed.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Server } from './server.js'
import { openPage } from './wx.js'

const root = fileURLToPath(new URL('../miniprogram-classic', import.meta.url))

let server

before(async () => {
  server = new Server()
  await server.start()
})

after(async () => {
  await server.remove()
  assert.deepEqual(server.errors(), [])
})

// Visitor is a user with the page open.
class Visitor {
  constructor(t, { room, by = 'ws', at = server }) {
    const url = `${at[by]}?room=${encodeURIComponent(room)}`
    this.screen = openPage(root, 'pages/index/index', { config: { url }, ca: at.ca })
    t.after(() => this.screen.close())
  }

  // shown returns the lines on the screen. The visitor's own begin with me.
  get shown() {
    return this.screen.data.lines.map(({ own, text }) => (own ? `me: ${text}` : text))
  }

  say(text) {
    this.screen.page.onInput({ detail: { value: text } })
    this.screen.page.send()
  }

  is(status) {
    return this.screen.until(`is ${status}`, (data) => data.status === status)
  }

  shows(count) {
    return this.screen.until(`shows ${count} lines`, ({ lines }) => lines.length >= count)
  }
}

async function visit(t, options) {
  const visitor = new Visitor(t, options)
  await visitor.is('online')
  return visitor
}

for (const [one, other] of [['ws', 'ws'], ['wss', 'wss'], ['ws', 'wss']]) {
  test(`two pages chat, one over ${one} and one over ${other}`, async (t) => {
    const room = `${one} and ${other}`
    const li = await visit(t, { room, by: one })
    const wang = await visit(t, { room, by: other })

    li.say('hello')
    await wang.shows(1)
    wang.say('你好，世界')
    await li.shows(2)
    li.say('🍵👩‍👩‍👧‍👦🇨🇳')
    await wang.shows(3)
    wang.say('{"not": "a protocol"}\n')
    await li.shows(4)

    assert.deepEqual(li.shown, ['me: hello', '你好，世界', 'me: 🍵👩‍👩‍👧‍👦🇨🇳', '{"not": "a protocol"}\n'])
    assert.deepEqual(wang.shown, ['hello', 'me: 你好，世界', '🍵👩‍👩‍👧‍👦🇨🇳', 'me: {"not": "a protocol"}\n'])
  })
}

test('three pages show the messages of the others, in one order', async (t) => {
  const room = '茶'
  const visitors = [await visit(t, { room }), await visit(t, { room, by: 'wss' }), await visit(t, { room })]
  for (let round = 0; round < 3; round++) {
    for (const [i, speaker] of visitors.entries()) {
      speaker.say(`${round} by ${i}`)
      await Promise.all(visitors.map((visitor) => visitor.shows(round * 3 + i + 1)))
    }
  }
  for (const [i, visitor] of visitors.entries()) {
    const want = [0, 1, 2].flatMap((round) =>
      [0, 1, 2].map((speaker) => `${speaker === i ? 'me: ' : ''}${round} by ${speaker}`))
    assert.deepEqual(visitor.shown, want)
  }
})

test('messages stay in their room', async (t) => {
  const tea = [await visit(t, { room: 'tea' }), await visit(t, { room: 'tea' })]
  const milk = [await visit(t, { room: 'milk' }), await visit(t, { room: 'milk' })]
  tea[0].say('leaves')
  await tea[1].shows(1)
  milk[0].say('cows')
  await milk[1].shows(1)
  tea[1].say('more leaves')
  await tea[0].shows(2)
  assert.deepEqual(tea[1].shown, ['leaves', 'me: more leaves'])
  assert.deepEqual(milk[1].shown, ['cows'])
})

test('after a page was closed the others still chat, and it may reconnect', async (t) => {
  const room = 'close'
  const li = await visit(t, { room })
  const wang = await visit(t, { room, by: 'wss' })
  const zhao = await visit(t, { room })

  zhao.screen.close()
  await zhao.is('offline')
  li.say('who is left?')
  await wang.shows(1)
  wang.say('we are')
  await li.shows(2)
  assert.deepEqual(zhao.shown, [])

  zhao.screen.page.connect()
  await zhao.is('online')
  li.say('welcome back')
  await zhao.shows(1)
  assert.deepEqual(zhao.shown, ['welcome back'])
})

test('a message of 64 KiB arrives complete, a longer one only disconnects its sender', async (t) => {
  const room = 'long'
  const li = await visit(t, { room })
  const wang = await visit(t, { room, by: 'wss' })
  const zhao = await visit(t, { room })

  const letter = '信'.repeat(64 * 1024 / 3) + '!' // 65,536 bytes of UTF-8
  assert.equal(Buffer.byteLength(letter), 64 * 1024)
  li.say(letter)
  await Promise.all([wang.shows(1), zhao.shows(1)])
  assert.ok(wang.shown[0] === letter, 'another text arrived over wss')
  assert.ok(zhao.shown[0] === letter, 'another text arrived over ws')

  li.say(letter + '!')
  await li.is('offline')
  wang.say('still here?')
  await zhao.shows(2)
  assert.equal(zhao.shown[1], 'still here?')
})

test('a page without a server shows that it is offline', async (t) => {
  const gone = new Server()
  await gone.start()
  await gone.remove()
  const li = new Visitor(t, { room: 'none', at: gone })
  assert.equal(li.screen.data.status, 'connecting')
  await li.is('offline')
})

test('when the server stops every page goes offline, and after a restart they reconnect', async (t) => {
  const mortal = new Server()
  t.after(() => mortal.remove())
  await mortal.start()
  const li = await visit(t, { room: 'end', at: mortal })
  const wang = await visit(t, { room: 'end', by: 'wss', at: mortal })

  const [code] = await Promise.all([mortal.stop(), li.is('offline'), wang.is('offline')])
  assert.equal(code, 0)

  await mortal.start()
  for (const visitor of [li, wang]) visitor.screen.page.connect()
  await Promise.all([li.is('online'), wang.is('online')])
  li.say('again')
  await wang.shows(1)
  assert.deepEqual(wang.shown, ['again'])
  assert.deepEqual(mortal.errors(), [])
})
