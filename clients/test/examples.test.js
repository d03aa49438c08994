// The examples on the core: their types, what their packages are, and what they call people and rooms.
// `make examples` builds them with their own tools, which make test does not install.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { compileScript, parse } from 'vue/compiler-sfc'

const run = promisify(execFile)
const clients = fileURLToPath(new URL('..', import.meta.url))
const sources = { tdesign: 'miniprogram', uniapp: 'src', taro: 'src' }
const compilerOptions = {
  noEmit: true, strict: true, skipLibCheck: true, module: 'esnext', moduleResolution: 'bundler', target: 'es2018', lib: ['es2020', 'dom'],
  jsx: 'react-jsx', types: [], noUncheckedSideEffectImports: false,
}
// JavaScript names no types, so those of its own functions are any; what they get from the core is not.
const plain = { allowJs: true, checkJs: true, noImplicitAny: false, useUnknownInCatchVariables: false }

let dir // within clients, so that the packages are found
before(async () => {
  dir = await mkdtemp(path.join(clients, '.snippets-'))
})
after(() => rm(dir, { recursive: true, force: true }))

// typecheck returns what tsc has to say about an example as it is, and about one with a mistake
// in a file.
async function typecheck(name, mistaken) {
  const at = await mkdtemp(path.join(dir, `${name}-`))
  for (const folder of ['given', 'wrong']) {
    await cp(path.join(clients, 'examples', name, sources[name]), path.join(at, folder), { recursive: true, filter: (file) => !file.includes('miniprogram_npm') })
    for (const entry of await readdir(path.join(at, folder), { recursive: true, withFileTypes: true })) {
      if (!/\.(js|tsx?|vue)$/.test(entry.name)) continue
      const file = path.join(entry.parentPath, entry.name)
      let text = await readFile(file, 'utf8')
      if (folder === 'wrong' && entry.name === mistaken) text = text.replace(/(\bsend\(.*)\{ text\b.*\}\)/, "$1{ txet: '' })")
      if (entry.name.endsWith('.vue')) await writeFile(`${file}.ts`, compileScript(parse(text).descriptor, { id: 'x' }).content)
      else await writeFile(file, text)
    }
  }
  await cp(path.join(clients, 'test/examples.d.ts'), path.join(at, 'examples.d.ts'))
  await writeFile(path.join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...compilerOptions, ...(name === 'tdesign' && plain) } }))
  const { stdout } = await run(process.execPath, [path.join(clients, 'node_modules/typescript/bin/tsc'), '-p', at], { cwd: at }).catch((err) => err)
  return ['given', 'wrong'].map((folder) => stdout.split('\n').filter((line) => line.startsWith(`${folder}/`)).join('\n'))
}

for (const [name, file] of [['tdesign', 'room.js'], ['uniapp', 'conversation.vue'], ['taro', 'index.tsx']]) {
  test(`tsc --strict takes the example ${name}, and finds a mistake in it`, async () => {
    const [given, wrong] = await typecheck(name, file)
    assert.equal(given, '')
    assert.match(wrong, /txet/)
  })

  test(`the packages of the example ${name} have exact versions, and its lock file names no registry`, async () => {
    const read = async (name, file) => JSON.parse(await readFile(path.join(clients, 'examples', name, file), 'utf8'))
    const { dependencies, devDependencies } = await read(name, 'package.json')
    for (const version of Object.values({ ...dependencies, ...devDependencies })) assert.match(version, /^(\d+\.\d+\.\d+(-\d+)?|file:\.\.\/\.\.\/\w+)$/)
    const { packages } = await read(name, 'package-lock.json')
    assert.deepEqual([packages[''].dependencies, packages[''].devDependencies], [dependencies, devDependencies])
    for (const { resolved = 'file:', link } of Object.values(packages)) assert.ok(resolved.startsWith('file:') && !link, resolved)
  })
}

for (const [name, file] of [['tdesign', 'miniprogram/words.js'], ['uniapp', 'src/words.ts'], ['taro', 'src/words.ts']]) {
  test(`the example ${name} calls people and rooms as the page does, and has its texts in both languages`, async () => {
    const { outputFiles: [{ text }] } = await build({ entryPoints: [path.join(clients, 'examples', name, file)], bundle: true, write: false, format: 'cjs', external: ['@tarojs/taro'], logLevel: 'silent' })
    const load = (language) => {
      const module = { exports: {} }
      const host = { getAppBaseInfo: () => ({ language }), getLocale: () => language }
      new Function('module', 'exports', 'require', 'wx', 'uni', text)(module, module.exports, () => host, host, host)
      return module.exports
    }
    const [en, zh] = ['en', 'zh_CN'].map(load)
    assert.deepEqual(load('fr').words, en.words)
    assert.deepEqual(Object.keys(zh.words), Object.keys(en.words))
    for (const key of Object.keys(en.words)) assert.ok(!en.words[key] === !zh.words[key] && (zh.words[key] !== en.words[key] || key === 'suspended'), key)
    for (const [{ nameOf, titleOf }, guest, group] of [[en, 'Guest ab12', 'Group'], [zh, '访客 ab12', '群聊']]) {
      const nobody = { id: 'guest-k3jd92ab12', name: '', guest: true }
      assert.deepEqual([nameOf({ id: 'li', name: 'Li' }), nameOf({ id: 'li', name: '' }), nameOf(nobody)], ['Li', 'li', guest])
      assert.deepEqual([titleOf('lobby'), titleOf('lobby', { members: 2 }), titleOf('g-x', { title: 'Hike', size: 3 }), titleOf('g-x', { size: 3 }), titleOf('d-x', { with: nobody, size: 2 })], ['lobby', 'lobby', 'Hike', group, guest])
    }
  })
}
