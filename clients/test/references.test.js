// The references of docs/ that are made of something else are what they are made of. With
// WRITE_REFERENCES in the environment the test writes them.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { declarations, openapi } from '../references.js'
import { withServer } from './person.js'

const at = (file) => new URL(`../../${file}`, import.meta.url)
const read = (file) => readFile(at(file), 'utf8')
const made = (of) => `This page is made of ${of}. A test compares it with that; after a change, \`make references\` writes
it again.
`

async function compare(file, text) {
  if (process.env.WRITE_REFERENCES) await writeFile(at(file), text)
  assert.equal(await read(file), text, `${file} is old: make references`)
}

test('docs/http.md is the openapi.json of a server', async (t) => {
  const server = await withServer(t, {})
  const document = await (await fetch(`${server.ws.replace('ws:', 'http:')}/openapi.json`)).json()
  await compare('docs/http.md', openapi(`# HTTP

All requests of backends and users, with their parameters, bodies and answers.
[Backends](backends.md) shows how they are used, and [PROTOCOL.md](../PROTOCOL.md#http) says what
each of them means. Paths are below the path of the chat: \`https://chat.example.com/chat/rooms\`.
Every refusal has the shape [Problem](#problem).

${made('`https://chat.example.com/chat/openapi.json`, which generators of clients read')}
## Requests
`, document))
})

test('docs/admin.md is docs/admin.json', async () => {
  await compare('docs/admin.md', openapi(`# The admin API

What \`caddy chat\` asks, for programs that administer the chat. It is below Caddy's admin endpoint,
\`localhost:2019\` by default. Never put it on the public side: it asks nobody who they are. A refusal
has the shape [Error](#error).

${made('[admin.json](admin.json), which is OpenAPI 3.1')}
## Requests
`, JSON.parse(await read('docs/admin.json'))))
})

test('docs/javascript.md is the declarations of the packages', async () => {
  const names = ['', 'list', 'timeline', 'observe', 'browser', 'node', 'wechat', 'uniapp', 'taro']
  const files = await Promise.all(names.map(async (name) => [`caddy-chat-client${name && '/'}${name}`, await read(`clients/core/${name || 'index'}.d.ts`)]))
  await compare('docs/javascript.md', declarations(`# JavaScript reference

Everything that \`caddy-chat-client\` exports, with its types. [The guide](../clients/core/README.md)
says how it is used.

${made('the files that TypeScript reads')}`, files))
})
