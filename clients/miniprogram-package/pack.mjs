// Makes the npm package of the components for mini programs:
//
//	node miniprogram-package/pack.mjs <folder>
//
// writes it into the folder, for npm pack or npm publish. The devtools copy the folder that
// its field miniprogram names, and nothing else, into the mini program.
import { cp, mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (file) => fileURLToPath(new URL(file, import.meta.url))
const source = here('../miniprogram/caddy-chat')

export async function makePackage(folder) {
  const inside = path.join(folder, 'miniprogram_dist')
  await mkdir(inside, { recursive: true })
  await cp(here('package.json'), path.join(folder, 'package.json'))
  await cp(here('../../LICENSE'), path.join(folder, 'LICENSE'))
  for (const name of await readdir(source)) {
    await cp(path.join(source, name), path.join(name.endsWith('.md') ? folder : inside, name), { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makePackage(process.argv[2])
