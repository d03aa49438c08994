// A schedule: two users send messages, and edit, tag and recall them, while the
// network, the server and their phones fail at random; the seed decides how and when.
// Afterwards each timeline must equal the journal, as one who joins now sees it, and the
// journal must contain every message once, in the order in which its user sent it in the
// room.
import assert from 'node:assert/strict'
import { isMainThread, workerData } from 'node:worker_threads'
import { Client } from '../index.js'
import { Timeline } from '../timeline.js'
import { FakeClock } from './clock.js'
import { ModelServer, Network } from './model.js'
import { FakeStorage } from './fixture.js'

const rooms = ['tea', 'milk']

// Person is a user with an app. The app may be restarted; its storage stays.
class Person {
  constructor(world, i) {
    Object.assign(this, { world, device: `d${i}`, storage: new FakeStorage(), sent: [], retried: new Set(), left: new Set() })
    this.start()
  }

  start() {
    const { network, clock } = this.world
    const transport = (...args) => (this.socket = network.transport(...args))
    this.chat = new Client({ url: 'wss://model/chat', transport, storage: this.storage, clock,
      device: this.device })
    this.lists = new Map(rooms.map((room) => [room, new List(this.chat, room)]))
    this.left.clear()
    this.chat.connect()
    for (const room of rooms) this.chat.join(room)
  }

  restart() {
    // The system kills the app, which closes nothing itself.
    this.chat.suspend()
    if (this.world.network.open.has(this.socket)) this.socket.close()
    this.chat.close()
    this.start()
  }

  send(room, body) {
    if (!this.chat.rooms.has(room)) return
    this.chat.send(room, body)
    this.sent.push({ room, key: this.chat.outbox.messages.at(-1)?.key })
  }

  // retry sends failed messages again, which changes their order.
  retry() {
    for (const { key, state } of [...this.chat.outbox.messages]) {
      if (state !== 'failed') continue
      this.retried.add(key)
      this.chat.retry(key)
    }
  }

  // change changes a message that is shown.
  change(room, make) {
    const { random } = this.world.clock
    const shown = this.lists.get(room).timeline.items.filter(({ seq }) => seq)
    if (shown.length) make(this.chat, room, shown[Math.floor(random() * shown.length)].seq)
  }

  leave(room) {
    this.left.add(room)
    this.chat.leave(room)
    this.lists.get(room).left()
  }

