// Builds the generated files:
//
//	node build.js        core/commonjs, the CommonJS files of the package; npm pack runs it
//	node build.js page   caddymodule/ui, the built-in page, and miniprogram/lib, the client
//	                     of the mini program
//
// The files of `page` are kept in the repository, so that the server needs only Go to
// build, and the mini program no npm.
import { build } from 'esbuild'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export const core = fileURLToPath(new URL('core', import.meta.url))

// makeCommonJS writes one self-contained file for each entry point of the package,
// and its types: for require(), and for "Build npm" of the devtools.
export async function makeCommonJS(outdir = `${core}/commonjs`) {
  const { exports } = JSON.parse(await readFile(`${core}/package.json`, 'utf8'))
  const modules = Object.values(exports).map((conditions) => conditions.import.default)
  await build({ absWorkingDir: core, entryPoints: modules, outdir, bundle: true, format: 'cjs', target: 'es2018' })
  for (const file of modules) {
    const types = file.replace(/js$/, 'd.ts')
    await cp(`${core}/${types}`, `${outdir}/${types}`)
  }
  await writeFile(`${outdir}/package.json`, '{ "type": "commonjs" }\n')
}

const web = fileURLToPath(new URL('web/', import.meta.url))

// makePage writes the built-in page.
export async function makePage(outdir = fileURLToPath(new URL('../caddymodule/ui', import.meta.url))) {
  await mkdir(outdir, { recursive: true })
  for (const file of ['page.html', 'page.css']) await cp(web + file, `${outdir}/${file}`)
  await build({
    entryPoints: [`${web}element.js`],
    outfile: `${outdir}/chat.js`,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
  })
}

// makeLibrary writes the client for the mini program, in one file.
export async function makeLibrary(outfile = fileURLToPath(new URL('miniprogram/lib/chat.js', import.meta.url))) {
  await build({
    stdin: {
      contents: `export { Client, ChatError } from './index.js'; export { Timeline } from './timeline.js'; export { wechat } from './wechat.js'`,
      resolveDir: core,
    },
    outfile,
    bundle: true,
    format: 'cjs',
    target: 'es2018', // the devtools accept newer syntax, old phones don't
    charset: 'utf8',
    banner: { js: '// Generated from clients/core by `make page`.' },
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'page') await Promise.all([makePage(), makeLibrary()])
  else await makeCommonJS()
}
