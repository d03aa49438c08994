// docs/quickstart-miniprogram.md in both languages, followed as it says up to the step that
// needs WeChat's devtools, and from there on the phone of the tests. See ../quickstart.js.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { languages, take } from '../quickstart.js'
import { comparable, difference } from './looks.js'

const kept = fileURLToPath(new URL('../../docs/steps', import.meta.url))

test('the quick start for mini programs leads to a chat, and its pictures show each step', async (t) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-pictures-'))
  t.after(() => rm(dir, { recursive: true }))
  const names = await take(dir)
  assert.deepEqual((await readdir(kept)).filter((name) => name.endsWith('.png')).sort(), names.toSorted(), 'run make screenshots')
  const strictly = await comparable(dir, kept)
  if (!strictly) t.diagnostic('The kept pictures were drawn by another Chromium or with other fonts: sizes were checked, pixels were not.')
  for (const name of names) {
    const different = await difference(path.join(dir, name), path.join(kept, name), strictly)
    assert.equal(different, '', `${name}: ${different}: run make screenshots and look at it`)
  }
  for (const [language, { folder }] of Object.entries(languages)) {
    const text = await readFile(new URL(`../../${folder}/quickstart-miniprogram.md`, import.meta.url), 'utf8')
    for (const name of names.filter((name) => name.endsWith(`-${language}.png`))) assert.ok(text.includes(`/steps/${name}"`) || text.includes(`"steps/${name}"`), `${folder} does not show ${name}`)
  }
})
