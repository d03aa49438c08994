// Makes what is not written by hand:
//
//	node build.js cjs    the CommonJS files of the package, core/cjs, before it is packed
//	node build.js page   the built-in page, caddymodule/ui, which is kept with the source
//	                     so that nobody who builds the server needs more than Go
import { build } from 'esbuild'
import { cp, mkdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export const core = fileURLToPath(new URL('core/', import.meta.url))

export async function makeCommonJS(outdir = `${core}cjs`) {
  const { exports } = JSON.parse(await readFile(`${core}package.json`, 'utf8'))
  await build({
    entryPoints: Object.values(exports).map(({ default: file }) => core + file),
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    target: 'es2020',
  })
}

const web = fileURLToPath(new URL('web/', import.meta.url))

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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'page') await makePage()
  else await makeCommonJS()
}
