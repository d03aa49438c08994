// A thundering herd: many clients of one server that is restarted while they send
// messages. As a command:
//
//     node test/herd.js 19000 [SIGKILL]
//
// It prints when they reconnected, and fails if a message was lost or duplicated.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import WebSocket from 'ws'
import { Client } from '../core/index.js'
import { node } from '../core/node.js'
import { Server } from './server.js'

const self = fileURLToPath(import.meta.url)
const perRoom = 50
const timeout = 120_000

// Only the limits per address are raised: all clients have the same address.
const options = `
	max_connections_per_ip 50000
	limits {
		connect_rate 100000 100000
		new_rooms 100000 100000
	}`

// herd restarts a server with count clients. It returns when they reconnected, in
// milliseconds after the new start, and what went wrong.
export async function herd(count, { processes = 2, signal = 'SIGTERM', print = () => {} } = {}) {
  const server = new Server({ chat: options })
  await server.start()
  const workers = Array.from({ length: processes }, () => fork(self, ['worker']))
  try {
    const rooms = Math.ceil(count / perRoom)
    const share = (i) => Math.floor((rooms * (i + 1)) / processes) - Math.floor((rooms * i) / processes)
    const all = (task, arg = () => ({})) => Promise.all(workers.map((worker, i) => ask(worker, { task, ...arg(i) })))

    await all('connect', (i) => ({ url: server.ws, name: `w${i}`, rooms: share(i) }))
    print(`${rooms * perRoom} clients in ${rooms} rooms are connected`)
    await all('send')
    await pause(2000)
    const ended = Date.now()
    await server.stop(signal)
    const stopped = Date.now()
    await server.start()
    const began = Date.now()
    print(`the server stopped in ${stopped - ended} ms and was started again ${began - stopped} ms later`)
    const back = (await all('back')).flatMap(({ times }) => times.map((at) => at - began))
    print(`all reconnected after ${Math.max(...back)} ms`)
    const reports = await all('settle')
    return {
      count: rooms * perRoom,
      back: back.sort((a, b) => a - b),
      sent: reports.reduce((sum, { sent }) => sum + sent, 0),
      faults: reports.flatMap(({ faults }) => faults),
      errors: server.errors(),
    }
  } catch (err) {
    err.message += `\nCaddy's errors: ${JSON.stringify(server.errors().slice(0, 5))}`
    throw err
  } finally {
    for (const worker of workers) worker.kill()
    await server.remove()
  }
}

// ask gives a worker a task and returns its answer.
async function ask(worker, task) {
  worker.send(task)
  const [answer] = await Promise.race([
    once(worker, 'message'),
    once(worker, 'exit').then(([code]) => Promise.reject(new Error(`a worker ended: ${code}`))),
  ])
  if (answer.failed) throw new Error(answer.failed)
  return answer
}

// histogram counts reconnects per second, as lines of a bar chart.
export function histogram(back) {
  const seconds = []
  for (const at of back) {
    const second = Math.max(0, Math.floor(at / 1000))
    seconds[second] = (seconds[second] ?? 0) + 1
  }
  return Array.from(seconds, (n = 0, second) => `${String(second).padStart(4)} s ${String(n).padStart(6)} ${'#'.repeat(Math.ceil(n / 40))}`)
}

// HerdClient is one client. It checks that the messages of its room arrive in order.
class HerdClient {
  constructor(url, name, room, faults) {
    this.last = 0
    this.room = room
    this.chat = new Client({ url, name, ...node(WebSocket) })
    this.chat.on('message', ({ seq }) => {
      if (this.last > 0 && seq !== this.last + 1) faults.push(`${name} got ${seq} after ${this.last}`)
      this.last = seq
    })
    this.chat.on('gap', () => faults.push(`${name} has a gap`))
    this.chat.on('state', (change) => {
      this.change = change
      if (change.state === 'online') this.online = Date.now()
    })
  }
}

// tasks are the tasks of a worker.
const tasks = {
  clients: [],
  faults: [],
  sent: 0,

  async connect({ url, name, rooms }) {
    for (let room = 0; room < rooms; room++) {
      for (let i = 0; i < perRoom; i++) this.clients.push(new HerdClient(url, `${name}-${room}-${i}`, `${name}-${room}`, this.faults))
    }
    const waiting = [...this.clients]
    const connect = async () => {
      for (let m = waiting.pop(); m; m = waiting.pop()) {
        await m.chat.connect()
        await m.chat.join(m.room)
      }
    }
    await Promise.all(Array.from({ length: 50 }, connect))
  },

  // send has one client of each room send a message per second, not all at once.
  async send() {
    this.going = true
    const senders = this.clients.filter((_, i) => i % perRoom === 0)
    this.sending = senders.map(async (m) => {
      await pause(Math.random() * 1000)
      for (let n = 1; this.going; n++) {
        m.acknowledged = (await m.chat.send(m.room, { text: String(n) })).seq
        this.sent++
        await pause(1000)
      }
    })
    this.began = Date.now()
  },

  // back waits until all clients have been online since the restart.
  async back() {
    const since = Date.now()
    const away = () => this.clients.filter((m) => m.chat.state !== 'online' || m.online < this.began)
    while (away().length > 0) {
      if (Date.now() - since > timeout) throw new Error(`${away().length} did not reconnect: ${JSON.stringify(away()[0].change)}`)
      await pause(20)
    }
    return { times: this.clients.map((m) => m.online) }
  },

  async settle() {
    this.going = false
    await Promise.all(this.sending)
    const since = Date.now()
    const behind = () => this.clients.filter((m, i) => m.last < this.clients[i - (i % perRoom)].acknowledged)
    while (behind().length > 0 && Date.now() - since < timeout) await pause(20)
    for (const m of behind()) this.faults.push(`a client in ${m.room} got no message after ${m.last}`)
    return { sent: this.sent, faults: this.faults.slice(0, 20) }
  },
}

if (process.argv[2] === 'worker') {
  process.on('message', async ({ task, ...arg }) => {
    try {
      process.send((await tasks[task](arg)) ?? {})
    } catch (err) {
      process.send({ failed: err.stack })
    }
  })
} else if (process.argv[1] === self) {
  const count = Number(process.argv[2] ?? 1000)
  const { back, sent, faults, errors } = await herd(count, { processes: 4, signal: process.argv[3], print: console.log })
  console.log(histogram(back).join('\n'))
  console.log(`${sent} messages were sent; ${faults.length + errors.length} faults`, faults, errors)
  process.exitCode = faults.length + errors.length > 0 ? 1 : 0
}
