// What is published: its size, its types, both kinds of modules.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { core, makeCommonJS } from '../../build.js'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

// A folder within the package, so that it finds the package's dependencies.
async function scratch(t) {
  const dir = await mkdtemp(path.join(core, 'test-'))
  t.after(() => rm(dir, { recursive: true }))
  return dir
}

async function bundled(file) {
  const { outputFiles } = await build({
    entryPoints: [core + file], bundle: true, minify: true, format: 'esm', target: 'es2022', write: false,
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}

test('the core has at most 6 KB, minified and gzipped', async (t) => {
  const size = await bundled('index.js')
  t.diagnostic(`${size} bytes`)
  assert.ok(size <= 6 * 1024, `${size} bytes`)
  for (const file of ['browser.js', 'wechat.js', 'uniapp.js', 'taro.js', 'node.js']) {
    assert.ok((await bundled(file)) < 1024, file)
  }
})

test('it needs no build step: every import names a file beside it', async () => {
  for (const file of await readdir(core, { recursive: true })) {
    if (!file.endsWith('.js') || file.startsWith('test') || file.startsWith('cjs')) continue
    const text = await readFile(core + file, 'utf8')
    for (const [, from] of text.matchAll(/^(?:import|export) .* from '(.*)'$/gm)) {
      assert.match(from, /^\.\.?\/.*\.js$/, `${file} imports ${from}`)
    }
    assert.doesNotMatch(text, /\bimport\(|\brequire\(|\bawait import/, file)
  }
})

test('it is usable as CommonJS', async (t) => {
  const dir = await scratch(t)
  await makeCommonJS(dir)
  const { Client, ChatError } = require(`${dir}/index.cjs`)
  const { Timeline } = require(`${dir}/timeline.cjs`)
  const { node } = require(`${dir}/node.cjs`)
  const chat = new Client({ url: 'ws://chat.test/chat', ...node(class {}) })
  assert.equal(chat.state, 'offline')
  assert.ok(new ChatError({ code: 'x' }) instanceof Error)
  assert.equal(typeof Timeline, 'function')
  for (const name of ['browser', 'wechat', 'uniapp', 'taro']) {
    assert.equal(typeof require(`${dir}/${name}.cjs`)[name], 'function')
  }
})

const sample = `
import { Client, ChatError, type Room } from '../index.js'
import { Timeline, type Item } from '../timeline.js'
import { browser } from '../browser.js'
import { node } from '../node.js'
import { wechat } from '../wechat.js'
import { uniapp } from '../uniapp.js'
import { taro } from '../taro.js'

const chat = new Client({ url: 'wss://chat.example.com/chat', name: 'Li', token: async (why) => why, ...browser() })
const others: Client[] = [wechat(), uniapp(), taro({}), node()].map((platform) => new Client({ url: '', ...platform }))
const stop: () => void = chat.on('message', ({ room, seq, from, body }) => console.log(room, seq + 1, from.name, body))
chat.on('state', ({ state, retry }) => console.log(state === 'closed', retry === false))
chat.on('error', (err: ChatError) => console.log(err.code))
const timeline = new Timeline(chat, 'tea', (index, removed, added: readonly Item[]) => console.log(index + removed, added.length))
export async function main() {
  const room: Room = await chat.join('tea', { epoch: 'k3', after: 41 })
  const { seq } = await chat.send(room.room, { text: 'hi' }, { key: 'k' })
  const page = await chat.history('tea', { before: seq, limit: 50 })
  for (const entry of page.entries) if (entry.type === 'recalled') console.log(entry.target)
  await timeline.older()
  // @ts-expect-error a room is not a number
  await chat.join(7)
  // @ts-expect-error there is no such event
  chat.on('massage', () => {})
  // @ts-expect-error what is sent is JSON
  await chat.send('tea', () => {})
  stop()
  return others
}
`

test('its types say what it does', async (t) => {
  const dir = await scratch(t)
  await writeFile(`${dir}/sample.ts`, sample)
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc')
  const args = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom', '--types', '', `${dir}/sample.ts`]
  const { stdout } = await run(process.execPath, [tsc, ...args]).catch((err) => assert.fail(err.stdout || err.message))
  assert.equal(stdout, '')
})

test('every method of the types is there', async () => {
  for (const [file, name] of [['index', 'Client'], ['timeline', 'Timeline']]) {
    const types = await readFile(`${core}${file}.d.ts`, 'utf8')
    const { [name]: made } = await import(`../${file}.js`)
    const [, body] = types.split(`export class ${name} {`)
    const methods = [...body.split('\n}')[0].matchAll(/^ {2}(\w+)[(<]/gm)].map(([, method]) => method)
    assert.ok(methods.length > 3)
    for (const method of methods) assert.ok(method in made.prototype, `${name}.${method}`)
  }
})
