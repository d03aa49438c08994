// The npm package of the components: made by npm pack, installed, copied as the devtools do it,
// and used on pages of the main package and of a subpackage.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { makePackage } from '../miniprogram-package/pack.mjs'
import { makeApp, stage } from './component.js'
import { wait } from './server.js'
import { compile } from './view.js'

const run = promisify(execFile)
const name = 'caddy-chat-miniprogram'
const source = fileURLToPath(new URL('../miniprogram/caddy-chat', import.meta.url))
let tarball

// makeInstalled makes the mini program with the package instead of the folder.
async function makeInstalled() {
  const app = await makeApp()
  const { root } = app
  const made = await mkdtemp(path.join(tmpdir(), 'caddy-chat-package-'))
  await makePackage(made)
  const { stdout } = await run('npm', ['pack', '--json', '--offline'], { cwd: made })
  const [{ filename, size, files }] = JSON.parse(stdout)
  tarball = { size, files: files.map((it) => it.path) }
  await rm(path.join(root, 'caddy-chat'), { recursive: true })
  await writeFile(path.join(root, 'package.json'), '{ "name": "shop", "private": true }')
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', path.join(made, filename)], { cwd: root })
  await rm(made, { recursive: true })
  for (const file of await readdir(root, { recursive: true })) {
    if (!/^(app\.js|(pages|shop)\/.*\.json)$/.test(file)) continue
    const text = await readFile(path.join(root, file), 'utf8')
    await writeFile(path.join(root, file), text.replaceAll('./caddy-chat/index', name).replaceAll('/caddy-chat/', `${name}/`))
  }
  await buildNpm(root)
  await rm(path.join(root, 'node_modules'), { recursive: true })
  return { ...app, program: await compile(root) }
}

// buildNpm does what the devtools document: of each of the dependencies it copies the folder
// that the field miniprogram names, miniprogram_dist without it, and nothing else. Packages
// without such a folder would be bundled from their field main.
async function buildNpm(root) {
  const { dependencies } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const from = path.join(root, 'node_modules', name)
    const about = JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8'))
    assert.deepEqual(Object.keys(about.dependencies ?? {}), [])
    await mkdir(path.join(root, 'miniprogram_npm'), { recursive: true })
    await cp(path.join(from, about.miniprogram ?? 'miniprogram_dist'), path.join(root, 'miniprogram_npm', name), { recursive: true })
  }
}

const it = stage({ make: makeInstalled })

test('the package works on a page, and on a page of a subpackage, with the same client', async (t) => {
  const li = await it.enter(t, 'Li', it.pageOf('help'))
  await wait(() => li.app.client.rooms.get('help')?.live)
  const scoped = (selector) => li.find(selector.replace(/\.room:/g, `.miniprogram_npm-${name}-room-room--`))
  await scoped('textarea').fill('hello')
  await scoped('.room:send').click()
  await scoped('.room:text').getByText('hello').waitFor()
  await li.go('shop/pages/help/help')
  await scoped('.room:text').getByText('hello').waitFor()
  assert.equal(li.phone.sockets.size, 1)
})

test('the package has what it needs and nothing else, in at most 120 KB', async () => {
  assert.ok(tarball.size <= 120 * 1024, `${tarball.size} bytes`)
  const own = await readdir(source, { recursive: true, withFileTypes: true })
  const wanted = own.filter((file) => file.isFile() && !file.name.endsWith('.md')).map((file) => path.join('miniprogram_dist', path.relative(source, path.join(file.parentPath ?? file.path, file.name))))
  assert.deepEqual(tarball.files.sort(), ['LICENSE', 'README.md', 'README.zh-CN.md', 'package.json', ...wanted].sort())
  for (const file of own.filter(({ name }) => name.endsWith('.js'))) {
    const text = await readFile(path.join(file.parentPath ?? file.path, file.name), 'utf8')
    for (const [, to] of text.matchAll(/\brequire\("?'?([^'")]+)'?"?\)/g)) {
      assert.match(to, /^\.\.?\//, `${file.name} requires ${to}`)
      const found = path.resolve(file.parentPath ?? file.path, to.replace(/(\.js)?$/, '.js'))
      assert.ok(found.startsWith(source) && (await stat(found)).isFile())
    }
    assert.doesNotMatch(text, /^\s*(import|export)\b/m, file.name)
    // Phones of 2018 know the syntax. One expression that they do not know would stop the
    // whole mini program: WeChat runs all files as one.
    const [now, then] = await Promise.all(['esnext', 'es2018'].map((target) => transform(text, { target, charset: 'utf8', supported: target === 'es2018' ? { 'regexp-lookbehind-assertions': false } : {} })))
    assert.equal(now.code, then.code, `${file.name} has syntax newer than 2018`)
    assert.doesNotMatch(text, /\.(at|flat|flatMap|findLast|replaceAll|matchAll|fromEntries|hasOwn|allSettled)\(/, `${file.name} calls what came after 2018`)
  }
})
