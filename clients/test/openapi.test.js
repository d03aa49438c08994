// openapi.json of a real server: a validator finds nothing wrong with it, and a client that
// a generator makes of it is accepted by tsc --strict and does what it says.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import SwaggerParser from '@apidevtools/swagger-parser'
import { build } from 'esbuild'
import { generateApi } from 'swagger-typescript-api'
import { Server } from './server.js'

const run = promisify(execFile)
const clients = fileURLToPath(new URL('..', import.meta.url))
const secret = 'of-the-key-of-the-generated-client'

let server, base, dir, documented
before(async () => {
  server = new Server({
    chat: `journal memory
      key shop ${secret} {
        read *
        write *
        members *
        feed
      }
      policy g-* {
        read members
        write members
        create users
      }`,
  })
  await server.start()
  base = server.ws.replace('ws:', 'http:')
  documented = await (await fetch(`${base}/openapi.json`)).json()
  dir = await mkdtemp(path.join(clients, '.snippets-'))
})
after(async () => {
  await server.remove()
  await rm(dir, { recursive: true, force: true })
})

test('a validator finds nothing wrong with openapi.json', async () => {
  await SwaggerParser.validate(structuredClone(documented))
  const wrong = structuredClone(documented)
  delete wrong.paths['/feed'].get.responses
  wrong.paths['/feed'].get.parameters[0].in = 'nowhere'
  await assert.rejects(SwaggerParser.validate(wrong))
})

const program = `
import { Api } from './api'

const api = new Api({
  baseUrl: process.env.BASE!,
  baseApiParams: { headers: { Authorization: 'Bearer ' + process.env.KEY } },
})
const { data: start } = await api.feed.getFeed({ after: 'now' })
const { data: made } = await api.rooms.postRooms({ room: 'g-1', owner: 'u1', users: ['u2'], title: 'Order 1' })
const { data: members } = await api.rooms.getRoomsRoomMembers(made.room, {})
const { data: sent } = await api.rooms.postRoomsRoomMessages(made.room, { body: { text: 'hello' } })
const { data: heard } = await api.feed.getFeed({ after: start.to, wait: 10_000 })
const refused = await api.users.getUsersId('u1').catch((problem) => problem.error.code)
console.log(JSON.stringify({
  users: members.users.map(({ user, role }) => user.id + ' ' + role),
  seq: sent.seq,
  heard: heard.events.map(({ entry }) => entry?.type),
  refused,
}))
`

test('a generated client is typed, and founds a room, speaks and hears', async () => {
  const { files } = await generateApi({ spec: documented, output: false, httpClientType: 'fetch', silent: true })
  await writeFile(path.join(dir, 'api.ts'), files[0].fileContent)
  await writeFile(path.join(dir, 'program.ts'), program)
  await writeFile(path.join(dir, 'wrong.ts'), program.replace("owner: 'u1'", 'owner: 1'))
  const compilerOptions = {
    strict: true, noEmit: true, target: 'es2024', module: 'esnext', moduleResolution: 'bundler', lib: ['es2024', 'dom', 'dom.iterable'], types: ['node'],
  }
  await writeFile(path.join(dir, 'package.json'), '{"type":"module"}')
  await writeFile(path.join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts', 'wrong.ts'] }))
  const tsc = path.join(clients, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [tsc, '-p', dir], { cwd: dir }).catch((err) => err)
  const found = stdout.split('\n').filter((line) => /error TS/.test(line))
  assert.ok(found.length > 0 && found.every((line) => line.startsWith('wrong.ts')), stdout)

  const outfile = path.join(dir, 'program.mjs')
  await build({ entryPoints: [path.join(dir, 'program.ts')], outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'error' })
  const { stdout: said } = await run(process.execPath, [outfile], { env: { ...process.env, BASE: base, KEY: secret } })
  assert.deepEqual(JSON.parse(said), {
    users: ['u1 owner', 'u2 member'],
    seq: 2,
    heard: ['member', 'message'],
    refused: 'forbidden',
  })
  assert.deepEqual(server.errors(), [])
})
