// The snippets of all documents, and the examples of React and Vue: tsc --strict takes
// each as it stands, and those that only need a server do what they say.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { compileScript, parse } from 'vue/compiler-sfc'
import { Server } from './server.js'

const run = promisify(execFile)
const clients = fileURLToPath(new URL('..', import.meta.url))
const repository = path.join(clients, '..')

// What a snippet may use without saying where it comes from, because the text before
// it does.
const given = {
  chat: "declare const chat: import('caddy-chat-client').Client",
  App: 'declare function App(options: object): void', // WeChat's
  draw: 'declare function draw(index: number, removed: number, added: readonly object[]): void',
}

let dir // within clients, so that the packages are found
before(async () => {
  dir = await mkdtemp(path.join(clients, '.snippets-'))
})
after(() => rm(dir, { recursive: true, force: true }))

async function documents(folder = repository) {
  const found = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name)
    if (entry.isDirectory() && !/^(node_modules|\..*|dist|build)$/.test(entry.name)) found.push(...await documents(at))
    else if (entry.name.endsWith('.md')) found.push(at)
  }
  return found
}

// snippets returns the code of a document: where it is, its language and its text.
function snippets(file, text) {
  const found = text.matchAll(/^```(jsx?|tsx?|javascript|typescript|vue)\n(.*?)^```$/gms)
  return [...found].map(({ index, 1: language, 2: code }) => {
    return { where: `${path.relative(repository, file)}:${text.slice(0, index).split('\n').length}`, language, code }
  })
}

// typescript returns the TypeScript of a snippet, with what it takes as given.
function typescript({ language, code }) {
  const script = language === 'vue' ? compileScript(parse(code).descriptor, { id: 'x' }).content : code
  const missing = Object.keys(given).filter((name) => new RegExp(`\\b${name}\\b`).test(script) &&
    !new RegExp(`\\b(const|let|function) (\\{[^}]*)?${name}\\b`).test(script))
  return `${missing.map((name) => given[name]).join('\n')}\n${script}\nexport {}\n`
}

async function all() {
  const texts = await Promise.all((await documents()).map(async (file) => snippets(file, await readFile(file, 'utf8'))))
  return texts.flat()
}

async function typecheck(list) {
  const names = new Map()
  for (const [i, snippet] of list.entries()) {
    const name = `s${i}.${/jsx|tsx/.test(snippet.language) ? 'tsx' : 'ts'}`
    names.set(name, snippet.where)
    await writeFile(path.join(dir, name), typescript(snippet))
  }
  const compilerOptions = { noEmit: true, strict: true, skipLibCheck: false, module: 'esnext', moduleResolution: 'bundler', target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'], jsx: 'react-jsx', types: ['node'], typeRoots: [path.join(clients, 'node_modules/@types')] }
  await writeFile(path.join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [...names.keys()] }))
  const tsc = path.join(clients, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [tsc, '-p', dir], { cwd: dir }).catch((err) => err)
  return stdout.replace(/\bs\d+\.tsx?\b/g, (name) => names.get(name))
}

test('tsc --strict takes every snippet of every document, and the examples', async () => {
  const list = await all()
  assert.ok(new Set(list.map(({ where }) => where.split(':')[0])).size >= 4, 'few documents have snippets')
  for (const file of ['react/example/main.tsx', 'vue/example/Chat.vue']) {
    list.push({ where: `clients/${file}`, language: file.split('.')[1], code: await readFile(path.join(clients, file), 'utf8') })
  }
  assert.equal(await typecheck(list), '')
})

test('a snippet with a mistake is found', async () => {
  const code = "import { Client } from 'caddy-chat-client'\nnew Client({ url: 'x' })\nchat.send('tea', 7)\n"
  const found = await typecheck([{ where: 'here', language: 'js', code }])
  assert.equal(found.match(/^here/gm).length, 2, found)
})

// compileVue is a plugin for esbuild.
const compileVue = {
  name: 'vue',
  setup: (plugins) => plugins.onLoad({ filter: /\.vue$/ }, async ({ path }) => {
    const { descriptor, errors } = parse(await readFile(path, 'utf8'))
    assert.deepEqual(errors, [])
    return { contents: compileScript(descriptor, { id: 'x', inlineTemplate: true }).content, loader: 'ts' }
  }),
}

const bundle = async (options) => {
  const { outputFiles } = await build({ absWorkingDir: clients, bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, ...options })
  return outputFiles[0].contents
}

for (const [name, example] of [['react', 'main.tsx'], ['vue', 'main.ts']]) {
  test(`the example of ${name} builds`, async () => {
    const code = await bundle({ entryPoints: [`${name}/example/${example}`], jsx: 'automatic', plugins: [compileVue],
      define: { 'process.env.NODE_ENV': '"production"', __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false',
        __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' } })
    assert.ok(Buffer.from(code).includes('wss://chat.example.com/chat'))
  })

  test(`caddy-chat-${name} has less than 1 KB beside the core, minified and gzipped`, async (t) => {
    const size = async (...exported) => gzipSync(await bundle({ external: [name],
      stdin: { resolveDir: clients, contents: exported.map((from) => `export * from '${from}'`).join('\n') } }), { level: 9 }).length
    const core = await size('caddy-chat-client', 'caddy-chat-client/browser', 'caddy-chat-client/timeline', 'caddy-chat-client/observe')
    const whole = await size(`caddy-chat-${name}`)
    const own = await size('caddy-chat-client', 'caddy-chat-client/browser', 'caddy-chat-client/timeline', 'caddy-chat-client/observe', `caddy-chat-${name}`) - core
    t.diagnostic(`${own} bytes; ${whole} with all that it needs but ${name}`)
    assert.ok(own < 1024, `${own} bytes`)
  })
}

// execute runs a snippet of the core's README against a server, in Node with the
// WebSocket of ws, and returns what it printed. more is run after it.
async function execute(t, part, more, env) {
  const server = new Server({ chat: 'auth guest' })
  t.after(() => server.remove())
  await server.start()
  const snippet = (await all()).find(({ where, code }) => where.startsWith('clients/core/README.md') && code.includes(part))
  const code = `import WebSocket from 'ws'\nglobalThis.WebSocket = WebSocket\nconst SERVER = '${server.ws}'\n${snippet.code.replaceAll('wss://chat.example.com/chat', server.ws)}\n${more}\n`
  const file = path.join(dir, `run-${part.replace(/\W/g, '')}.mjs`)
  await writeFile(file, code)
  const { stdout } = await run(process.execPath, [file], { cwd: dir, env: { ...process.env, ...env }, timeout: 30_000 })
  return stdout
}

test('the first snippet of the core prints what it says', async (t) => {
  assert.equal(await execute(t, "chat.send('lobby'", "chat.on('message', () => chat.close())"), 'lobby 1 Li hello\n')
})

test('the bot answers live messages only', async (t) => {
  const printed = await execute(t, '!time', `
const li = new Client({ url: SERVER, name: 'Li', ...node() })
await bot.join('lobby')
li.connect()
li.join('lobby')
li.on('message', ({ from, body }) => {
  if (from.id === li.user.id) return
  console.log(/^\\d{4}-/.test(body.text))
  li.close()
  bot.close()
})
li.send('lobby', { text: '!time' })`)
  assert.equal(printed, 'true\n')
})
