// The documents as a web site: it builds, its links lead somewhere, it can be searched in both
// languages, and it can be read on a phone. What the READMEs are about stands on their first screen.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { anchor, href, rewrites } from '../../site/pages.js'
import { words } from '../../site/search.js'
import { launch } from './chromium.js'

const run = promisify(execFile)
const site = fileURLToPath(new URL('../../site', import.meta.url))
const shots = process.env.SCREENSHOTS // a folder to store them in
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png', '.woff2': 'font/woff2', '.json': 'application/json' }

let dir, base, server, browser, pages
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-site-'))
  await run(process.execPath, ['node_modules/vitepress/bin/vitepress.js', 'build', '--outDir', dir], { cwd: site })
  pages = (await readdir(dir)).concat((await readdir(path.join(dir, 'zh'))).map((name) => `zh/${name}`)).filter((name) => name.endsWith('.html') && name !== '404.html')
  server = createServer(async (request, response) => {
    const file = path.join(dir, decodeURIComponent(new URL(request.url, 'http://x').pathname).replace(/\/$/, '/index.html'))
    const content = await readFile(file).catch(() => undefined)
    response.writeHead(content ? 200 : 404, { 'content-type': types[path.extname(file)] ?? 'text/plain' }).end(content)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${server.address().port}`
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve()))
  await rm(dir, { recursive: true, force: true })
})

test('every page is there, and everything that it names', async () => {
  assert.deepEqual(pages.toSorted(), Object.values(rewrites).map((name) => name.replace(/md$/, 'html')).sort())
  const texts = new Map(await Promise.all(pages.map(async (name) => [name, await readFile(path.join(dir, name), 'utf8')])))
  const files = new Set((await readdir(dir, { recursive: true })).map((name) => name.replaceAll(path.sep, '/')))
  const lost = []
  for (const [name, text] of texts) {
    for (const [, link] of text.matchAll(/ (?:href|src)="([^"]*)"/g)) {
      const to = new URL(link.replaceAll('&amp;', '&'), `http://site/${name}`)
      if (to.host !== 'site') continue
      const target = decodeURIComponent(to.pathname.slice(1)).replace(/(^|\/)$/, '$1index.html')
      if (!files.has(target)) lost.push(`${name}: ${link}`)
      else if (to.hash && texts.has(target) && !texts.get(target).includes(` id="${decodeURIComponent(to.hash.slice(1))}"`)) lost.push(`${name}: ${link} has no such heading`)
    }
  }
  assert.deepEqual(lost, [])
})

test('where a line of a file ends, Chinese has no space', async () => {
  let joined = 0
  for (const name of pages.filter((name) => name.startsWith('zh/'))) {
    const text = (await readFile(path.join(dir, name), 'utf8')).replace(/<(pre|script|style)\b[^]*?<\/\1>/g, '').replace(/<\/?(a|code)\b[^>]*>/g, '')
    assert.deepEqual(text.match(/[\p{Script=Han}，。；：、]\s[\p{Script=Han}（“]/gu) ?? [], [], name)
    joined += text.match(/[a-z] \p{Script=Han}/gu)?.length ?? 0
  }
  assert.ok(joined > 10, `${joined} spaces beside Latin letters stay`)
})

test('a link to a file that does not exist fails the build', () => {
  assert.throws(() => href('docs/web.md', 'nothing.md'), /docs\/web\.md: nothing\.md does not exist/)
  assert.equal(href('docs/web.md', '../PROTOCOL.md#http'), '/protocol.md#http')
  assert.equal(href('docs/web.md', 'https://example.com/x'), 'https://example.com/x')
  assert.match(href('docs/web.md', '../contrib'), /\/tree\/main\/contrib$/)
  assert.equal(anchor("A connection's life, `x_y`"), 'a-connections-life-x_y')
})

test('Chinese is found by parts of it, and names of options by their words', () => {
  assert.deepEqual(words('会话的 max_size，JSON', 'text'), ['会', '话', '的', '会话', '话的', 'max', 'size', 'json'])
  assert.deepEqual(words('怎样关闭会话 max_size，群'), ['关闭', '闭会', '会话', 'max', 'size', '群'])
  assert.deepEqual(words('How do I ban'), ['ban'])
  assert.deepEqual(words('什么'), ['什么'])
})

