// Many clients of the core against one server, which is restarted while they
// talk. As a command:
//
//     node test/herd.js 19000 [SIGKILL]
//
// It prints when they came back, and fails if anything was lost or doubled.
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
const patience = 120_000

// The limits for one address are the only ones that are lifted: all clients have
// the same.
const options = `
	max_connections_per_ip 50000
	limits {
		connect_rate 100000 100000
	}`

// herd restarts a server that has so many clients, and returns when they came
// back, in milliseconds after it served again, and what was wrong.
export async function herd(count, { processes = 2, signal = 'SIGTERM', say = () => {} } = {}) {
  const server = new Server({ chat: options })
  await server.start()
  const workers = Array.from({ length: processes }, () => fork(self, ['worker']))
  try {
    const rooms = Math.ceil(count / perRoom)
    const share = (i) => Math.floor((rooms * (i + 1)) / processes) - Math.floor((rooms * i) / processes)
    const all = (task, arg = () => ({})) => Promise.all(workers.map((worker, i) => ask(worker, { task, ...arg(i) })))

    await all('connect', (i) => ({ url: server.ws, name: `w${i}`, rooms: share(i) }))
    say(`${rooms * perRoom} clients in ${rooms} rooms are connected`)
    await all('speak')
    await pause(2000)
    const ended = Date.now()
    await server.stop(signal)
    const stopped = Date.now()
    await server.start()
    const began = Date.now()
    say(`the server ended in ${stopped - ended} ms and served again ${began - stopped} ms later`)
    const back = (await all('back')).flatMap(({ times }) => times.map((at) => at - began))
    say(`all are back after ${Math.max(...back)} ms`)
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

// histogram counts arrivals by the second, as lines of a bar chart.
export function histogram(back) {
  const seconds = []
  for (const at of back) {
    const second = Math.max(0, Math.floor(at / 1000))
    seconds[second] = (seconds[second] ?? 0) + 1
  }
  return Array.from(seconds, (n = 0, second) => `${String(second).padStart(4)} s ${String(n).padStart(6)} ${'#'.repeat(Math.ceil(n / 40))}`)
}

// member is one client, and what it has heard of its room.
class Member {
  constructor(url, name, room, faults) {
    this.last = 0
    this.room = room
    this.chat = new Client({ url, name, ...node(WebSocket) })
    this.chat.on('message', ({ seq }) => {
      if (this.last > 0 && seq !== this.last + 1) faults.push(`${name} heard ${seq} behind ${this.last}`)
      this.last = seq
    })
    this.chat.on('gap', () => faults.push(`${name} has a gap`))
    this.chat.on('state', (change) => {
      this.change = change
      if (change.state === 'online') this.online = Date.now()
    })
  }
}

// tasks are what a worker does.
const tasks = {
  members: [],
  faults: [],
  sent: 0,

  async connect({ url, name, rooms }) {
    for (let room = 0; room < rooms; room++) {
      for (let i = 0; i < perRoom; i++) this.members.push(new Member(url, `${name}-${room}-${i}`, `${name}-${room}`, this.faults))
    }
    const waiting = [...this.members]
    const connect = async () => {
      for (let m = waiting.pop(); m; m = waiting.pop()) {
        await m.chat.connect()
        await m.chat.join(m.room)
      }
    }
    await Promise.all(Array.from({ length: 50 }, connect))
  },

  // In each room one speaks, once a second, each at another moment.
  async speak() {
    this.going = true
    const speakers = this.members.filter((_, i) => i % perRoom === 0)
    this.speaking = speakers.map(async (m) => {
      await pause(Math.random() * 1000)
      for (let n = 1; this.going; n++) {
        m.acknowledged = (await m.chat.send(m.room, { text: String(n) })).seq
        this.sent++
        await pause(1000)
      }
    })
    this.began = Date.now()
  },

  // All are back when each has been online since the server was restarted.
  async back() {
    const since = Date.now()
    const away = () => this.members.filter((m) => m.chat.state !== 'online' || m.online < this.began)
    while (away().length > 0) {
      if (Date.now() - since > patience) throw new Error(`${away().length} did not come back: ${JSON.stringify(away()[0].change)}`)
      await pause(20)
    }
    return { times: this.members.map((m) => m.online) }
  },

  async settle() {
    this.going = false
    await Promise.all(this.speaking)
    const since = Date.now()
    const behind = () => this.members.filter((m, i) => m.last < this.members[i - (i % perRoom)].acknowledged)
    while (behind().length > 0 && Date.now() - since < patience) await pause(20)
    for (const m of behind()) this.faults.push(`somebody in ${m.room} has ${m.last} as the last`)
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
  const { back, sent, faults, errors } = await herd(count, { processes: 4, signal: process.argv[3], say: console.log })
  console.log(histogram(back).join('\n'))
  console.log(`${sent} messages were sent; ${faults.length + errors.length} faults`, faults, errors)
  process.exitCode = faults.length + errors.length > 0 ? 1 : 0
}
