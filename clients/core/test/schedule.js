// A schedule: two users talk while the network, the server and their phones fail
// in every way, each at a moment that the seed decides. Afterwards each list of
// messages equals the journal's, and everything that was said has been recorded
// once, in the order in which each user said it in a room.
import assert from 'node:assert/strict'
import { isMainThread, workerData } from 'node:worker_threads'
import { Client } from '../index.js'
import { Timeline } from '../timeline.js'
import { FakeClock } from './clock.js'
import { ModelServer, Network } from './model.js'
import { FakeStorage } from './stage.js'

const rooms = ['tea', 'milk']

// Person is a user with an app that may be restarted; its storage stays.
class Person {
  constructor(world, i) {
    Object.assign(this, { world, device: `d${i}`, storage: new FakeStorage(), said: [], again: new Set(), left: new Set() })
    this.start()
  }

  start() {
    const { network, clock } = this.world
    this.chat = new Client({ url: 'wss://model/chat', transport: network.transport, storage: this.storage, clock,
      device: this.device })
    this.lists = new Map(rooms.map((room) => [room, new List(this.chat, room)]))
    this.left.clear()
    this.chat.connect()
    for (const room of rooms) this.chat.join(room)
  }

  restart() {
    // The system kills the app: nothing is closed by it.
    this.chat.suspend()
    this.world.network.open.forEach((wire) => {
      if (wire.on && this.chat.link?.socket === wire) wire.close()
    })
    this.chat.close()
    this.start()
  }

  say(room, body) {
    if (!this.chat.rooms.has(room)) return
    this.chat.send(room, body)
    this.said.push({ room, key: this.chat.outbox.messages.at(-1)?.key })
  }

  // retry says again what has failed, out of its turn.
  retry() {
    for (const { key, state } of [...this.chat.outbox.messages]) {
      if (state !== 'failed') continue
      this.again.add(key)
      this.chat.retry(key)
    }
  }

  leave(room) {
    this.left.add(room)
    this.chat.leave(room)
    this.lists.get(room).left()
  }

  comeBack() {
    for (const room of this.left) {
      if (this.world.clock.random() < 0.5) {
        this.lists.get(room).close()
        this.lists.set(room, new List(this.chat, room))
      }
      this.chat.join(room)
    }
    this.left.clear()
  }
}

// List is a timeline and what a page makes of its changes. It sees that entries
// come once and in order.
class List {
  constructor(chat, room) {
    this.copy = []
    this.timeline = new Timeline(chat, room, (index, removed, added) => this.copy.splice(index, removed, ...added))
    this.copy.push(...this.timeline.items)
    const next = ({ type, seq, room: name }) => {
      if (name !== room) return
      assert.ok(this.last === undefined || seq === this.last + 1, `${type} ${seq} behind ${this.last}`)
      this.last = seq
    }
    this.stops = [
      chat.on('message', next),
      chat.on('gap', ({ room: name }) => { if (name === room) this.left() }),
    ]
  }

  left() {
    this.last = undefined
  }

  close() {
    this.timeline.close()
    for (const stop of this.stops) stop()
  }
}

