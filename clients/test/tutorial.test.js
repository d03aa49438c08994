// docs/quickstart-web.md in both languages, followed in a browser with nothing else: the files
// and the commands are the document's own. Only the ports are others, and ./caddy is there.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { launch } from './chromium.js'
import { freePorts, wait } from './server.js'

const binary = process.env.CADDY ?? new URL('../../build/caddy', import.meta.url).pathname
const written = [8080, 8000, 9000] // the ports in the document

for (const [folder, locale] of [['docs', 'en'], ['docs/zh', 'zh-CN']]) {
  test(`${folder}/quickstart-web.md leads to a chat in a page, and to the site's own users`, async (t) => {
    const text = await readFile(new URL(`../../${folder}/quickstart-web.md`, import.meta.url), 'utf8')
    const steps = text.split(/^## /m)
    const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-tutorial-'))
    const home = path.join(dir, 'home') // where Caddy makes a folder named caddy
    const ports = await freePorts(3)
    const here = (part) => written.reduce((all, port, i) => all.replaceAll(`localhost:${port}`, `localhost:${ports[i]}`)
      .replaceAll(`listen(${port})`, `listen(${ports[i]})`), part)
    const block = (step, language) => here(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(steps[step])[1])
    const commands = (step) => steps[step].split('\n\n').filter((part) => part.startsWith('    ')).map((part) => part.replace(/^    /gm, ''))
    const save = (name, content) => writeFile(path.join(dir, name), content)
    // The admin endpoint is at one place on a machine, where other tests may have theirs.
    const saveCaddyfile = (step) => save('Caddyfile', `{\n\tadmin unix/${dir}/admin.sock\n}\n\n${block(step, 'caddyfile')}`)
    const answers = (url) => wait(() => fetch(here(url)).then(({ ok }) => ok, () => false), 60_000)

    const shells = []
    const run = (command) => shells.push(spawn('bash', ['-c', command], {
      cwd: dir, stdio: 'ignore', detached: true, env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    }))
    // interrupt is Ctrl-C: the shell and all that it has started end.
    const interrupt = async () => {
      const shell = shells.pop()
      const exited = once(shell, 'exit')
      process.kill(-shell.pid, 'SIGTERM')
      await exited
    }
    const browser = await launch()
    t.after(async () => {
      await browser.close()
      while (shells.length) await interrupt()
      await rm(dir, { recursive: true, force: true })
    })
    const open = async (url) => {
      const page = await (await browser.newContext({ locale })).newPage()
      page.setDefaultTimeout(60_000)
      await page.goto(here(url))
      return page
    }
    const enter = async (page, name) => {
      await page.locator('#name').fill(name)
      await page.keyboard.press('Enter')
    }
    const say = async (page, words) => {
      await page.locator('textarea').fill(words)
      await page.keyboard.press('Enter')
      await page.locator('li.own.sent', { hasText: words }).waitFor()
    }
    const reads = (page, words) => page.locator('li.other', { hasText: words }).waitFor()

    const [build, start] = commands(1)
    assert.equal(build, 'go build -o caddy ./cmd/caddy') // as make caddy does
    await symlink(binary, path.join(dir, 'caddy'))
    await saveCaddyfile(1)
    run(`exec ${start}`)
    await answers('http://localhost:8080/chat/health')
    const [li, bo] = [await open('http://localhost:8080/chat'), await open('http://localhost:8080/chat')]
    assert.match(steps[1], /private window|无痕窗口/) // as each of these two is
    await enter(li, 'Li')
    await enter(bo, 'Bo')
    await say(li, 'hello')
    await reads(bo, 'hello')

    await mkdir(path.join(dir, 'site'))
    await save('site/index.html', block(2, 'html'))
    const shop = await open('http://localhost:8000')
    await shop.locator('.launcher').click()
    await enter(shop, 'An')
    await say(shop, 'where is my order?')
    const clerk = await open('http://localhost:8080/chat#support')
    await enter(clerk, 'Clerk')
    await reads(clerk, 'where is my order?')
    await say(clerk, 'on its way')
    await reads(shop, 'on its way')

    await saveCaddyfile(3)
    await save('token.mjs', block(3, 'mjs'))
    await save('site/index.html', block(3, 'html'))
    await interrupt()
    run(commands(3)[0])
    await answers('http://localhost:8080/chat/health')
    await answers('http://localhost:9000/')
    await shop.reload() // where the chat knows a guest
    await shop.locator('.launcher').click()
    await say(shop, 'it is me')
    assert.equal(await shop.evaluate(() => document.querySelector('caddy-chat').chat.user.name), 'Li')
    assert.equal(await shop.locator('#name').count(), 0)
  })
}