// What somebody looks for, and a section that must be among the first five that are found.
const searches = [
  ['/', 'standby', '/nodes.html#what-durability-promises'],
  ['/', 'max_size', '/caddyfile.html#journal-pebble'],
  ['/', 'how do I ban somebody', '/faq.html#users'],
  ['/zh/', '域名', '/zh/quickstart-miniprogram.html#3-小程序'],
  ['/zh/', '撤回', '/zh/web.html#可以对消息做什么'],
  ['/zh/', '怎么备份消息', '/zh/operations.html#备份'],
  ['/zh/', '微信登录失败', '/zh/troubleshooting.html#小程序'],
  ['/zh/', '群聊成员', '/zh/conversations.html#成员和角色'],
  ['/zh/', '小程序登录', '/zh/quickstart-miniprogram.html#3-小程序'],
  ['/zh/', '消息保留多久', '/zh/faq.html#消息'],
]
for (const [start, query, found] of searches) {
  test(`in the site at ${start}, ${query} is found`, async () => {
    const page = await browser.newPage()
    page.setDefaultTimeout(60_000)
    try {
      await page.goto(base + start)
      await page.locator('#local-search button').click()
      await page.locator('.VPLocalSearchBox input').fill(query)
      const results = page.locator('.VPLocalSearchBox .result')
      await results.first().waitFor()
      const first = (await results.evaluateAll((links) => links.map((link) => link.getAttribute('href')))).slice(0, 5)
      assert.ok(first.includes(found), first.join('\n'))
      await results.nth(first.indexOf(found)).click()
      await page.waitForURL((url) => decodeURIComponent(url.pathname + url.hash) === found)
      await page.locator(`[id="${found.split('#')[1]}"]`).waitFor()
    } finally {
      await page.close()
    }
  })
}

test('no page has to be scrolled sideways on a phone', async () => {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true })
  page.setDefaultTimeout(60_000)
  try {
    const wide = []
    for (const name of pages) {
      await page.goto(`${base}/${name}`)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      if (width > 390) wide.push(`${name}: ${width} of 390`)
      if (shots) await page.screenshot({ path: path.join(shots, `site-${name.replaceAll(/\W/g, '-')}.png`) })
    }
    assert.deepEqual(wide, [])
  } finally {
    await page.close()
  }
})

// The READMEs are drawn as wide as GitHub draws them, with its sizes of text.
const github = `
  body { width: 830px; margin: 32px auto; font: 16px/1.5 "Noto Sans CJK SC", sans-serif; }
  h1 { margin: 0 0 16px; padding-bottom: .3em; font-size: 2em; line-height: 1.25; border-bottom: 1px solid #ddd; }
  p, pre { margin: 0 0 16px; }
  pre { padding: 16px; font: 85%/1.45 monospace; background: #f6f8fa; }
  img { max-width: 100%; }
  .copy, .lang { display: none; }`

for (const [file, name] of [['README.md', 'index.html'], ['README.zh-CN.md', 'zh/index.html']]) {
  test(`what ${file} is about stands within one screen`, async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1080 } })
    try {
      await page.goto(`${base}/${name}`)
      const html = await page.locator('.vp-doc').first().innerHTML()
      await page.setContent(`<!doctype html><base href="${base}"><style>${github}</style>${html.replace(/<style.*?<\/style>/gs, '')}`)
      const lines = (text) => page.locator('pre').filter({ hasText: text }).first()
      const parts = {
        'the sentence': page.locator('h1 + p'),
        'the picture': page.locator('img').first(),
        'the two commands': lines('make test'),
        'the three lines': lines('chat.example.com {'),
      }
      assert.ok(await parts['the picture'].evaluate(async (picture) => { await picture.decode(); return picture.naturalWidth > 800 }))
      if (shots) await page.screenshot({ path: path.join(shots, `${file}.png`) })
      let above = 0
      for (const [what, part] of Object.entries(parts)) {
        const { y, height } = await part.boundingBox()
        assert.ok(y >= above && height > 20 && y + height <= 1080, `${what}: from ${y} to ${y + height}`)
        above = y + height
      }
      assert.equal((await parts['the two commands'].innerText()).match(/^(go run|make) /gm).length, 2)
      assert.equal((await parts['the three lines'].innerText()).trim().split('\n').length, 3)
    } finally {
      await page.close()
    }
  })
}
