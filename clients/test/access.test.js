// WCAG 2.2 AA on the built-in page, by axe and with the keyboard alone, in the states that
// its users meet; small, enlarged and forced views; the pictures of the documentation.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { take } from '../pageshots.js'
import { comparable, difference } from './looks.js'
import { context, friend, Person, room, sendMany, serve, server } from './person.js'

serve()

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

async function check(page, what) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
  assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`), [])
  const [width, view] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  assert.ok(width <= view, `${what}: the page scrolls sideways`)
}

for (const [view, options] of Object.entries({
  'desktop, light': {},
  'desktop, dark, Chinese': { colorScheme: 'dark', locale: 'zh-CN' },
  'forced colours': { forcedColors: 'active' },
  '320 pixels': { viewport: { width: 320, height: 560 } },
})) {
  test(`axe finds nothing in any state: ${view}`, async (t) => {
    const name = room()
    const chat = await friend(t, name, 'Mei')
    await chat.send(name, { text: 'https://example.com 🎉' })
    const page = await (await context(t, options)).newPage()
    await page.goto(`https://localhost:${server.ports[1]}/chat?room=${name}`)
    await page.locator('#name').waitFor()
    await check(page, 'name')
    await page.locator('#name').fill('Li')
    await page.keyboard.press('Enter')
    await page.locator('textarea').waitFor()
    await page.locator('li a').waitFor()
    await page.locator('textarea').fill('mine')
    await page.keyboard.press('Enter')
    await page.locator('li.own.sent').waitFor()
    await check(page, 'chat')
    await page.locator('li.own .more').focus()
    await page.keyboard.press('Enter')
    await page.locator('[role=menu]').waitFor()
    await check(page, 'menu')
    await page.keyboard.press('Escape')
    await page.locator('header .members').click()
    await page.locator('aside li').first().waitFor()
    await check(page, 'people')
    await page.keyboard.press('Escape')
    await page.locator('aside').waitFor({ state: 'detached' })
    if (options.viewport) {
      await page.locator('.back').click()
      await check(page, 'rooms')
    }
    await page.locator('nav .me').click()
    await page.locator('dialog').waitFor()
    await check(page, 'settings')
  })
}

test('with the keyboard alone: messages, menus, people, settings, other rooms', async (t) => {
  const name = room()
  const li = await Person.enter(t, 'Li', name)
  const { page } = li
  const focus = () => page.evaluate(() => {
    let at = document.activeElement
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
    return at.className || at.localName
  })
  const tabTo = async (selector, key = 'Shift+Tab') => {
    for (let i = 0; i < 30; i++) {
      if (await page.locator(`${selector}:focus`).count()) return
      await page.keyboard.press(key)
    }
    assert.fail(`${selector} is not reached; the focus is on ${await focus()}`)
  }
  await page.locator('textarea:focus').waitFor()
  for (const text of ['one', 'two', 'three']) {
    await page.keyboard.type(text)
    await page.keyboard.press('Enter')
    await page.locator('li.own.sent', { hasText: text }).waitFor()
  }
  await tabTo('.more')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowUp')
  await page.locator('li', { hasText: 'one' }).locator('.more:focus').waitFor()
  await page.keyboard.press('Enter')
  await page.locator('[role=menuitem]:focus', { hasText: '👍' }).waitFor()
  await page.keyboard.press('End')
  await page.locator('[role=menuitem]:focus', { hasText: 'Take back' }).waitFor()
  await page.keyboard.press('Escape')
  await page.locator('li', { hasText: 'one' }).locator('.more:focus').waitFor()
  await tabTo('.members')
  await page.keyboard.press('Enter')
  await page.locator('aside button:focus').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.members:focus').waitFor()
  await tabTo('nav .me')
  await page.keyboard.press('Enter')
  await page.locator('dialog input[name=name]:focus').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('dialog').waitFor({ state: 'detached' })
  await tabTo('nav input')
  await page.keyboard.type('another room')
  await page.keyboard.press('Enter')
  await page.locator('main h1', { hasText: 'another room' }).waitFor()
  await page.locator('textarea:focus').waitFor()
  assert.deepEqual(li.problems, [])
})

test('the text twice as large: nothing is cut off, nothing scrolls sideways', async (t) => {
  const name = room()
  await sendMany(t, name, 20)
  const li = await Person.enter(t, 'Li', name, { viewport: { width: 640, height: 480 } }) // 1280 × 960 at 200 %
  const { page } = li
  await page.locator('textarea').waitFor()
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%' })
  await li.sees('message 19')
  const visible = await page.evaluate(() => {
    const { shadowRoot } = document.querySelector('caddy-chat')
    return ['header', 'textarea', '.send'].map((selector) => {
      const { left, right, top, bottom } = shadowRoot.querySelector(selector).getBoundingClientRect()
      return left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight
    })
  })
  assert.deepEqual(visible, [true, true, true])
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
})

test('the pictures of the documentation show the page as it is', async (t) => {
  const kept = fileURLToPath(new URL('../../docs/images', import.meta.url))
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-pictures-'))
  try {
    const names = await take(dir) // it looks for parts that are missing, cut off or overlap
    assert.deepEqual((await readdir(kept)).filter((name) => name.endsWith('.png')).sort(), [...names].sort(), 'run make screenshots')
    const strictly = await comparable(dir, kept)
    if (!strictly) t.diagnostic('The kept pictures were drawn by another Chromium or with other fonts: sizes, visibility and overlaps were checked, pixels were not.')
    for (const name of names) {
      const different = await difference(path.join(dir, name), path.join(kept, name), strictly)
      assert.equal(different, '', `${name}: ${different}: run make screenshots and look at it`)
    }
  } finally {
    await rm(dir, { recursive: true })
  }
})
