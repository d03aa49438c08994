// Does what "Build npm" of the devtools does with these packages: it copies the folder that
// a package names in the field miniprogram to miniprogram_npm.
import { cp, readFile, rm } from 'node:fs/promises'

const read = async (file) => JSON.parse(await readFile(new URL(file, import.meta.url), 'utf8'))
const at = (file) => new URL(file, import.meta.url)

await rm(at('miniprogram/miniprogram_npm'), { recursive: true, force: true })
for (const name of Object.keys((await read('package.json')).dependencies)) {
  const { version, miniprogram } = await read(`node_modules/${name}/package.json`)
  await cp(at(`node_modules/${name}/${miniprogram}`), at(`miniprogram/miniprogram_npm/${name}`), { recursive: true })
  console.log(`miniprogram_npm/${name} ${version}`)
}
