// Each call of WeChat that the components make may be missing, throw, fail, answer late, twice
// or never.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { stage } from './component.js'
import { wait } from './server.js'

const it = stage()
const root = fileURLToPath(new URL('../miniprogram/caddy-chat', import.meta.url))
const calls = ['getAppBaseInfo', 'getWindowInfo', 'setClipboardData', 'vibrateShort', 'getStorageSync', 'setStorageSync', 'removeStorageSync', 'onAppShow', 'offAppShow', 'onAppHide', 'offAppHide', 'onNetworkStatusChange', 'offNetworkStatusChange']
const answers = ['setClipboardData', 'vibrateShort'] // those with success and fail

test('these are all calls that the components make', async () => {
  const own = new Set()
  for (const file of await readdir(root, { recursive: true })) {
    if (!file.endsWith('.js')) continue
    const text = await readFile(path.join(root, file), 'utf8')
    for (const [, direct, named] of text.matchAll(/\bwx\.(\w+)|\battempt\('(\w+)'/g)) own.add(direct ?? named)
    for (const [, name] of text.matchAll(/\bapi\.(\w+)/g)) own.add(name)
    for (const [, name] of text.matchAll(/\blisten\("(\w+)"/g)) for (const on of ['on', 'off']) own.add(`${on}${name}`)
  }
  assert.deepEqual([...own].sort(), [...calls, 'connectSocket'].sort())
})

const ways = {
  missing: () => undefined,
  throws: () => () => {
    throw new Error('no such thing')
  },
  'returns nothing': () => () => undefined,
}
const answering = {
  fails: (options) => setTimeout(() => options.fail?.({ errMsg: 'fail' })),
  'fails at once': (options) => options.fail?.({ errMsg: 'fail' }),
  never: () => undefined,
  late: (options) => setTimeout(() => options.success?.({}), 1500),
  twice: (options) => [1, 2].forEach(() => options.success?.({})),
  'both ways': (options) => [options.success, options.fail].forEach((call) => call?.({})),
}

// use does what makes all of the calls.
async function use(t, wx, way) {
  const name = it.room()
  const mei = await it.friend(t, 'Mei', { rooms: [name] })
  await mei.send(name, { text: 'see https://example.com/' })
  const li = await it.enter(t, 'Li', it.pageOf(name), { wx })
  await li.find('.room:link').click()
  if (/^fails/.test(way)) await li.find('.room:note', { hasText: 'WeChat did not copy it. Try again.' }).waitFor()
  await li.longPress(li.find('.room:bubble').first())
  await li.choose('Reply')
  await li.find('textarea').click()
  await li.keyboard(200)
  await li.say('an answer')
  await li.find('.room:text').getByText('an answer').waitFor()
  await li.find('.room:sent', { hasText: 'an answer' }).waitFor()
  li.phone.background()
  await mei.send(name, { text: 'meanwhile' })
  li.phone.foreground()
  if (!wx.onAppShow) await li.sees('meanwhile')
  await li.view.drawn
}

for (const [way, make] of Object.entries(ways)) {
  test(`all calls at once: ${way}`, async (t) => {
    const wx = Object.fromEntries(calls.map((name) => [name, make()]))
    const name = it.room()
    const mei = await it.friend(t, 'Mei', { rooms: [name] })
    await mei.send(name, { text: 'see https://example.com/' })
    const li = await it.enter(t, 'Li', it.pageOf(name), { wx })
    await li.find('.room:link').click()
    await li.longPress(li.find('.room:bubble').first())
    await li.choose('Reply')
    await li.say('an answer')
    await li.find('.room:sent', { hasText: 'an answer' }).waitFor()
    await wait(() => mei.rooms.get(name).seq === 2)
  })
}

for (const [way, answer] of Object.entries(answering)) {
  test(`a call that answers: ${way}`, (t) => use(t, Object.fromEntries(answers.map((name) => [name, answer])), way))
}

// What an event may bring that is not as WeChat says.
const rubbish = [
  { detail: {}, currentTarget: { dataset: {} } },
  { detail: { value: undefined, cursor: NaN, height: 'x', scrollTop: NaN, scrollHeight: null, part: 'lines', at: 99 }, currentTarget: { dataset: { id: 'none', seq: NaN, at: -1 } } },
  { detail: { value: 7, height: -1, part: 'none', at: null }, currentTarget: { dataset: { seq: 1e9, room: 'none', href: '' } } },
]

test('events with nothing and with rubbish in them, in any order, of rooms that are open, closed and gone', async (t) => {
  const name = it.room()
  const mei = await it.friend(t, 'Mei', { rooms: [name] })
  await mei.send(name, { text: 'still here' })
  const li = await it.enter(t, 'Li', it.pageOf(name))
  await li.sees('still here')
  const room = li.phone.page.page.selectComponent('#chat')
  const list = li.phone.pages[0].page.selectComponent('#list')
  const all = async () => {
    for (const part of [room, list]) {
      const handlers = Object.keys(part).filter((key) => /^on[A-Z]/.test(key))
      assert.ok(handlers.length > 5)
      for (const handler of handlers) for (const event of rubbish) await part[handler](event)
    }
  }
  await all()
  await li.sees('still here')
  li.app.chat.stop()
  await all()
  li.app.client = li.app.chat.start({ url: it.server.wss, name: 'Li' })
  await li.sees('still here')
  await li.say('me too')
  await li.find('.room:sent', { hasText: 'me too' }).waitFor()
  li.phone.page.page.setData({ shown: false })
  await li.find('.room:chat').waitFor({ state: 'detached' })
  await all()
})

test('a query of elements that is never answered, late or empty: one can read and write', async (t) => {
  for (const exec of [() => {}, (done) => setTimeout(done, 800, []), (done) => done(), (done) => done([null, null])]) {
    const name = it.room()
    const mei = await it.friend(t, 'Mei', { rooms: [name] })
    for (let i = 0; i < 60; i++) await mei.send(name, { text: `message ${i}` })
    const query = { select: () => query, selectAll: () => query, boundingClientRect: () => query, fields: () => query, exec }
    const li = await it.enter(t, 'Li', it.pageOf(name), { query })
    await li.sees('message 59')
    await li.say('an answer')
    await li.find('.room:sent', { hasText: 'an answer' }).waitFor()
    await li.find('.room:log').evaluate((log) => { log.scrollTop = 0 })
    await li.sees('message 0')
  }
})
