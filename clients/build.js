// Builds the generated files:
//
//	node build.js        core/commonjs, the CommonJS files of the package
//	node build.js page   these, caddymodule/ui, the built-in page, and
//	                     miniprogram/caddy-chat/lib, what the component of mini programs has of
//	                     the client and of the page
//
// caddymodule/ui has page.html and the loader chat.js as they are. All other files have a
// hash of their content in their name, so that browsers keep them for good, and are there
// compressed only, by Brotli and by gzip.
//
// All of them are kept in the repository, so that the server needs only Go to build, the
// mini program no npm, and npm pack no build.
import { build, transform } from 'esbuild'
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { wxss } from './wxss.js'

export const core = fileURLToPath(new URL('core', import.meta.url))

// makeCommonJS writes one self-contained file for each entry point of the package,
// and its types: for require(), and for "Build npm" of the devtools.
export async function makeCommonJS(outdir = `${core}/commonjs`) {
  const { exports } = JSON.parse(await readFile(`${core}/package.json`, 'utf8'))
  const modules = Object.values(exports).map((conditions) => conditions.import.default)
  await build({ absWorkingDir: core, entryPoints: modules, outdir, bundle: true, format: 'cjs', target: 'es2018', charset: 'utf8' })
  for (const file of modules) {
    const types = file.replace(/js$/, 'd.ts')
    await cp(`${core}/${types}`, `${outdir}/${types}`)
  }
  await writeFile(`${outdir}/package.json`, '{ "type": "commonjs" }\n')
}

const web = fileURLToPath(new URL('web/', import.meta.url))
const modules = fileURLToPath(new URL('node_modules/', import.meta.url))

// makePage writes the built-in page. It returns the names of the scripts that a visitor
// loads at once, and those of all files.
export async function makePage(outdir = fileURLToPath(new URL('../caddymodule/ui', import.meta.url))) {
  await mkdir(outdir, { recursive: true })
  for (const name of await readdir(outdir)) await rm(path.join(outdir, name))
  const files = new Map()
  const emoji = {}
  for (const language of ['en', 'zh']) {
    const content = await readFile(`${modules}emoji-picker-element-data/${language}/cldr/data.json`)
    emoji[language] = hashed(`emoji-${language}.json`, content)
    files.set(emoji[language], content)
  }
  const { outputFiles, metafile } = await build({
    absWorkingDir: fileURLToPath(new URL('.', import.meta.url)), // the hashes in names depend on it
    entryPoints: [{ in: `${web}element.js`, out: 'chat' }],
    outdir,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    define: { __EMOJI__: JSON.stringify(JSON.stringify(emoji)) }, // an object would be a file of its own
    plugins: [styleText, firstWords, tightCode, strictPicker, smallLinkify],
    metafile: true,
    write: false,
  })
  for (const file of outputFiles) files.set(path.basename(file.path), file.contents)
  const css = await readFile(`${web}page.css`)
  const style = hashed('page.css', css)
  files.set(style, css)
  for (const [name, content] of files) await writeCompressed(path.join(outdir, name), content)

  const scripts = startScripts(metafile)
  await writeFile(`${outdir}/chat.js`, scripts.map((name) => `import'./${name}';`).join('') + '\n')
  const page = await readFile(`${web}page.html`, 'utf8')
  const links = [`<link rel="stylesheet" href="{{assets}}/${style}">`, ...scripts.map((name) => `<link rel="modulepreload" href="{{assets}}/${name}">`)]
  await writeFile(`${outdir}/page.html`, page.replace('<!-- links -->', links.join('\n')))
  return { scripts, files: [...files.keys()] }
}

// styleText imports a style sheet as a text without white space.
const styleText = {
  name: 'style as text',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path: file }) => {
      const { code } = await transform(await readFile(file, 'utf8'), { loader: 'css', minify: true })
      return { contents: code, loader: 'text' }
    })
  },
}

// firstWords imports a file of texts, with ?first, without those that can come later.
const firstWords = {
  name: 'first words',
  setup({ onLoad }) {
    onLoad({ filter: /words.\w+\.json$/ }, async ({ path: file, suffix }) => {
      const { later, ...first } = JSON.parse(await readFile(file, 'utf8'))
      return { contents: JSON.stringify(suffix === '?first' ? first : later), loader: 'json' }
    })
  },
}

