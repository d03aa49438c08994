// docs/nodes.md, "Two nodes on one machine", done as it says with nothing else: two nodes, a
// standby, a lost primary. Only the ports are others, and ./caddy is there.
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import WebSocket from 'ws'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { freePorts, wait } from './server.js'

const binary = process.env.CADDY ?? new URL('../../build/caddy', import.meta.url).pathname
const written = [5441, 5442, 8081, 8082] // the ports in the document

test('docs/nodes.md leads to two nodes with a standby on one machine, and past the loss of the primary', async (t) => {
  const text = await readFile(new URL('../../docs/nodes.md', import.meta.url), 'utf8')
  const [, section] = /^## Two nodes on one machine\n([^]*?)^## /m.exec(text)
  const ports = await freePorts(4)
  const here = (part) => written.reduce((all, port, i) => all.replaceAll(port, ports[i]), part)
  const blocks = [...section.matchAll(/^```caddyfile\n([^]*?)^```/gm)].map(([, block]) => block)
  const [databases, first, second, lost, more] = section.split('\n\n').filter((part) => part.startsWith('    ')).map((part) => here(part.replace(/^    /gm, '')))
  assert.ok(lost && !more && blocks.length === 2)

  const dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-nodes-'))
  // PostgreSQL does not run as root: its package has made a user.
  const user = process.getuid() ? {} : Object.fromEntries([['uid', '-u'], ['gid', '-g']].map(([key, flag]) => [key, Number(execFileSync('id', [flag, 'postgres']))]))
  if (user.uid) await chown(dir, user.uid, user.gid)
  await copyFile(binary, path.join(dir, 'caddy'))
  await chmod(path.join(dir, 'caddy'), 0o755)
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const PATH = [...versions.map((version) => `/usr/lib/postgresql/${version}/bin`), process.env.PATH].join(':')
  const options = { ...user, cwd: dir, env: { ...process.env, PATH, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir } }
  const shell = (commands) => promisify(execFile)('bash', ['-ec', commands], options)

  let nodes = []
  const stop = async () => {
    for (const process of nodes.splice(0)) if (process.exitCode === null && process.kill('SIGINT')) await once(process, 'exit')
  }
  // start starts the nodes as the document does: with another PORT and the same Caddyfile.
  const start = async (block) => {
    await writeFile(path.join(dir, 'Caddyfile'), block)
    nodes = [first, second].map((commands) => spawn('bash', ['-ec', commands.replace('./caddy', 'exec ./caddy')], { ...options, stdio: 'ignore' }))
    for (const port of ports.slice(2)) await wait(() => fetch(`http://localhost:${port}/chat/health`).then(({ ok }) => ok, () => false), 60_000)
  }
  const clients = []
  const enter = async (port, name) => {
    const chat = new Client({ url: `ws://localhost:${port}/chat`, name, ...node(WebSocket) })
    clients.push(chat)
    chat.heard = []
    chat.on('message', ({ body }) => chat.heard.push(body.text))
    await chat.connect()
    await chat.join('lobby')
    return chat
  }
  t.after(async () => {
    for (const chat of clients) chat.close()
    await stop()
    for (const data of ['primary', 'standby']) await shell(`pg_ctl --pgdata=${data} --mode=immediate stop`).catch(() => {}) // the primary is lost
    await rm(dir, { recursive: true, force: true })
  })

  await shell(databases)
  await start(blocks[0])
  const [li, bo] = [await enter(ports[2], 'Li'), await enter(ports[3], 'Bo')]
  await li.send('lobby', { text: 'hello' })
  await wait(() => bo.heard.includes('hello'))
  await bo.send('lobby', { text: 'hello back' })
  await wait(() => li.heard.includes('hello back'))

  await shell(lost)
  for (const chat of clients.splice(0)) chat.close()
  await stop()
  await start(blocks[1])
  const [mei, tom] = [await enter(ports[2], 'Mei'), await enter(ports[3], 'Tom')]
  await mei.send('lobby', { text: 'on we go' })
  await wait(() => tom.heard.includes('on we go'))
  const { entries } = await tom.history('lobby', { limit: 10 })
  assert.deepEqual(entries.map(({ body }) => body.text), ['hello', 'hello back', 'on we go'])
})
