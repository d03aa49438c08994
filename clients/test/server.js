// Runs the real server for a test: the binary that `make caddy` builds.
import { execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import http from 'node:http'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const built = process.env.CADDY ?? fileURLToPath(new URL('../../build/caddy', import.meta.url))

// Server is a Caddy with one chat at /chat, over http and https. It keeps its
// ports and its storage when it is stopped and started again.
export class Server {
  // chat has the options of the chat directive and site more directives, as lines of
  // a Caddyfile; h2 selects the binary with WebSockets over HTTP/2.
  constructor({ chat = '', site = '', h2 = false } = {}) {
    this.chat = chat
    this.site = site
    this.binary = h2 ? `${built}-h2` : built
    this.log = [] // what Caddy logged, as objects
    this.ca = '' // the root of its https certificates, as PEM
  }

  get ws() {
    return `ws://localhost:${this.ports[0]}/chat`
  }

  get wss() {
    return `wss://localhost:${this.ports[1]}/chat`
  }

  // errors returns what Caddy logged as errors.
  errors() {
    return this.log.filter(({ level }) => ['error', 'panic', 'fatal'].includes(level))
  }

  // start resolves when the server accepts connections over http and https.
  async start() {
    if (!existsSync(this.binary)) throw new Error(`${this.binary} is missing: make ${path.basename(this.binary)} builds it`)
    this.dir ??= await mkdtemp(path.join(tmpdir(), 'caddy-chat-'))
    const settled = this.ports !== undefined
    for (let tries = 1; ; tries++) {
      if (!settled) this.ports = await freePorts(2)
      try {
        return await this.#run()
      } catch (err) {
        // Another process may have taken a port meanwhile.
        if (settled || tries === 3 || !err.message.includes('address already in use')) throw err
      }
    }
  }

  async #run() {
    const config = path.join(this.dir, 'Caddyfile')
    await writeFile(config, caddyfile(this))
    this.process = spawn(this.binary, ['run', '--config', config, '--adapter', 'caddyfile'], {
      env: { ...process.env, HOME: this.dir, XDG_DATA_HOME: this.dir, XDG_CONFIG_HOME: this.dir },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.exited = once(this.process, 'exit')
    process.once('exit', this.#kill)
    await this.#serving()
    this.ca = await readFile(path.join(this.dir, 'caddy/pki/authorities/local/root.crt'), 'utf8')
    await this.#secured()
  }

  // A test run that ends early must not leave a server running.
  #kill = () => this.process.kill('SIGKILL')

  // serving resolves when Caddy logs that it has started.
  #serving() {
    return new Promise((resolve, reject) => {
      const tail = []
      const fail = (why) => reject(new Error(`${why}:\n${tail.join('\n')}`))
      const timer = setTimeout(() => fail('caddy does not start'), 30_000)
      const lines = readline.createInterface({ input: this.process.stderr })
      lines.on('line', (line) => {
        tail.push(line)
        if (tail.length > 20) tail.shift()
        const entry = parse(line)
        this.log.push(entry)
        if (entry.msg === 'serving initial configuration') {
          clearTimeout(timer)
          resolve()
        }
      })
      lines.on('close', () => {
        clearTimeout(timer)
        fail('caddy ended')
      })
    })
  }

  // secured resolves when the server has its certificate, which Caddy creates in the
  // background.
  async #secured() {
    const deadline = Date.now() + 30_000
    for (;;) {
      const socket = tls.connect({ host: 'localhost', port: this.ports[1], servername: 'localhost', ca: this.ca })
      try {
        await once(socket, 'secureConnect')
        return
      } catch (err) {
        if (Date.now() > deadline) throw new Error('no certificate', { cause: err })
        await pause(10)
      } finally {
        socket.destroy()
      }
    }
  }

  // stop asks Caddy to end and returns its exit code.
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal)
    const [code] = await this.exited
    process.off('exit', this.#kill)
    return code
  }

  // reload has the server read its Caddyfile again, with other options of the chat directive.
  async reload(chat) {
    this.chat = chat
    const config = path.join(this.dir, 'Caddyfile')
    await writeFile(config, caddyfile(this))
    await promisify(execFile)(this.binary, ['reload', '--config', config, '--adapter', 'caddyfile', '--address', `unix/${path.join(this.dir, 'admin.sock')}`])
  }

  // announce has the operator say something in a room.
  announce(room, body) {
    return new Promise((resolve, reject) => {
      const given = JSON.stringify({ room, body })
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(given) }
      http.request({ socketPath: path.join(this.dir, 'admin.sock'), path: '/chat/hubs/default/announce', method: 'POST', headers }, (res) => {
        res.resume()
        if (res.statusCode === 200) resolve()
        else reject(new Error(`status ${res.statusCode}`))
      }).on('error', reject).end(given)
    })
  }

  // remove stops the server, if it runs, and deletes its storage.
  async remove() {
    if (this.process?.exitCode === null && this.process.signalCode === null) await this.stop()
    await rm(this.dir, { recursive: true, force: true })
  }
}

function caddyfile({ dir, ports: [http, https], chat, site }) {
  return `{
	admin unix/${path.join(dir, 'admin.sock')}
	default_bind 127.0.0.1
	http_port ${http}
	https_port ${https}
	skip_install_trust
	auto_https disable_redirects
}

http://localhost:${http}, https://localhost:${https} {
	chat /chat {
		${chat}
	}
	${site}
}
`
}

// serveWeChat starts a server whose users sign in by WeChat, and a fake of WeChat's
// API. All codes that begin with good belong to one user; others are refused. chat
// has more options of the chat directive.
export async function serveWeChat(t, chat) {
  const weChat = http.createServer((req, res) => {
    const code = new URL(req.url, 'http://x').searchParams.get('js_code')
    res.end(JSON.stringify(code.startsWith('good') ? { openid: 'li', session_key: 'k' } : { errcode: 40029 }))
  })
  weChat.listen(0, '127.0.0.1')
  await once(weChat, 'listening')
  t.after(() => weChat.close())
  const at = new Server({ chat: `auth wechat {\napp_id wx01\napp_secret secret\napi http://127.0.0.1:${weChat.address().port}\n}\n${chat}` })
  t.after(() => at.remove())
  await at.start()
  return at
}

// wait waits until holds returns true, or a promise of true.
export async function wait(holds, patience = 10_000) {
  for (const deadline = Date.now() + patience; !await holds();) {
    if (Date.now() > deadline) throw new Error(`not in time: ${holds}`)
    await pause(10)
  }
}

function parse(line) {
  try {
    return JSON.parse(line)
  } catch {
    return { msg: line }
  }
}

// freePorts returns ports that no process listens on. They are below the ports that
// the system gives to outgoing connections, which could take one while a server
// restarts.
export async function freePorts(count) {
  const ports = new Set()
  while (ports.size < count) {
    const port = randomInt(20_000, 32_000)
    const server = net.createServer().listen(port)
    try {
      await once(server, 'listening')
    } catch (err) {
      if (err.code === 'EADDRINUSE') continue
      throw err
    }
    await once(server.close(), 'close')
    ports.add(port)
  }
  return [...ports]
}
