// Makes the CommonJS files of the package, cjs/*.cjs, out of its ES modules.
import { build } from 'esbuild'
import { readFile } from 'node:fs/promises'
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

if (process.argv[1] === fileURLToPath(import.meta.url)) await makeCommonJS()