  rejoin() {
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

// List is a timeline, and a copy of its items that is built from the changes. It
// checks that entries are emitted once and in order.
class List {
  constructor(chat, room) {
    this.copy = []
    this.timeline = new Timeline(chat, room, (index, removed, added) => this.copy.splice(index, removed, ...added))
    this.copy.push(...this.timeline.items)
    const next = ({ type, seq, room: name }) => {
      if (name !== room) return
      assert.ok(this.last === undefined || seq === this.last + 1, `${type} ${seq} after ${this.last}`)
      this.last = seq
    }
    this.stops = [
      ...['message', 'edited', 'tagged', 'recalled'].map((type) => chat.on(type, next)),
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

// run plays the schedule of a seed, and throws if a check fails.
export async function run(seed) {
  const clock = new FakeClock(seed)
  const server = new ModelServer(clock)
  const network = new Network(server, clock)
  const integer = (n) => Math.floor(clock.random() * n)
  const pick = (list) => list[integer(list.length)]

  network.faults = pick([
    { refuse: 0, die: 0, duplicate: 0, swap: 0, afterClose: 0 },
    { refuse: 0.3, die: 0.03, duplicate: 0, swap: 0, afterClose: 0.5 },
    { refuse: 0.1, die: 0.01, duplicate: 0.2, swap: 0.2, afterClose: 0.5 },
  ])
  const world = { clock, server, network }
  const people = [new Person(world, 0), new Person(world, 1)]
  const storageFails = clock.random() < 0.1
  // Of more than three users a page names three.
  const others = Array.from({ length: 6 }, (_, i) => ({ id: `bot${i}`, name: '' }))
  const tags = ['👍', 'pin']
  const value = () => pick([true, true, false])
  const recent = (room) => pick(room.all.filter(({ type }) => type === 'message').slice(-4))
  const changeByOther = () => {
    const room = server.room(pick(rooms))
    const { seq: target } = recent(room) ?? {}
    const change = pick([{ type: 'edited', body: integer(1000) }, { type: 'tagged', tag: pick(tags), shared: true, value: pick([false, 7]) }, { type: 'recalled' }])
    server.change(room, { target, from: pick(others), ...change })
  }
  const crowd = (room = server.room(pick(rooms))) => {
    const { seq: target } = recent(room) ?? {}
    const tag = pick(tags)
    for (const from of others) if (clock.random() < 0.8) server.change(room, { target, from, type: 'tagged', tag, value: value() })
  }

  // By weight.
  const actions = [
    [20, (who) => who.send(pick(rooms), integer(1000))],
    [8, () => { for (let i = integer(7); i >= 0; i--) server.append(server.room(pick(rooms)), { from: { id: 'bot', name: '' }, body: i }) }],
    [2, (who) => who.change(pick(rooms), (chat, room, seq) => chat.edit(room, seq, integer(1000)))],
    [4, (who) => who.change(pick(rooms), (chat, room, seq) => chat.tag(room, seq, pick(tags), value()))],
    [1, (who) => who.change(pick(rooms), (chat, room, seq) => chat.tag(room, seq, 'pin', value(), true))],
    [1, (who) => who.change(pick(rooms), (chat, room, seq) => chat.recall(room, seq))],
    [4, changeByOther],
    [8, () => crowd()],
    [3, () => network.cut(true)],
    [3, () => network.cut(false)],
    [2, (who) => who.chat.suspend()],
    [4, (who) => who.chat.resume()],
    [2, (who) => who.chat.check()],
    [2, () => clock.sleep(integer(100_000))],
    [1, (who) => who.chat.close()],
    [2, (who) => who.chat.connect()],
    [1, (who) => { if (!storageFails) who.restart() }],
    [1, (who) => who.leave(pick(rooms))],
    [1, (who) => who.rejoin()],
    [2, (who) => { who.lists.get(pick(rooms)).timeline.older().catch(() => {}) }],
    [1, (who) => who.lists.get(pick(rooms)).timeline.trim(integer(6))],
    [1, () => server.restart({ sayBye: clock.random() < 0.5, loseJournal: clock.random() < 0.2 })],
    [1, () => server.truncate(server.room(pick(rooms)), integer(6))],
    [2, (who) => who.retry()],
  ]
  server.others = (room) => clock.random() < 0.2 && crowd(room)
  const weighted = actions.flatMap(([weight, action]) => Array(weight).fill(action))

  if (storageFails) {
    people[0].storage.setItem = () => {
      throw new Error('full')
    }
  }
  for (let step = 10 + integer(40); step > 0; step--) {
    pick(weighted)(pick(people))
    await clock.play(pick([0, 10, 100, 1_000, 1_000, 20_000]))
  }

  await settle(world, people)
  check(world, people)
}

// settle ends the faults and waits until everything is sent and loaded.
async function settle({ clock, server, network }, people) {
  network.faults = { refuse: 0, die: 0, duplicate: 0, swap: 0, afterClose: 0 }
  server.transientErrors = false
  server.others = () => {}
  for (const who of people) {
    who.chat.connect()
    who.chat.resume()
    who.rejoin()
  }
  clock.advance(60_000)
  // After swapped frames the client notices a missing entry by the next one.
  for (const room of rooms) server.append(server.room(room), { from: { id: 'bot', name: '' }, body: 'the end' })
  clock.advance(60_000)
  for (const who of people) who.retry()
  clock.advance(60_000)
  for (const { chat, lists } of people) {
    assert.equal(chat.state, 'online')
    for (const { timeline } of lists.values()) {
      for (let batches = 0; timeline.more; batches++) {
        assert.ok(batches < 200, 'history without end')
        const older = timeline.older()
        clock.advance(1_000)
        await older
      }
    }
  }
  await clock.play(300_000) // tags that may be wrong are read again
}

// line is what a message shows, apart from the ids of those who have tagged it and from
// the order of its tags. What is no longer kept cannot be read again.
function line({ seq, from, key, body, edited, recalled, tags = [] }, kept) {
  const shown = tags.map(({ tag, users, mine, value }) => (users ? `${tag} ${users} ${mine}` : `${tag}=${value}`)).sort()
  return `${seq} ${from.id} ${key} ${recalled ? 'recalled' : kept ? `${body} ${edited} ${shown}` : ''}`
}

function check({ server, network }, people) {
  assert.equal(network.open.size, people.length, 'open sockets')
  for (const { chat, lists } of people) {
    assert.deepEqual(chat.outbox.messages, [])
    for (const [room, { timeline, copy }] of lists) {
      assert.ok(copy.length === timeline.items.length && copy.every((item, i) => item === timeline.items[i]), 'the changes do not lead to the items')
      // A list may have more of the oldest entries than the journal, but nothing else. It
      // does not hear the new body of one that is no longer kept.
      const journal = server.room(room)
      const { all, entries } = journal
      const begin = Math.min(timeline.items[0].seq, entries[0].seq) - 1
      const messages = all.slice(begin).filter(({ type }) => type === 'message')
      const kept = (seq) => seq >= entries[0].seq
      const want = messages.map((entry) => line(server.shown(journal, entry, chat.user.id), kept(entry.seq)))
      const have = timeline.items.map((item) => line(item, kept(item.seq)) + (item.state === 'sent' ? '' : item.state))
      if (have.join() !== want.join()) assert.deepEqual(have, want)
      for (const { seq, tags = [] } of timeline.items) {
        for (const { tag, users, some = [] } of tags) {
          const by = journal.now.get(seq).tags.filter((it) => it.tag === tag && it.user).map(({ user }) => user)
          assert.ok(some.length <= users || !users, `${seq} ${tag}`)
          assert.ok(some.every((user) => by.includes(user)), `${seq} ${tag} by ${some}: ${by}`)
        }
      }
      assert.deepEqual((chat.rooms.get(room).pins ?? []).filter(kept), server.pins(journal) ?? [])
      assert.equal(new Set(timeline.items.map(({ id }) => id)).size, want.length)
    }
  }
  const first = new Map() // by key: the index of its first record
  const records = new Set()
  server.recorded.forEach(({ room, epoch, user, key }, index) => {
    const record = `${room} ${epoch} ${user} ${key}`
    assert.ok(!records.has(record), `recorded duplicate: ${record}`)
    records.add(record)
    if (!first.has(key)) first.set(key, index)
  })
  for (const { sent, retried } of people) {
    for (const { key } of sent) assert.ok(first.has(key), `never recorded: ${key}`)
    for (const name of rooms) {
      const indexes = sent.filter(({ room, key }) => room === name && !retried.has(key)).map(({ key }) => first.get(key))
      assert.ok(indexes.every((index, i) => i === 0 || index > indexes[i - 1]), `recorded in another order than sent: ${indexes}`)
    }
  }
}

// In a worker this file runs the schedules of a range of seeds.
if (!isMainThread) {
  for (let { seed } = workerData; seed < workerData.end; seed++) {
    try {
      await run(seed)
    } catch (err) {
      throw new Error(`SEED=${seed} SCHEDULES=1 fails: ${err.message}`, { cause: err })
    }
  }
}
