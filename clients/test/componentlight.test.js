// How much of a long room the component has at once: what goes to setData, and what is drawn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import v8 from 'node:v8'
import vm from 'node:vm'
import { stage } from './component.js'
import { wait } from './server.js'

const it = stage()
const { enter, friend, pageOf, room } = it

const maxSetData = 64 * 1024 // bytes of one call
const maxNodes = 3000 // elements of the page
const maxRows = 130 // messages that are drawn
const maxItems = 1200 // messages that are kept
const maxGrowth = { page: 6 << 20, renderer: 12 << 20 } // bytes of JavaScript in use, from before the room is opened on

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc')

test('a room of 10,000 messages: 3,000 back and to the end again, with bounded setData, nodes and memory', { timeout: 400_000 }, async (t) => {
  const name = room()
  const crowd = [await friend(t, 'Mei', { rooms: [name] }), await friend(t, 'Tom', { rooms: [name] })]
  const n = 10_000
  for (let i = 0; i < n; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, k) => crowd[Math.floor((i + k) / 3) % 2].send(name, { text: `message ${i + k}` })))
  }
  const li = await enter(t, 'Li', pageOf(`${name} before it`))
  await wait(() => state(li)?.placed)
  const devtools = await li.context.newCDPSession(li.view.page)
  await devtools.send('Performance.enable')
  // used returns the bytes that are in use after both have collected their garbage, in KB.
  const used = async () => {
    await li.view.drawn
    collectGarbage()
    await devtools.send('HeapProfiler.collectGarbage')
    const { metrics } = await devtools.send('Performance.getMetrics')
    const { JSHeapUsedSize, Nodes } = Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
    return { page: process.memoryUsage().heapUsed >> 10, renderer: JSHeapUsedSize >> 10, domNodes: Nodes }
  }
  const memory = { before: await used() }
  li.phone.page.page.setData({ room: name })
  await li.find('.room:row').first().waitFor()
  await wait(() => state(li)?.placed)
  memory.opened = await used()
  const most = { nodes: 0, rows: 0, items: 0 }
  const measure = async () => {
    const now = await li.find('page').evaluate((page) => ({ nodes: page.querySelectorAll('*').length, rows: page.querySelectorAll('[data-seq], [id^="i"]').length }))
    for (const key of Object.keys(now)) most[key] = Math.max(most[key], now[key])
    most.items = Math.max(most.items, state(li).items.length)
  }
  const log = li.find('.room:log')
  await measure()
  const opened = { ...most, setData: li.phone.most }
  while (Number(state(li).items[state(li).window.from].seq) > n - 3000) {
    const before = state(li).window.from + state(li).timeline.first
    await wait(async () => { // who meets nothing new scrolls again
      await log.evaluate((it) => { it.scrollTop = 60 })
      await log.evaluate((it) => { it.scrollTop = 0 })
      return state(li).window.from + state(li).timeline.first !== before
    }, 30_000)
    await measure()
  }
  const back = { ...most, setData: li.phone.most }
  memory.back = await used()
  // What was forgotten below comes again, in order and without a hole.
  const last = (await li.texts()).at(-1)
  await crowd[0].send(name, { text: 'said meanwhile' })
  await wait(async () => {
    await log.evaluate((it) => { it.scrollTop = it.scrollHeight - it.clientHeight - 60 })
    await log.evaluate((it) => { it.scrollTop = it.scrollHeight })
    const { items } = state(li)
    return items.findIndex(({ body }) => body?.text === last) < items.length - 700 || items[0].seq > n - 2000
  }, 60_000)
  const seqs = state(li).items.map(({ seq }) => seq)
  assert.ok(seqs.every((seq, i) => i === 0 || seq === seqs[i - 1] + 1), `a hole: ${seqs}`)
  await measure()
  await li.find('.room:newest').click()
  await wait(() => state(li).window.follows && state(li).items.length <= 600, 30_000)
  await wait(async () => (await li.find('.room:row').last().textContent()).includes(state(li).items.at(-1).body.text))
  await measure()
  memory.end = await used()
  const data = li.phone.page.page.selectComponent('#chat').data
  t.diagnostic(JSON.stringify({ opened, back, memory, rowsInData: Object.values(data.rows).filter(Boolean).length, keys: Object.keys(data.rows).length }))
  assert.ok(li.phone.most <= maxSetData, `a setData of ${li.phone.most} bytes`)
  assert.ok(most.nodes <= maxNodes, `${most.nodes} nodes`)
  assert.ok(most.rows <= maxRows, `${most.rows} rows`)
  assert.ok(Object.keys(data.rows).length <= 2 * maxRows, `${Object.keys(data.rows).length} keys`)
  assert.ok(most.items <= maxItems, `${most.items} messages were kept`)
  for (const when of ['back', 'end']) {
    for (const where of ['page', 'renderer']) {
      const grown = memory[when][where] - memory.before[where]
      assert.ok(grown << 10 <= maxGrowth[where], `${where}, ${when}: ${grown} KB more`)
    }
  }
  assert.ok(state(li).items.length <= 600, `${state(li).items.length} messages are kept`)
})

test('long messages are drawn in steps that setData allows', async (t) => {
  const name = room()
  const chat = await friend(t, 'Eve', { rooms: [name] })
  for (let i = 0; i < 30; i++) await chat.send(name, { i, long: '长'.repeat(20_000) }) // 60 KB
  const li = await enter(t, 'Li', pageOf(name))
  await li.find('.room:row').first().waitFor()
  // An answer has a few of them.
  for (let drawn = 0; drawn < 30;) {
    await li.find('.room:log').evaluate((log) => { log.scrollTop = 1 })
    await li.find('.room:log').evaluate((log) => { log.scrollTop = 0 })
    await wait(async () => await li.find('.room:row').count() > drawn, 30_000)
    drawn = await li.find('.room:row').count()
  }
  assert.ok(li.phone.most < 256 * 1024, `a setData of ${li.phone.most} bytes`)
})

const state = (person) => person.phone.page.page.selectComponent('#chat')?.state
