// Frames about messages and rows that no server sends: each is refused, or changes nothing
// but what it is about. None breaks what is shown, or what comes after it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { list } from '../list.js'
import { Timeline } from '../timeline.js'
import { bo, Fixture, message, state } from './fixture.js'

const at = 1_700_000_000_000
const row = { type: 'row', room: 'tea', title: 'Tea', size: 2, epoch: 'e1', last: 2, at, count: 2, role: 'member', read: 1, unread: 1, notify: true, top: false }
const valid = {
  edited: { type: 'edited', room: 'tea', seq: 3, at, from: bo, target: 1, body: 'new' },
  tagged: { type: 'tagged', room: 'tea', seq: 3, at, from: bo, target: 1, tag: '👍', value: true },
  head: { type: 'head', room: 'tea', last: 3, at: at + 3, count: 3, entry: message(3) },
  row: { ...row, last: 3, at: at + 3, count: 3, unread: 2 },
}

const long = 'x'.repeat(1_000_000)
const odd = { null: null, true: true, text: 'x', 'a number as text': '3', zero: 0, below: -1, 'a part': 2.5, huge: 2 ** 60, endless: 1e300, list: [3], object: {},
  prototype: JSON.parse('{"__proto__":{"seq":1}}'), missing: undefined, long }
const texts = { null: null, number: 7, list: ['x'], object: {}, true: true, missing: undefined }
const names = { proto: '__proto__', constructor: 'constructor', 'to string': 'toString', long, empty: '' }

// By type and field: what is tried. Where the value is fine all the same it is harmless.
const tried = {
  edited: { room: { ...texts, ...names, unknown: 'nowhere' }, seq: odd, at: odd, target: odd, from: { ...texts, ...names, nobody: {} }, body: { ...odd, ...names } },
  tagged: { room: { ...texts, ...names, unknown: 'nowhere' }, seq: odd, at: odd, target: odd, tag: { ...texts, ...names }, value: { ...odd, ...names },
    shared: { ...texts, ...names }, from: { ...texts, ...names, nobody: {}, proto: { id: '__proto__' }, number: { id: 7 } } },
  head: { room: { ...texts, ...names, unknown: 'nowhere' }, last: odd, at: odd, count: odd, size: odd, title: { ...texts, ...names }, avatar: texts, closed: texts, cut: texts,
    entry: { ...texts, ...names, empty: {}, 'of nobody': message(3, { from: null }), 'with a text as seq': message('3'), 'with a text as time': message(3, { at: 'now' }) } },
  row: { room: { ...texts, ...names, unknown: 'nowhere' }, epoch: { ...texts, ...names }, last: odd, at: odd, count: odd, read: odd, unread: odd, mention: odd, size: odd,
    role: texts, with: { ...texts, ...names, nobody: {} }, notify: texts, top: { ...texts, number: 1e300 }, hidden: texts, gone: texts, title: { ...texts, ...names },
    entry: { ...texts, ...names, empty: {}, 'of nobody': message(3, { from: null }), 'with a text as seq': message('3') } },
}

// Numbers as text, which JavaScript compares like numbers and adds like texts.
const mustRefuse = ['edited seq', 'edited target', 'tagged seq', 'tagged target', 'head last', 'head at', 'head count', 'row last', 'row at', 'row count', 'row read', 'row unread']

function open() {
  const fixture = new Fixture({ list: list() })
  const timeline = new Timeline(fixture.chat, 'tea')
  const { type, ...first } = row
  fixture.welcome({ list: { at: 't1', all: true, live: true, rows: [first], more: false } })
  fixture.joinRoom('tea', { entries: [message(1, { tags: [{ tag: '👍', users: 9, mine: false, some: ['a', 'b', 'c'] }] }), message(2)], last: 2 })
  return { fixture, timeline, chat: fixture.chat, socket: fixture.socket }
}