// tightCode makes the templates of our files as short as esbuild makes the code around
// them: to a browser a line break and what follows it are one space. esbuild leaves no
// other line breaks.
//
// It also has the parts that are loaded later import the parts that are there before
// them: what parts share would otherwise be cut into files of its own, which compress worse.
const tightCode = {
  name: 'tight code',
  setup({ onLoad }) {
    const before = { more: ['element'], linkify: ['element'], emoji: ['element'], conversations: ['element', 'more'] }
    onLoad({ filter: /clients.web.[\w-]+\.js$/ }, async ({ path: file }) => {
      const { code } = await transform(await readFile(file, 'utf8'), { minifyWhitespace: true, charset: 'utf8' })
      const imports = before[path.basename(file, '.js')]?.map((name) => `import './${name}.js';`) ?? []
      return { contents: imports.join('') + code.replace(/\n\s*/g, ' '), loader: 'js' }
    })
  },
}

// strictPicker changes the emoji picker so that a Content-Security-Policy without
// unsafe-inline does not take its styles away: scripts may set styles, markup may not.
const strictPicker = {
  name: 'strict emoji picker',
  setup({ onLoad }) {
    onLoad({ filter: /emoji-picker-element.picker\.js$/ }, async ({ path: file }) => {
      let contents = await readFile(file, 'utf8')
      const change = (from, to) => {
        if (contents.split(from).length !== 2) throw new Error(`${file} has changed: ${from}`)
        contents = contents.replace(from, () => to)
      }
      change(`const style = document.createElement('style');`, `const style = new CSSStyleSheet();`)
      change(`style.textContent = baseStyles + EXTRA_STYLES;`, `style.replaceSync(baseStyles + EXTRA_STYLES);`)
      change(`this.shadowRoot.appendChild(style);`, `this.shadowRoot.adoptedStyleSheets = [style];`)
      change(`targetNode.setAttribute(attributeName, newValue);`, `if (attributeName === 'style') targetNode.style.cssText = newValue; else targetNode.setAttribute(attributeName, newValue);`)
      return { contents, loader: 'js' }
    })
  },
}

// smallLinkify makes linkify-it half as large. It takes out what linkify.js replaces, and what
// nobody calls, gives the rest shorter names, and has the browser know which characters are
// punctuation.
export const smallLinkify = {
  name: 'small linkify-it',
  setup({ onLoad, onResolve }) {
    const replaced = ['get_schema_search', 'get_fuzzy_link_search', 'get_fuzzy_mail_host_search', 'get_mail_name_validator']
    const called = ['get_port', 'get_path', 'get_mail_name']
    const unused = 'add test tlds matchAtStart get_auth get_domain_root get_fuzzy_mail_host get_fuzzy_url_host_port get_relative_proto_validator get_schema_at_start get_schema_names get_tld'.split(' ')
    onResolve({ filter: /^uc\.micro$/ }, ({ importer }) => (importer.includes('linkify-it') ? { path: `${web}characters.js` } : undefined))
    onLoad({ filter: /linkify-it.build.index\.mjs$/ }, async ({ path: file }) => {
      let contents = await readFile(file, 'utf8')
      const methods = [...replaced, ...unused].map((name) => new RegExp(`^\t${name}\\(.*\\) \\{$[^]*?^\t\\}$`, 'm'))
      const others = [/^\ttlds: unpackTlds\(\),$/m, /^\tset\(options = .*$[^]*?^\t\}$/m, /^\t"ftp:": web_schema,$/m, /^\t"\/\/": \{$[^]*?^\t\},$/m]
      for (const part of [...others, ...methods]) {
        if (!part.test(contents)) throw new Error(`${file} has changed: ${part}`)
        contents = contents.replace(part, '')
      }
      const { code } = await transform(contents, { mangleProps: /_/, reserveProps: new RegExp(`^(${[...replaced, ...called].join('|')})$`) })
      return { contents: code }
    })
  },
}

// startScripts returns the names of the entry point and of all that it imports: the loader
// names them all, so that a browser asks for them at the same time.
function startScripts({ outputs }) {
  const [entry] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint?.endsWith('element.js'))
  const found = new Set([entry])
  for (const name of found) {
    for (const { path: imported, kind } of outputs[name].imports) if (kind === 'import-statement') found.add(imported)
  }
  return [...found].map((name) => path.basename(name))
}

function hashed(name, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8).toUpperCase()
  return name.replace(/(\.\w+)$/, `-${hash}$1`)
}

async function writeCompressed(file, content) {
  await writeFile(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }))
  await writeFile(`${file}.gz`, gzipSync(content, { level: 9 }))
}

