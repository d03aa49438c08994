// The structure of the source files: the direction of their imports, and their
// size.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hues } from '../web/colours.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = ['miniprogram/caddy-chat/lib/', 'core/commonjs/'] // folders end in a slash
const maxLines = 500

// The folders, each with the file whose head lists the folder's files, lowest first.
// A file may import files above it in its list, and the files of folders in uses.
const folders = [
  { folder: 'core', list: 'core/index.js', uses: [] },
  { folder: 'web', list: 'web/element.js', uses: ['core'] },
  { folder: 'miniprogram/caddy-chat', list: 'miniprogram/caddy-chat/index.js', uses: [] },
  { folder: 'miniprogram', list: 'miniprogram/app.js', uses: ['miniprogram/caddy-chat'] },
]

const read = (file) => readFile(path.join(root, file), 'utf8')
const isGenerated = (file) => generated.some((name) => file.startsWith(name))

async function scripts(folder = '') {
  const files = await readdir(path.join(root, folder), { recursive: true })
  return files.map((file) => path.join(folder, file)).filter((file) => file.endsWith('.js') && !/\b(node_modules|miniprogram_npm|dist)\b/.test(file))
}

// listed returns the files in the comment list at the head of a file.
function listed(text) {
  return [...text.split(/^(?!\/\/)/m)[0].matchAll(/^\/\/\t(\S+\.js)\b/gm)].map(([, file]) => file)
}

// imports returns the files that a file imports or requires. Names without a dot are
// packages and globals of the platform.
function imports(file, text) {
  const found = text.matchAll(/^(?:import|export)\b[^'()=;]*'(\.[^']+)'|\b(?:require|import)\('(\.[^']+)'\)/gm)
  return [...found].filter(([line]) => !/\.(css|json)(\?first)?'/.test(line)).map(([, from = '', to = from]) => path.join(path.dirname(file), to.replace(/(\.js)?$/, '.js')))
}

// violations returns the imports that go up or leave the allowed folders. order maps
// each file of a folder to its index in the list.
function violations({ folder, uses }, order, sources) {
  const wrong = []
  for (const [file, text] of sources) {
    for (const to of imports(file, text)) {
      const below = order.has(to) ? order.get(to) < order.get(file) : uses.some((used) => to.startsWith(`${used}/`))
      if (!below) wrong.push(`${file} imports ${to}`)
    }
  }
  return wrong
}

for (const entry of folders) {
  test(`imports in ${entry.folder} go in one direction, down the list in ${entry.list}`, async () => {
    const list = listed(await read(entry.list)).map((file) => `${entry.folder}/${file}`)
    const inside = folders.map(({ folder }) => folder).filter((folder) => folder.startsWith(`${entry.folder}/`))
    const own = (file) => !inside.some((folder) => file.startsWith(`${folder}/`))
    const files = (await scripts(entry.folder)).filter((file) => own(file) && (file.startsWith('miniprogram/caddy-chat/lib/') || (!isGenerated(file) && !file.includes('/test/'))))
    assert.deepEqual([...list].sort(), files.sort(), `${entry.list} does not list the files of its folder`)
    const sources = await Promise.all(list.map(async (file) => [file, await read(file)]))
    const order = new Map(list.map((file, i) => [file, i]))
    assert.ok(sources.some(([file, text]) => imports(file, text).length > 0), 'no imports found')
    assert.deepEqual(violations(entry, order, sources), [])
  })
}

test('an import that goes up, and with it every circle, is found', () => {
  const order = new Map([['web/a.js', 0], ['web/b.js', 1]])
  const found = (a, b) => violations({ folder: 'web', uses: ['core'] }, order, [['web/a.js', a], ['web/b.js', b]])
  assert.deepEqual(found("import { x } from '../core/x.js'\n", "import { a } from './a.js'\nconst c = require('./a')\n"), [])
  assert.deepEqual(found("import {\n  b,\n} from './b.js'\n", "import './a.js'\n"), ['web/a.js imports web/b.js'])
  assert.deepEqual(found('', "export { c } from './c.js'\nrequire('../test/d')\n"), ['web/b.js imports web/c.js', 'web/b.js imports test/d.js'])
})

test(`no JavaScript file has more than ${maxLines} lines`, async () => {
  const files = (await scripts()).filter((file) => !isGenerated(file))
  assert.ok(files.length > 50)
  const long = await Promise.all(files.map(async (file) => [file, (await read(file)).split('\n').length - 1]))
  assert.deepEqual(long.filter(([, lines]) => lines > maxLines), [])
})

test("the initials of the mini program have the colours of the page's", async () => {
  const style = await read('miniprogram/caddy-chat/lib/colours.wxss')
  assert.deepEqual([...style.matchAll(/^\.hue(\d) { background: (.*); }$/gm)].map(([, i, hue]) => [Number(i), hue]), hues.map((hue, i) => [i, hue]))
})

test("the page around the element has the element's background", async () => {
  const [, light, dark] = /paper: \['(.*)', '(.*)'\]/.exec(await read('web/colours.js'))
  assert.match(await read('web/page.css'), new RegExp(`background: light-dark\\(${light}, ${dark}\\);`))
})