// wellFormed looks at everything that an app draws.
function wellFormed({ chat, timeline }) {
  const seqs = timeline.items.map(({ seq }) => seq)
  assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b))
  for (const { id, seq, tags = [], edited = 1 } of timeline.items) {
    assert.ok(typeof id === 'string' && Number.isInteger(seq) && Number.isInteger(edited))
    for (const { tag, users, some, value } of tags) {
      assert.equal(typeof tag, 'string')
      assert.ok(users === undefined ? value !== undefined : Number.isInteger(users) && users > 0 && some.every((it) => typeof it === 'string'), JSON.stringify(tags))
    }
  }
  const { list } = chat
  assert.ok(Number.isInteger(list.unread) && list.unread >= 0, `${JSON.stringify(list.unread)} are unread`)
  for (const it of [...list.rows, ...list.hidden]) {
    assert.equal(typeof it.room, 'string')
    for (const name of ['last', 'at', 'count', 'read', 'unread']) assert.ok(Number.isInteger(it[name]) && it[name] >= 0, `${name}: ${JSON.stringify(it[name])}`)
    if (it.entry) assert.ok(it.entry.from.id && Number.isInteger(it.entry.seq))
    if (it.with) assert.equal(typeof it.with.id, 'string')
  }
  for (const { pins = [] } of chat.rooms.values()) assert.ok(pins.every(Number.isInteger))
  assert.deepEqual([{}.seq, {}.room, Object.keys(Object.prototype)], [undefined, undefined, []])
}

for (const [type, fields] of Object.entries(tried)) {
  for (const [field, values] of Object.entries(fields)) {
    test(`${type} with another ${field}: refused or harmless, and what comes next is heard`, () => {
      for (const [what, value] of Object.entries(values)) {
        const it = open()
        const { fixture, socket, chat, timeline } = it
        const heard = () => ['message', 'edited', 'tagged'].flatMap((name) => fixture.of(name)).length
        const before = heard()
        socket.receive({ ...valid[type], [field]: value })
        const codes = fixture.of('error').map(({ code }) => code)
        assert.ok(codes.join() === '' || codes.join() === 'bad_answer', `${what}: ${codes}`)
        if (what === 'a number as text' && mustRefuse.includes(`${type} ${field}`)) assert.deepEqual(codes, ['bad_answer'], what)
        if (codes.length) assert.equal(heard(), before, `${what} is refused and heard`)
        assert.deepEqual([chat.state, chat.rooms.has('tea'), fixture.of('removed')], ['online', true, []], what)
        wellFormed(it)

        // The server goes on, with what it has recorded instead.
        const { seq } = chat.rooms.get('tea')
        socket.receive({ ...valid.tagged, seq: 3, target: 2 })
        socket.receive({ ...valid.edited, seq: 4, target: 2, body: 'corrected' })
        socket.receive(message(5))
        if (!(seq > 3)) {
          for (const command of socket.commands('join').slice(1)) {
            socket.receive({ type: 'joined', id: command.id, ...state('tea', { entries: [message(5)], last: 5 }) })
          }
          assert.deepEqual([timeline.items.at(-1).seq, timeline.items[1].body], [5, 'corrected'], what)
        }
        socket.receive({ ...valid.head, last: 9, count: 9, at: at + 9, entry: message(9) })
        socket.receive({ ...row, last: 10, at: at + 10, count: 10, unread: 4, title: 'Now' })
        assert.deepEqual([chat.list.get('tea').title, chat.list.get('tea').last], ['Now', 10], what)
        wellFormed(it)
      }
    })
  }
}

test('frames that are nothing, or everything, are refused', () => {
  for (const type of Object.keys(valid)) {
    const it = open()
    for (const frame of [{ type }, { type, room: 'tea' }, { type, room: 'tea', seq: 3, at }, { type, room: 'tea', seq: 3, at, last: 3, count: 3, from: {}, target: {}, entry: [] }]) {
      it.socket.receive(frame)
      wellFormed(it)
    }
    assert.equal(it.chat.rooms.get('tea').seq, 2)
    assert.equal(it.chat.list.get('tea').last, 2)
    assert.deepEqual(it.timeline.items.map(({ seq, body }) => [seq, body]), [[1, '1'], [2, '2']])
  }
})