export async function play(seed) {
  const clock = new FakeClock(seed)
  const server = new ModelServer(clock)
  const network = new Network(server, clock)
  const below = (n) => Math.floor(clock.random() * n)
  const one = (list) => list[below(list.length)]

  network.faults = one([
    { refuse: 0, die: 0, twice: 0, swap: 0, ghost: 0 },
    { refuse: 0.3, die: 0.03, twice: 0, swap: 0, ghost: 0.5 },
    { refuse: 0.1, die: 0.01, twice: 0.2, swap: 0.2, ghost: 0.5 },
  ])
  const world = { clock, server, network }
  const people = [new Person(world, 0), new Person(world, 1)]
  const storageFails = clock.random() < 0.1

  const acts = [
    [20, (who) => who.say(one(rooms), below(1000))],
    [8, () => { for (let i = below(7); i >= 0; i--) server.append(server.room(one(rooms)), { from: { id: 'bot', name: '' }, body: i }) }],
    [3, () => network.cut(true)],
    [3, () => network.cut(false)],
    [2, (who) => who.chat.suspend()],
    [4, (who) => who.chat.resume()],
    [2, (who) => who.chat.check()],
    [2, () => clock.sleep(below(100_000))],
    [1, (who) => who.chat.close()],
    [2, (who) => who.chat.connect()],
    [1, (who) => { if (!storageFails) who.restart() }],
    [1, (who) => who.leave(one(rooms))],
    [1, (who) => who.comeBack()],
    [2, (who) => { who.lists.get(one(rooms)).timeline.older().catch(() => {}) }],
    [1, (who) => who.lists.get(one(rooms)).timeline.trim(below(6))],
    [1, () => server.restart({ politely: clock.random() < 0.5, loseJournal: clock.random() < 0.2 })],
    [1, () => server.truncate(server.room(one(rooms)), below(6))],
    [2, (who) => who.retry()],
  ]
  const deck = acts.flatMap(([weight, act]) => Array(weight).fill(act))

  if (storageFails) {
    people[0].storage.setItem = () => {
      throw new Error('full')
    }
  }
  for (let step = 10 + below(40); step > 0; step--) {
    one(deck)(one(people))
    clock.pass(one([0, 10, 100, 1_000, 1_000, 20_000]))
    if (step % 8 === 0) await undefined // older() may go on
  }

  await settle(world, people)
  check(world, people)
}

// settle lets everything come to rest.
async function settle({ clock, server, network }, people) {
  network.faults = { refuse: 0, die: 0, twice: 0, swap: 0, ghost: 0 }
  server.moody = false
  for (const who of people) {
    who.chat.connect()
    who.chat.resume()
    who.comeBack()
  }
  clock.pass(60_000)
  // Where frames were swapped, a hole shows by what comes behind it.
  for (const room of rooms) server.append(server.room(room), { from: { id: 'bot', name: '' }, body: 'the end' })
  clock.pass(60_000)
  for (const who of people) who.retry()
  clock.pass(60_000)
  for (const { chat, lists } of people) {
    assert.equal(chat.state, 'online')
    for (const { timeline } of lists.values()) {
      for (let pages = 0; timeline.more; pages++) {
        assert.ok(pages < 200, 'older pages without end')
        const older = timeline.older()
        clock.pass(1_000)
        await older
      }
    }
  }
}

function check({ server, network }, people) {
  assert.equal(network.open.size, people.length, 'sockets that nobody closed')
  for (const { chat, lists } of people) {
    assert.deepEqual(chat.outbox.messages, [])
    for (const [room, { timeline, copy }] of lists) {
      assert.ok(copy.length === timeline.items.length && copy.every((item, i) => item === timeline.items[i]), 'changes were not told')
      // A list may have kept more than the journal, but nothing else.
      const { all, entries } = server.room(room)
      const begin = Math.min(timeline.items[0].seq, entries[0].seq) - 1
      const want = all.slice(begin).map(({ seq, from, body, key }) => `${seq} ${from.id} ${key} ${body}`)
      const have = timeline.items.map(({ seq, from, body, key, state }) => `${seq} ${from.id} ${key} ${body}${state === 'sent' ? '' : state}`)
      if (have.join() !== want.join()) assert.deepEqual(have, want)
      assert.equal(new Set(timeline.items.map(({ id }) => id)).size, want.length)
    }
  }
  const first = new Map() // by key, the place of its first record
  const records = new Set()
  server.recorded.forEach(({ room, epoch, user, key }, place) => {
    const record = `${room} ${epoch} ${user} ${key}`
    assert.ok(!records.has(record), `recorded twice: ${record}`)
    records.add(record)
    if (!first.has(key)) first.set(key, place)
  })
  for (const { said, again } of people) {
    for (const { key } of said) assert.ok(first.has(key), `never recorded: ${key}`)
    for (const name of rooms) {
      const places = said.filter(({ room, key }) => room === name && !again.has(key)).map(({ key }) => first.get(key))
      assert.ok(places.every((place, i) => i === 0 || place > places[i - 1]), `recorded in another order than said: ${places}`)
    }
  }
}

// As a worker it plays those from one seed to another.
if (!isMainThread) {
  for (let { seed } = workerData; seed < workerData.end; seed++) {
    try {
      await play(seed)
    } catch (err) {
      throw new Error(`SEED=${seed} SCHEDULES=1 fails: ${err.message}`, { cause: err })
    }
  }
}
