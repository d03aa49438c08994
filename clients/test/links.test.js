// Which addresses in a text become links: by linkify.js as it is, and as the page has it.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { build } from 'esbuild'
import { P as theirs } from 'uc.micro'
import { smallLinkify } from '../build.js'
import { P as ours } from '../web/characters.js'
import { parts } from '../web/linkify.js'

const entryPoint = new URL('../web/linkify.js', import.meta.url).pathname
const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-links-'))
after(() => rm(dir, { recursive: true }))
await build({ entryPoints: [entryPoint], outfile: `${dir}/linkify.mjs`, bundle: true, minify: true, format: 'esm', charset: 'utf8', plugins: [smallLinkify] })
const onThePage = await import(`${dir}/linkify.mjs`)

for (const [text, ...wanted] of [
  ['see https://a.example/x?y=z.', 'https://a.example/x?y=z'],
  ['HTTP://UP.example:8080/x!', 'HTTP://UP.example:8080/x'],
  ['www.b.com, and b.org/c', 'www.b.com → http://www.b.com', 'b.org/c → http://b.org/c'],
  ['shop.example.co.uk:8080/a?b#c;', 'shop.example.co.uk:8080/a?b#c → http://shop.example.co.uk:8080/a?b#c'],
  ['请看https://例子.cn/路径，或www.b.com吧', 'https://例子.cn/路径', 'www.b.com → http://www.b.com'],
  ['邮箱是c@d.cn吧，b.com也行', 'c@d.cn → mailto:c@d.cn', 'b.com → http://b.com'],
  ['مرحبا https://ar.example/ب.', 'https://ar.example/ب'],
  ['(https://x.org/a_(b)) [https://x.org/c]', 'https://x.org/a_(b)', 'https://x.org/c'],
  ['“https://q.com”, <https://r.com>', 'https://q.com', 'https://r.com'],
  ['http://localhost:80/x http://127.0.0.1/y http://[::1]:8080/z', 'http://localhost:80/x', 'http://127.0.0.1/y', 'http://[::1]:8080/z'],
  ['c.d+e@f.example', 'c.d+e@f.example → mailto:c.d+e@f.example'],
  ['<c@f.example>, mailto:g@h.example!', 'c@f.example → mailto:c@f.example', 'mailto:g@h.example'],
  ['javascript:alert(1) data:text/html,g ftp://e.com/f file:///etc //x.com'],
  ['JavaScript://x.com/%0aalert(1) vbscript:x blob:https x.mailto:'],
  ['1.2.3 10.0.0.1 main.go e.g. user@host http:// https:///x v1.2.io-x'],
  ['https://[ https:// '],
]) {
  test(`links in: ${text}`, () => {
    for (const [which, find] of Object.entries({ 'as it is': parts, 'as the page has it': onThePage.parts })) {
      const found = find(text)
      const links = found.filter((part) => part.href).map(({ text: shown, href }) => (href === shown ? href : `${shown} → ${href}`))
      assert.deepEqual(links, wanted, which)
      assert.equal(found.map((part) => part.text ?? part).join(''), text, which)
    }
  })
}

test('a text that is made to be slow is not', () => {
  const begun = performance.now()
  for (const part of ['a-', 'a.', 'www.', 'a@', 'https://', 'a.b-', ')', '@a.', '(', '((a', '[{(', '"', "'", 'a.com/(a', 'http://a/[', 'http://a.', ' xn--a.', '吧@', '。b', ' http://[1:', '\ud800', '.a@b.c']) {
    for (const before of ['', 'http://x', 'http://x/']) onThePage.parts((before + part.repeat(65_536)).slice(0, 65_536))
  }
  assert.ok(performance.now() - begun < 5000)
})

test('in a text longer than a message may be, no links are looked for', () => {
  const text = 'https://a.example '.repeat(4000)
  assert.deepEqual(parts(text), [text])
})

test('what is punctuation to us is punctuation to linkify-it', () => {
  const [a, b] = [ours, theirs].map(({ source }) => new RegExp(`^(?:${source})$`))
  let known = 0
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code)
    if (/\p{Cn}/u.test(character)) continue // it came after the Unicode of one of them
    known += b.test(character)
    assert.equal(a.test(character), b.test(character), `U+${code.toString(16)}`)
  }
  assert.ok(known > 700)
})
