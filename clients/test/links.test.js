// Which addresses in a text become links.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parts } from '../web/links.js'

const links = (text) => parts(text).filter((part) => part.href).map(({ text: shown, href }) => (href === shown ? href : `${shown} → ${href}`))

for (const [text, ...wanted] of [
  ['see https://a.example/x?y=z.', 'https://a.example/x?y=z'],
  ['HTTP://UP.example:8080/x!', 'HTTP://UP.example:8080/x'],
  ['www.b.com, and b.org/c', 'www.b.com → http://www.b.com', 'b.org/c → http://b.org/c'],
  ['请看https://例子.cn/路径，或www.b.com吧', 'https://例子.cn/路径', 'www.b.com → http://www.b.com'],
  ['مرحبا https://ar.example/ب.', 'https://ar.example/ب'],
  ['(https://x.org/a_(b)) [https://x.org/c]', 'https://x.org/a_(b)', 'https://x.org/c'],
  ['“https://q.com”, <https://r.com>', 'https://q.com', 'https://r.com'],
  ['c.d+e@f.example', 'c.d+e@f.example → mailto:c.d+e@f.example'],
  ['javascript:alert(1) data:text/html,g ftp://e.com/f file:///etc //x.com'],
  ['1.2.3 10.0.0.1 main.go e.g. user@host http:// https:///x v1.2.io-x'],
  ['https://[ https://a b'.replace('a b', ' ')],
]) {
  test(`links in: ${text}`, () => {
    assert.deepEqual(links(text), wanted)
    assert.equal(parts(text).map((part) => part.text ?? part).join(''), text)
  })
}

test('a text that is made to be slow is not', () => {
  const begun = performance.now()
  for (const part of ['a-', 'a.', 'www.', 'a@', 'https://', 'a.b-', ')', '@a.', '(']) parts(`http://x${part.repeat(20_000)}`)
  assert.ok(performance.now() - begun < 2000)
})