// makeLibrary writes what the component of mini programs has of the client and of the page,
// so that both say and draw the same.
export async function makeLibrary(outdir = fileURLToPath(new URL('miniprogram/caddy-chat/lib', import.meta.url))) {
  await mkdir(outdir, { recursive: true })
  const tables = await Promise.all(['en', 'zh'].map(async (language) => `exports.${language} = ${JSON.stringify(JSON.parse(await readFile(`${web}words/${language}.json`, 'utf8')), null, 1)}\n`))
  await Promise.all([
    makeFile(core, 'core', `${outdir}/chat.js`, `export { Client, ChatError } from './index.js'; export { Timeline } from './timeline.js'; export { list } from './list.js'; export { wechat } from './wechat.js'`),
    makeFile(web, 'web', `${outdir}/text.js`, `
      export { sameDay, untilMidnight } from './dates.js'; export { timeToEdit } from './drafts.js'; export { groups } from './groups.js'
      export { entryText } from './conversation-entry.js'; export { matches, mentionsIn, peopleOf } from './known.js'; export { previewOf } from './preview.js'
      export { RoomState } from './room-state.js'; export { isSaid, targetsOf } from './targets.js'; export { Texts } from './texts.js'
      export { bigEmoji, faceOf, hue, initials, mayHaveLinks, nameOf, pictureOf, textOf, titleOf } from './text.js'`, [clientBeside]),
    makeFile(web, 'web', `${outdir}/linkify.js`, `export { parts } from './linkify.js'`, [smallLinkify], 'It has linkify-it: see licenses.txt.'),
    writeFile(`${outdir}/words.js`, `// Generated from clients/web/words by \`make page\`.\n${tables.join('')}`),
    writeFile(`${outdir}/colours.wxss`, wxss()),
    makeEmoji(`${outdir}/emoji.js`),
    Promise.all(['linkify-it', 'uc.micro'].map(async (name) => `${name}\n\n${await readLicense(name)}`)).then((texts) => writeFile(`${outdir}/licenses.txt`, [...texts, emojiLicense].join('\n'))),
  ])
}

// makeEmoji writes the emoji of the picker, in groups: without the parts of others (group 2)
// and without flags (group 9), since not all phones show each of them, and without those that
// phones of 2020 do not have. Skin tones stay those of the phone.
async function makeEmoji(outfile) {
  const groups = new Map()
  for (const { emoji, group, version } of JSON.parse(await readFile(`${modules}emoji-picker-element-data/en/cldr/data.json`))) {
    if (group === 2 || group === 9 || version > 13) continue
    groups.set(group, [...(groups.get(group) ?? []), emoji])
  }
  const lines = [...groups.values()].map((all) => `  '${all.join(' ')}',\n`)
  await writeFile(outfile, `// Generated from emoji-picker-element-data by \`make page\`.\nexports.groups = [\n${lines.join('')}]\n`)
}

// The text of the license is that of our own.
const emojiLicense = 'emoji-picker-element-data\n\nCopyright Nolan Lawson\nApache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0\n'

async function readLicense(name) {
  const files = await readdir(`${modules}${name}`)
  return readFile(`${modules}${name}/${files.find((file) => /^licen[cs]e/i.test(file))}`, 'utf8')
}

// clientBeside has a file take the client's Timeline from the file beside it.
const clientBeside = {
  name: 'the client beside it',
  setup({ onResolve }) {
    onResolve({ filter: /core\/timeline\.js$/ }, () => ({ path: './chat', external: true }))
  },
}

// Newer syntax would stop the whole mini program on an old phone: WeChat runs all its files
// as one. iOS before 16.4 does not know all expressions of 2018 either: those are then made
// when they are used, and fail alone.
async function makeFile(resolveDir, folder, outfile, contents, plugins = [], others = '') {
  await build({
    stdin: { contents, resolveDir },
    outfile,
    bundle: true,
    format: 'cjs',
    target: 'es2018',
    supported: { 'regexp-lookbehind-assertions': false },
    define: { 'Intl.PluralRules': 'PluralRules' }, // not all phones have Intl in mini programs
    footer: { js: contents.includes('texts.js') ? `class PluralRules {\n  select(n) {\n    return n === 1 ? 'one' : 'other'\n  }\n}` : '' },
    charset: 'utf8',
    plugins,
    minifyWhitespace: others !== '', // without the comments of others
    banner: { js: `// Generated from clients/${folder} by \`make page\`. ${others}`.trim() },
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'page') await Promise.all([makePage(), makeLibrary(), makeCommonJS()])
  else await makeCommonJS()
}
