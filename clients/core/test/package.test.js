// The published package: its size, its types, and the ways to import it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { before, after, test } from 'node:test'
import { promisify } from 'node:util'
import vm from 'node:vm'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { core, makeCommonJS } from '../../build.js'
import { Client } from '../index.js'
import { ticks } from './fixture.js'
import { FakeApi } from './miniprogram.js'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const entries = ['index', 'timeline', 'list', 'observe', 'browser', 'node', 'wechat', 'uniapp', 'taro']

let dir // an app that has the package installed
const installed = () => path.join(dir, 'node_modules/caddy-chat-client')

before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-'))
  await mkdir(installed(), { recursive: true })
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', dir], { cwd: core })
  const [{ filename }] = JSON.parse(stdout)
  await run('tar', ['xzf', path.join(dir, filename), '-C', installed(), '--strip-components=1'])
})

after(() => rm(dir, { recursive: true, force: true }))

// size returns the size of a bundle of the files, minified and gzipped.
async function size(...files) {
  const { outputFiles } = await build({
    stdin: { contents: files.map((file) => `export * from './${file}'`).join('\n'), resolveDir: core },
    bundle: true, minify: true, format: 'esm', target: 'es2022', write: false,
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}

for (const platform of ['browser', 'node', 'wechat', 'uniapp', 'taro']) {
  test(`the core with ${platform} has at most 9 KB with the list of conversations, minified and gzipped`, async (t) => {
    const bytes = await size('index.js', `${platform}.js`, 'list.js')
    t.diagnostic(`${bytes} bytes; ${await size('index.js', `${platform}.js`)} without the list`)
    assert.ok(bytes <= 9 * 1024, `${bytes} bytes`)
  })
}

test('the package contains every file except tests', async () => {
  const files = (await readdir(installed(), { recursive: true })).sort()
  assert.ok(!files.some((file) => file.includes('test')))
  for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'platforms/sockettask.js']) assert.ok(files.includes(file), file)
  for (const entry of entries) {
    for (const file of [`${entry}.js`, `${entry}.d.ts`]) {
      assert.ok(files.includes(file), file)
      assert.ok(files.includes(`commonjs/${file}`), `commonjs/${file}`)
    }
  }
  assert.equal(await readFile(path.join(installed(), 'LICENSE'), 'utf8'), await readFile(`${core}/../../LICENSE`, 'utf8'))
})

// npm pack builds nothing, so that it works in a fresh clone.
test('the CommonJS files are those of the modules', async () => {
  const { scripts } = JSON.parse(await readFile(`${core}/package.json`, 'utf8'))
  assert.equal(scripts, undefined)
  const fresh = path.join(dir, 'commonjs')
  await makeCommonJS(fresh)
  assert.deepEqual((await readdir(`${core}/commonjs`)).sort(), (await readdir(fresh)).sort(), 'run make page')
  for (const file of await readdir(fresh)) {
    assert.equal(await readFile(`${core}/commonjs/${file}`, 'utf8'), await readFile(path.join(fresh, file), 'utf8'), `${file}: run make page`)
  }
})

for (const folder of ['core', 'react', 'vue']) {
  test(`package.json of ${folder} has what npm and its users look for`, async () => {
    const at = new URL(`../../${folder}/`, import.meta.url)
    const about = JSON.parse(await readFile(new URL('package.json', at), 'utf8'))
    for (const field of ['name', 'version', 'description', 'license', 'homepage', 'bugs', 'types', 'exports', 'files']) assert.ok(about[field], field)
    assert.ok(about.keywords.length >= 5 && about.engines.node && about.repository.directory === `clients/${folder}`)
    assert.match(await readFile(new URL('CHANGELOG.md', at), 'utf8'), new RegExp(`^## ${about.version.replaceAll('.', '\\.')}\\b`, 'm'))
    const { stdout } = await run('npm', ['pack', '--json', '--dry-run'], { cwd: at })
    const files = JSON.parse(stdout)[0].files.map((file) => file.path)
    for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'index.js', 'index.d.ts']) assert.ok(files.includes(file), file)
    assert.ok(!files.some((file) => /test|example/.test(file)), files.join())
  })
}

