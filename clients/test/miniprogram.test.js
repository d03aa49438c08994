// The files of the mini program: that the devtools take the folder as it is. screen.test.js
// runs them.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import vm from 'node:vm'
import { transform } from 'esbuild'
import { makeLibrary } from '../build.js'
import { Server } from './server.js'
import { createRequire } from './wx.js'

const root = fileURLToPath(new URL('../miniprogram', import.meta.url))

test('the lib of the component is generated from the core and the page', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-lib-'))
  try {
    await makeLibrary(dir)
    const names = await readdir(path.join(root, 'caddy-chat/lib'))
    assert.deepEqual(names.sort(), (await readdir(dir)).sort())
    for (const name of names) assert.equal(await readFile(path.join(root, 'caddy-chat/lib', name), 'utf8'), await readFile(path.join(dir, name), 'utf8'), 'run make page')
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('every page of app.json has its files, and every text exists in both languages', async () => {
  const { pages } = JSON.parse(await readFile(path.join(root, 'app.json'), 'utf8'))
  const used = new Set()
  for (const page of pages) {
    for (const ext of ['js', 'json', 'wxml', 'wxss']) {
      const text = await readFile(path.join(root, `${page}.${ext}`), 'utf8')
      for (const [, word] of text.matchAll(/\bt\.(\w+)|\bwords\.get\('(\w+)'/g)) if (word) used.add(word)
      if (ext === 'wxml') {
        // Every handler in the WXML is a method of the page.
        const methods = await readFile(path.join(root, `${page}.js`), 'utf8')
        const given = /\bt: words\.some\((.*)\)/.exec(methods)?.[1] ?? ''
        for (const [, word] of text.matchAll(/\bt\.(\w+)/g)) assert.ok(given.includes(`'${word}'`), `${page}: t.${word}`)
        for (const [, handler] of text.matchAll(/\bbind\w+="(\w+)"/g)) assert.match(methods, new RegExp(`^ {2}(async )?${handler}\\(`, 'm'), `${page}: ${handler}`)
      }
    }
  }
  const words = await readFile(path.join(root, 'words.js'), 'utf8')
  const [en, zh] = [...words.matchAll(/^const (?:en|zh) = {\n([^]*?)^}/gm)].map(([, body]) => [...body.matchAll(/^ {2}(\w+):/gm)].map(([, word]) => word))
  assert.deepEqual(en, zh)
  const shared = createRequire(vm.createContext({}), {})(path.join(root, 'caddy-chat/words.js'))
  for (const word of used) assert.ok(en.includes(word) || shared.wordsFor('zh').get(word) !== 'undefined', word)
})

test('the devtools can import the folder: no account, no npm, no build, one URL in one file', async () => {
  const project = JSON.parse(await readFile(path.join(root, 'project.config.json'), 'utf8'))
  assert.deepEqual([project.appid, project.compileType, project.setting.packNpmManually], ['touristappid', 'miniprogram', undefined])
  const app = JSON.parse(await readFile(path.join(root, 'app.json'), 'utf8'))
  assert.equal(app.usingComponents, undefined)
  const files = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((it) => it.isFile())
    .map((it) => path.relative(root, path.join(it.path, it.name)))
  assert.ok(files.includes(app.sitemapLocation))
  const pages = files.filter((file) => /^pages\/(\w+)\/\1\.js$/.test(file)).map((file) => file.slice(0, -3))
  assert.deepEqual([...app.pages].sort(), pages.sort())
  let size = 0
  for (const file of files) {
    assert.doesNotMatch(file, /package\.json|node_modules|miniprogram_npm/)
    const text = await readFile(path.join(root, file), 'utf8')
    if (!file.endsWith('.md')) size += Buffer.byteLength(text) // WeChat takes no Markdown
    if (/\.(js|json|wxml|wxss)$/.test(file) && file !== 'config.js') assert.doesNotMatch(text, /\b(wss?|https?):\/\/\w/, `${file} has a URL`)
    if (!file.endsWith('.js')) continue
    // The files are CommonJS, require only files of the folder, and have no syntax that
    // old phones do not know: esbuild would rewrite it for the target es2018.
    for (const [, to] of text.matchAll(/\brequire\('([^']+)'\)/g)) {
      assert.match(to, /^\.\.?\//, `${file} requires ${to}`)
      assert.ok(files.includes(path.join(path.dirname(file), `${to}.js`)), `${file} requires ${to}`)
    }
    assert.doesNotMatch(text, /^\s*(import|export)\b/m, file)
    const [now, then] = await Promise.all(['esnext', 'es2018'].map((target) => transform(text, { target, charset: 'utf8' })))
    assert.equal(now.code, then.code, `${file} has syntax newer than 2018`)
  }
  assert.ok(size < 256 * 1024, `${size} bytes; a mini program may have 2 MB`)
  const [, url] = (await readFile(path.join(root, 'config.js'), 'utf8')).match(/^  url: '(.*)',$/m)
  const example = await readFile(new URL('../../Caddyfile.example', import.meta.url), 'utf8')
  const { protocol, port, pathname } = new URL(url)
  assert.equal(protocol, 'ws:')
  assert.match(example, new RegExp(`^http://\\S*:${port}\\b`, 'm'))
  assert.match(example, new RegExp(`^\\s*chat ${pathname}\\b|^\\s*chat( \\{)?$`, 'm'))
})

test('a call of WeChat that throws, fails, never answers or answers twice leaves nobody waiting', async () => {
  const timers = []
  const hostWith = (wx) => createRequire(vm.createContext({ wx, setTimeout: (run) => timers.push(run), clearTimeout() {} }), {})(path.join(root, 'host.js'))
  const throws = () => {
    throw new Error('no such thing')
  }
  const both = ({ success, fail }) => [success, success, fail].forEach((call) => call({ code: 'c', errMsg: 'late' }))
  await assert.rejects(hostWith({}).call('login', {}))
  await assert.rejects(hostWith({ login: throws }).call('login', {}), /no such thing/)
  await assert.rejects(hostWith({ login: ({ fail }) => fail({ errMsg: 'login:fail' }) }).call('login', {}), /login:fail/)
  assert.equal((await hostWith({ login: both }).call('login', {})).code, 'c')
  const waiting = hostWith({ login() {} }).call('login', {})
  timers.pop()()
  await assert.rejects(waiting, /login does not answer/)

  const opened = []
  const open = (way) => hostWith({ navigateTo: way, redirectTo: ({ url, success }) => { opened.push(url); success?.(); success?.() } })
  open(throws).go('/a')
  open(({ fail }) => fail({ errMsg: 'webview count limit exceed' })).go('/b') // ten pages are open
  let times = 0
  open(throws).replace('/c', () => times++)
  hostWith({ showActionSheet: ({ success }) => { success({ tapIndex: 0 }); success({ tapIndex: 0 }) } }).choose([['do it', () => times++]])
  hostWith({ showModal: ({ success }) => { success({ confirm: true }); success({ confirm: true }) } }).ask('sure?', () => times++)
  for (const wx of [{}, { getFileSystemManager: throws }, { getFileSystemManager: () => ({ saveFile: throws }) }]) hostWith(wx).keep('file', () => times++)
  assert.deepEqual([opened, times], [['/a', '/b', '/c'], 3])
})

test('the links and pictures of the documentation exist', async () => {
  for (const readme of ['../miniprogram/README.md', '../../README.md']) {
    const file = fileURLToPath(new URL(readme, import.meta.url))
    const text = await readFile(file, 'utf8')
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)|src="([^":]+)"/g)].map(([, link, picture]) => link ?? picture)
    assert.ok(links.length > 3)
    for (const link of links) await access(path.join(path.dirname(file), link))
  }
})

test('the command for a long room, by which one checks it by hand, makes a room of 10,000 messages', async (t) => {
  const [command, chinese] = await Promise.all(['README.md', 'README.zh-CN.md'].map(async (name) => /`(caddy chat import [^`]*)`/.exec(await readFile(path.join(root, name), 'utf8'))[1]))
  assert.equal(chinese, command)
  const server = new Server()
  t.after(() => server.remove())
  await server.start()
  const caddy = `caddy() { ${server.binary} "$@" --address unix/${path.join(server.dir, 'admin.sock')}; }`
  const { stdout } = await promisify(execFile)('bash', ['-c', `${caddy}\n${command}\ncaddy chat history long`])
  assert.match(stdout, / 10000 +Mei \(mei\): message\n$/)
})