const names = {
  '': ['Client', 'ChatError'], '/timeline': ['Timeline'], '/list': ['list'], '/observe': ['observeClient', 'observeList', 'observeRoom'], '/browser': ['browser'], '/node': ['node'],
  '/wechat': ['wechat'], '/uniapp': ['uniapp'], '/taro': ['taro'],
}

test('import and require export the same names', async () => {
  const load = (how) => Object.keys(names).map((entry) => how(`'caddy-chat-client${entry}'`)).join()
  const show = (list) => `console.log(JSON.stringify(${list}.map((it) => Object.keys(it).sort())))`
  await writeFile(path.join(dir, 'a.mjs'), show(`(await Promise.all([${load((name) => `import(${name})`)}]))`))
  await writeFile(path.join(dir, 'a.cjs'), show(`[${load((name) => `require(${name})`)}]`))
  for (const file of ['a.mjs', 'a.cjs']) {
    const { stdout } = await run(process.execPath, [file], { cwd: dir })
    assert.deepEqual(JSON.parse(stdout), Object.values(names).map((list) => [...list].sort()), file)
  }
})

test('a browser can resolve every import of the modules by its path', async () => {
  for (const file of await readdir(installed(), { recursive: true })) {
    if (!file.endsWith('.js') || file.startsWith('commonjs')) continue
    const text = await readFile(path.join(installed(), file), 'utf8')
    for (const [, from] of text.matchAll(/^(?:import|export) .* from '(.*)'$/gm)) assert.match(from, /^\.\.?\/.*\.js$/, file)
    assert.doesNotMatch(text, /\bimport\(|\brequire\(/, file)
  }
})

// A mini program has the language, timers and wx, but no URL, TextEncoder, crypto
// or process.
test('the CommonJS files work in a mini program as they are', async () => {
  const wx = new FakeApi()
  const context = vm.createContext({ wx, setTimeout, clearTimeout })
  const mini = async (file) => {
    const module = { exports: {} }
    const text = await readFile(path.join(installed(), 'commonjs', file), 'utf8')
    assert.doesNotMatch(text, /\brequire\(|^(import|export) /m, file) // each file is self-contained
    vm.compileFunction(text, ['module', 'exports'], { parsingContext: context })(module, module.exports)
    return module.exports
  }
  const { Client } = await mini('index.js')
  const { wechat } = await mini('wechat.js')
  const { Timeline } = await mini('timeline.js')
  const chat = new Client({ url: 'wss://chat.test/chat', device: 'd', ...wechat() })
  const timeline = new Timeline(chat, 'tea')
  chat.join('tea')
  chat.send('tea', '你好 \ud83d')
  chat.connect()
  await ticks()
  const [task] = wx.tasks
  task.listeners.Open({ header: { 'Sec-WebSocket-Protocol': 'chat.v1' } })
  await ticks()
  task.listeners.Message({ data: JSON.stringify({ type: 'welcome', id: '1', session: 's', at: 1, user: { id: 'u', name: '' }, ping: 25_000,
    limits: { message: 50 }, rooms: [{ room: 'tea', epoch: 'e', last: 0, entries: [], more: false, gap: false }] }) })
  await ticks()
  assert.deepEqual(JSON.parse(task.sent[0].data), { type: 'hello', id: '1', device: 'd', rooms: [{ room: 'tea' }] })
  assert.equal(timeline.items[0].code, 'too_large') // UTF-8 bytes are counted without a TextEncoder
  assert.equal(wx.stored.size, 1)
  chat.close()
})

const sample = (ending) => `
import { Client, ChatError, type Room } from 'caddy-chat-client'
import { Timeline, type Item } from 'caddy-chat-client/timeline'
import { list } from 'caddy-chat-client/list'
import { browser } from 'caddy-chat-client/browser'
import { node } from 'caddy-chat-client/node'
import { wechat } from 'caddy-chat-client/wechat'
import { uniapp } from 'caddy-chat-client/uniapp'
import { taro } from 'caddy-chat-client/taro'

const chat = new Client({ url: 'wss://chat.example.com/chat', name: 'Li', token: async (why) => why, ...browser() })
const others: Client[] = [wechat(), uniapp(), taro({}), node()].map((platform) => new Client({ url: '', ...platform }))
const stop: () => void = chat.on('message', ({ room, seq, from, body, recalled }) => recalled || console.log(room, seq + 1, from.name, body.text))
chat.on('notice', ({ body }) => console.log(body))
chat.on('state', ({ state, retry }) => console.log(state === 'closed', retry === false))
chat.on('error', (err: ChatError) => console.log(err.code, err.uncertain === true))
const timeline = new Timeline(chat, 'tea', (index, removed, added: readonly Item[]) => console.log(index + removed, added.length))
export async function main() {
  const room: Room = await chat.join('tea', { epoch: 'k3', after: 41 })
  const { seq } = await chat.send(room.room, { text: 'hi' }, { key: 'k' })
  const { entries } = await chat.history('tea', { before: seq, limit: 50 })
  for (const entry of entries) if (entry.type === 'recalled') console.log(entry.target)
  await timeline.older()
  console.log(timeline.items[0].body?.text)
  chat.introduce({ name: 'Li Wei', avatar: 'https://example.com/li.png' })
  await chat.mute('tea', 'u-bo', 600_000)
  await chat.kick('tea', 'u-bo')
  await chat.ban(null, 'u-bo')
  const pictures = new Client<{ text?: string; picture: string }>({ url: 'wss://chat.example.com/chat', ...browser() })
  await pictures.send('tea', { picture: 'https://example.com/tea.png' })
  pictures.on('message', (event) => event.recalled || console.log(event.body.picture))
  new Timeline(pictures, 'tea', (index, removed, [item]) => console.log(item.body?.picture))
  // @ts-expect-error the picture is missing
  await pictures.send('tea', { text: 'hi' })
  // @ts-expect-error a recalled message has no body
  chat.on('message', ({ body }) => console.log(body.text))
  // @ts-expect-error who moderates the whole hub says so, with null
  await chat.mute('u-bo')
  // @ts-expect-error a room is not a number
  await chat.join(7)
  // @ts-expect-error there is no such event
  chat.on('massage', () => {})
  // @ts-expect-error a body is JSON
  await chat.send('tea', () => {})
  const app = new Client({ url: '', list: list({ limit: 50 }), ...browser() })
  app.on('list', ({ rows, unread }) => console.log(unread + rows[0].count, rows[0].with?.name))
  app.on('row', (row) => 'gone' in row || console.log(row.title, row.entry?.at))
  app.on('member', ({ users, role }) => console.log(users[0].name, role === 'none'))
  const { room: group } = await app.create({ title: 'Trip', users: ['u-bo'] })
  await app.member(group, 'u-bo', 'admin')
  // @ts-expect-error there is no such role
  await app.member(group, 'u-bo', 'king')
  // @ts-expect-error what is cleared does not come back
  await app.set(group, { clear: false })
  stop()
  return others
}
export const kind = '${ending}'
`

test('tsc finds the types, for import and for require', async () => {
  for (const ending of ['mts', 'cts']) await writeFile(path.join(dir, `sample.${ending}`), sample(ending))
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc')
  const args = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom', '--types', '',
    'sample.mts', 'sample.cts']
  const { stdout } = await run(process.execPath, [tsc, ...args], { cwd: dir }).catch((err) => assert.fail(err.stdout || err.message))
  assert.equal(stdout, '')
})

test('every method of the types exists', async () => {
  for (const [file, name] of [['index', 'Client'], ['timeline', 'Timeline']]) {
    const types = await readFile(`${core}/${file}.d.ts`, 'utf8')
    const { [name]: made } = await import(`../${file}.js`)
    const [, body] = types.split(new RegExp(`export class ${name}<.*> {`))
    const methods = [...body.split('\n}')[0].matchAll(/^ {2}(\w+)[(<]/gm)].map(([, method]) => method)
    assert.ok(methods.length > 3)
    const { prototype } = made
    const chat = new Client({ url: 'wss://chat.test/chat', transport() {} })
    for (const method of methods) assert.ok(method in (made === Client ? chat : prototype), `${name}.${method}`)
  }
})
