// The list of conversations: what the server tells of it, and what the client makes of that.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { list } from '../list.js'
import { bo, Fixture, li, message, refusal, ticks } from './fixture.js'

const at = 1_700_000_000_000

// row returns a row as the server says it.
const row = (room, fields = {}) => ({ room, title: room, size: 2, epoch: 'e1', last: 1, at: at + 1, count: 1, role: 'member',
  read: 0, unread: 1, notify: true, top: false, ...fields })

const head = (room, seq, fields = {}) => ({ type: 'head', room, last: seq, at: at + seq, count: seq, entry: message(seq, { room }), ...fields })

// answer returns the list of a welcome.
const whole = (rows, fields = {}) => ({ at: 't1', all: true, live: true, rows, more: Boolean(fields.next), unread: 0, ...fields })
const changes = (rows) => ({ at: 't2', all: false, live: true, rows, more: false })

// open returns a fixture that has been welcomed with a list.
function open(answer, options) {
  const fixture = new Fixture({ list: list(options) })
  for (const name of ['list', 'row', 'head']) fixture.chat.on(name, (event) => fixture.events.push([name, event]))
  fixture.welcome({ list: answer })
  return fixture
}

// back brings a fixture online again, after the connection was lost.
function back(fixture, answer, fields) {
  fixture.socket.drop()
  fixture.clock.advance(500)
  fixture.welcome({ list: answer, ...fields })
}

const rooms = ({ chat }) => chat.list.rows.map(({ room }) => room)
const unread = ({ chat }) => [...chat.list.rows.map((it) => it.unread), chat.list.unread]

test('without the option there is no list, and hello does not ask for one', () => {
  const fixture = new Fixture()
  fixture.welcome()
  assert.equal(fixture.chat.list, undefined)
  assert.deepEqual(Object.keys(fixture.socket.commands('hello')[0]).sort(), ['device', 'id', 'rooms', 'type'])
  fixture.socket.receive({ type: 'row', ...row('a') })
  fixture.socket.receive(head('a', 2))
  assert.deepEqual(fixture.of('error'), [])
})

test('hello opens the list, and when the client comes back it says since when it knows it', () => {
  const fixture = open(whole([row('a')]), { limit: 20 })
  assert.deepEqual(fixture.socket.commands('hello')[0].list, { limit: 20 })
  back(fixture, changes([row('b')]))
  assert.deepEqual(fixture.socket.commands('hello')[0].list, { limit: 20, since: 't1' })
  assert.deepEqual(rooms(fixture), ['a', 'b'])
  back(fixture, whole([row('c')], { at: 't3' }))
  assert.deepEqual(fixture.socket.commands('hello')[0].list.since, 't2')
  assert.deepEqual(rooms(fixture), ['c'])
  assert.deepEqual([...fixture.storage.texts], [])
})

test('rows with top come first, then the newest; hidden ones are apart', () => {
  const fixture = open(whole([row('old', { at: at + 1 }), row('new', { at: at + 9 }), row('b', { at: at + 5 }), row('a', { at: at + 5 }),
    row('top', { top: true }), row('hidden', { hidden: true, at: at + 10 })]))
  const { list } = fixture.chat
  assert.deepEqual(rooms(fixture), ['top', 'new', 'a', 'b', 'old'])
  assert.deepEqual(list.hidden.map(({ room }) => room), ['hidden'])
  assert.equal(list.rows, list.rows)
  const before = list.rows
  fixture.socket.receive({ type: 'row', ...row('old', { at: at + 1, top: true }) })
  assert.deepEqual(rooms(fixture), ['old', 'top', 'new', 'a', 'b'])
  assert.equal(before[4].top, false) // no row and no array is modified
  assert.equal(list.complete, true)
  assert.equal(list.get('old').top, true)
  assert.equal('type' in list.get('old'), false)
})

test('the sum of what is unread has only rows with notify that are not hidden', () => {
  const fixture = open(whole([row('a', { unread: 2 }), row('b', { unread: 3, notify: false }), row('c', { unread: 4, hidden: true })]))
  assert.equal(fixture.chat.list.unread, 2)
  fixture.socket.receive({ type: 'row', ...row('b', { unread: 3 }) })
  assert.equal(fixture.chat.list.unread, 5)
})

test('a head brings what is new, moves the row up and counts; an older one does nothing', () => {
  const fixture = open(whole([row('a', { at: at + 3 }), row('b', { cut: true })]))
  fixture.socket.receive(head('b', 4))
  assert.deepEqual(rooms(fixture), ['b', 'a'])
  const now = fixture.chat.list.get('b')
  assert.deepEqual(now, row('b', { last: 4, at: at + 4, count: 4, unread: 4, entry: message(4, { room: 'b' }) }))
  assert.deepEqual(fixture.of('head'), [now])
  const events = fixture.events.length
  fixture.socket.receive(head('b', 4))
  fixture.socket.receive(head('b', 3))
  assert.equal(fixture.chat.list.get('b'), now)
  assert.equal(fixture.events.length, events)
  fixture.socket.receive({ type: 'head', room: 'b', last: 5, at: at + 4, count: 4, size: 3, title: 'B' })
  assert.deepEqual(fixture.chat.list.get('b'), { ...now, last: 5, size: 3, title: 'B' })
  fixture.socket.receive({ type: 'head', room: 'b', last: 6, at: at + 4, count: 4, size: 3, title: '', avatar: '', closed: true })
  const { title, ...untitled } = now
  assert.deepEqual(fixture.chat.list.get('b'), { ...untitled, last: 6, size: 3, closed: true })
})

test('a mention is forgotten once it is read', () => {
  const fixture = open(whole([row('a', { mention: 1 })]))
  fixture.socket.receive(head('a', 3))
  assert.equal(fixture.chat.list.get('a').mention, 1)
  fixture.socket.receive(head('a', 4, { entry: message(4, { room: 'a', from: li }) }))
  assert.equal('mention' in fixture.chat.list.get('a'), false)
})

test('a hidden row comes back when something is said, and not when its title changes', () => {
  const fixture = open(whole([row('a', { hidden: true, unread: 0 })]))
  fixture.socket.receive({ type: 'head', room: 'a', last: 2, at: at + 1, count: 1, title: 'A' })
  assert.deepEqual(rooms(fixture), [])
  fixture.socket.receive(head('a', 3, { count: 2 }))
  assert.deepEqual(unread(fixture), [1, 1])
})

test('a row replaces the one that was there, and one that is gone goes', () => {
  const fixture = open(whole([row('a', { cut: true, mention: 1 })]))
  fixture.socket.receive({ type: 'row', ...row('a', { unread: 0, read: 1 }) })
  assert.deepEqual(fixture.chat.list.get('a'), row('a', { unread: 0, read: 1 }))
  fixture.socket.receive({ type: 'row', room: 'a', gone: true })
  fixture.socket.receive({ type: 'row', room: 'unknown', gone: true })
  assert.deepEqual(rooms(fixture), [])
  assert.deepEqual(fixture.of('row'), [row('a', { unread: 0, read: 1 }), { room: 'a', gone: true }, { room: 'unknown', gone: true }])
  assert.equal(fixture.of('list').length, 4)
})

test('in a new epoch of a room its row begins anew, though its numbers are lower', () => {
  const fixture = open(whole([row('a', { last: 9, count: 9, unread: 9 })]))
  fixture.socket.receive({ type: 'row', ...row('a', { epoch: 'e2', last: 1, count: 0, unread: 0 }) })
  fixture.socket.receive(head('a', 2, { count: 1 }))
  assert.deepEqual(unread(fixture), [1, 1])
})

test('for a head without a row the row is asked for, and heads that come meanwhile are not lost', () => {
  const fixture = open(whole([]))
  const { socket } = fixture
  socket.receive({ ...head('a', 3, { cut: true }), title: 'A', avatar: '', closed: false, size: 3 })
  socket.receive(head('b', 3))
  socket.receive(head('a', 5))
  socket.receive(head('a', 4))
  assert.deepEqual(socket.commands('list').map(({ rooms }) => rooms), [['a']])
  socket.answer('list', { type: 'list', rows: [row('a', { last: 3, count: 3, unread: 3, at: at + 3 })], more: false })
  assert.deepEqual(fixture.chat.list.get('a'), row('a', { title: 'A', size: 3, last: 5, count: 5, unread: 5, at: at + 5, entry: message(5, { room: 'a' }) }))
  assert.deepEqual(socket.commands('list').map(({ rooms }) => rooms), [['a'], ['b']])
  socket.receive({ type: 'row', ...row('b', { last: 3, count: 3, unread: 0, read: 3 }) }) // newer than what was asked for
  socket.answer('list', { type: 'list', rows: [row('b', { last: 3, count: 3, unread: 3 })], more: false })
  assert.deepEqual(fixture.chat.list.get('b').unread, 0)
  assert.equal(socket.commands('list').length, 2)
})

test('rows that one answer does not take are asked for again, and those that nobody knows are not', async () => {
  const fixture = open(whole([]))
  const { socket } = fixture
  for (const room of ['a', 'b', 'c', 'd']) socket.receive(head(room, 3))
  const asked = () => socket.commands('list').map(({ rooms }) => rooms.join(' '))
  socket.answer('list', { type: 'list', rows: [row('a', { last: 3 })], more: false })
  assert.deepEqual(asked(), ['a', 'b c d'])
  socket.answer('list', { type: 'list', rows: [row('c', { last: 3 })], more: true })
  assert.deepEqual(asked(), ['a', 'b c d', 'b d'])
  socket.answer('list', { type: 'list', rows: [row('b', { last: 3 })], more: false })
  assert.deepEqual(rooms(fixture).sort(), ['a', 'b', 'c'])
  assert.equal(asked().length, 3)
  socket.receive(head('d', 4))
  socket.answer('list', { type: 'list', rows: [], more: true }) // an answer that leads no further
  assert.deepEqual(asked().slice(3), ['d'])
})

test('rows are asked for again when the server has no time, and not after a refusal for good', async () => {
  const fixture = open(whole([]))
  const { socket, clock } = fixture
  socket.receive(head('a', 3))
  socket.answer('list', { type: 'error', code: 'too_fast', message: '', retry: 2000 })
  await ticks()
  socket.receive(head('b', 3))
  clock.advance(1999)
  assert.equal(socket.commands('list').length, 1)
  clock.advance(1)
  assert.deepEqual(socket.commands('list')[1].rooms, ['a', 'b'])
  socket.answer('list', { type: 'error', code: 'forbidden', message: '', retry: false })
  await ticks()
  assert.equal(socket.commands('list').length, 2)
  socket.receive(head('b', 4))
  socket.answer('list', { type: 'list', rows: [row('b', { last: 4 })], more: false })
  assert.deepEqual(rooms(fixture), ['b'])
})

test('an answer that is older than a head keeps what the head said', async () => {
  const fixture = open(whole([row('a')], { next: 'n1', unread: 1 }))
  const more = fixture.chat.list.more()
  fixture.socket.receive(head('a', 3))
  fixture.socket.answer('list', { type: 'list', rows: [row('a', { last: 2, count: 2, unread: 2, top: true })], more: false })
  assert.equal(await more, 0)
  assert.deepEqual(fixture.chat.list.get('a'), row('a', { top: true, last: 3, count: 3, unread: 3, at: at + 3, entry: message(3, { room: 'a' }) }))
})

test('more loads page by page, and the sum is that of the server until all are loaded', async () => {
  const fixture = open(whole([row('a', { unread: 2 })], { next: 'n1', unread: 10 }), { limit: 1 })
  const { chat, socket } = fixture
  assert.deepEqual([chat.list.unread, chat.list.complete], [10, false])
  const more = chat.list.more()
  assert.equal(chat.list.more(), more)
  const { type, id, ...asked } = socket.commands('list')[0]
  assert.deepEqual(asked, { next: 'n1', limit: 1 })
  socket.answer('list', { type: 'list', rows: [row('b', { unread: 5, at })], next: 'n2', more: true })
  assert.equal(await more, 1)
  assert.deepEqual(unread(fixture), [2, 5, 10])
  const last = chat.list.more()
  assert.equal(socket.commands('list')[1].next, 'n2')
  socket.answer('list', { type: 'list', rows: [row('c', { unread: 3, at: at - 1 }), row('b', { unread: 4, read: 1, at })], more: false })
  assert.equal(await last, 1)
  assert.deepEqual([...unread(fixture), chat.list.complete], [2, 4, 3, 9, true])
  assert.equal(await chat.list.more(), 0)
})

test('more fails without a connection, and works again', async () => {
  const fixture = open(whole([row('a')], { next: 'n1' }))
  const lost = fixture.chat.list.more()
  fixture.socket.drop()
  await assert.rejects(lost, refusal('lost', 0))
  await assert.rejects(fixture.chat.list.more(), refusal('offline', 0))
  fixture.clock.advance(500)
  fixture.welcome({ list: changes([]) })
  const more = fixture.chat.list.more()
  assert.equal(fixture.socket.commands('list')[0].next, 'n1')
  fixture.socket.answer('list', { type: 'list', rows: [row('b')], more: false })
  assert.equal(await more, 1)
})

test('to send is to read: the own message counts nowhere, and a row that does not know yet changes nothing', () => {
  for (const via of [undefined, 'orders']) {
    const fixture = open(whole([row('a', { unread: 1 })]))
    fixture.socket.receive(head('a', 3, { count: 3, entry: message(3, { room: 'a', from: li, via }) }))
    assert.deepEqual(unread(fixture), via ? [3, 3] : [0, 0])
    fixture.socket.receive({ type: 'row', ...row('a', { last: 3, count: 3, unread: 3, notify: false }) })
    assert.deepEqual(unread(fixture), via ? [3, 0] : [0, 0])
    fixture.socket.receive(head('a', 4))
    fixture.socket.receive({ type: 'row', ...row('a', { last: 4, count: 4, unread: 1, read: 3 }) })
    assert.deepEqual(unread(fixture), [1, 1])
    fixture.socket.receive({ type: 'row', ...row('a', { last: 4, count: 4, unread: 4, read: 0 }) })
    assert.deepEqual(unread(fixture), [4, 4], 'the server has the last word once it has followed')
  }
})

test('what is read here or on another device is read in the list at once', async () => {
  const fixture = open(whole([row('tea', { last: 2, count: 2, unread: 2 })]))
  const socket = fixture.joinRoom('tea', { entries: [message(1), message(2)], unread: 2 })
  const read = fixture.chat.read('tea', 2)
  socket.answer('read', { type: 'ok', room: 'tea', seq: 2, unread: 0 })
  await read
  assert.deepEqual(unread(fixture), [0, 0])
  socket.receive(message(3))
  socket.receive({ type: 'read', room: 'tea', seq: 3, unread: 0 })
  socket.receive(head('tea', 3)) // later than the mark
  assert.deepEqual(unread(fixture), [0, 0])
})

test('what the server had not noted when the connection broke is asked for', () => {
  const fixture = open(whole([row('a'), row('b')]))
  fixture.socket.receive(head('a', 2, { entry: message(2, { room: 'a', from: li }) }))
  back(fixture, changes([row('b', { read: 1, unread: 0 })]))
  assert.deepEqual(fixture.socket.commands('list').map(({ rooms }) => rooms), [['a']])
  back(fixture, changes([])) // there was no answer
  assert.deepEqual(fixture.socket.commands('list').map(({ rooms }) => rooms), [['a']])
  const entry = message(2, { room: 'a', from: li })
  fixture.socket.answer('list', { type: 'list', rows: [row('a', { last: 2, count: 2, unread: 2, entry })], more: false })
  assert.deepEqual(fixture.chat.list.get('a').unread, 2)
  fixture.socket.receive(head('a', 3, { count: 2, entry, title: 'A' })) // the message is not new
  assert.deepEqual(fixture.chat.list.get('a').unread, 2)
})

test('a conversation of two is not in the list before its first message', () => {
  const fixture = open(whole([]))
  fixture.socket.receive({ type: 'row', ...row('d', { with: bo, count: 0, unread: 0 }) })
  assert.deepEqual(rooms(fixture), [])
  fixture.socket.receive({ type: 'row', ...row('d', { with: bo }) })
  assert.deepEqual(rooms(fixture), ['d'])
})

test('the changes of the list of another user are not applied: the list is asked for anew', () => {
  const fixture = open(whole([row('a')]))
  back(fixture, changes([row('b')]), { user: bo })
  fixture.socket.open()
  assert.deepEqual(fixture.socket.commands('hello')[0].list, {})
  fixture.welcome({ user: bo, list: whole([row('c')]) })
  assert.deepEqual(rooms(fixture), ['c'])
})

test('a list that is not live is asked for again each minute', () => {
  const fixture = open({ ...whole([row('a')]), live: false })
  const { chat, socket, clock } = fixture
  assert.equal(chat.list.live, false)
  for (let sent = 1; sent < 3; sent++) {
    for (let second = 0; second < 60; second += 5) {
      clock.advance(5_000)
      for (const { id } of socket.commands('ping')) socket.receive({ type: 'pong', id })
      socket.receive({ type: 'pong' })
    }
    assert.equal(socket.commands('list').length, sent)
    socket.answer('list', { type: 'list', rows: [row('b', { at: at + 2 })], next: 'n', more: true })
  }
  assert.deepEqual(rooms(fixture), ['b', 'a'])
  assert.equal(chat.list.complete, true)
})

test('forget forgets the list', () => {
  const fixture = open(whole([row('a')], { next: 'n', unread: 7 }))
  fixture.chat.forget()
  assert.deepEqual([rooms(fixture), fixture.chat.list.unread, fixture.chat.list.complete], [[], 0, false])
  fixture.welcome({ list: whole([]) })
  assert.deepEqual(fixture.socket.commands('hello')[0].list, {})
})

test('what is no row or no head is refused, and the list stays', async () => {
  for (const frame of [{ type: 'row' }, { type: 'row', ...row('a', { epoch: undefined }) }, { type: 'row', ...row('a', { unread: 'x' }) },
    { type: 'row', ...row('a', { entry: {} }) }, { type: 'head', room: 'a' }, head('a', 2, { count: undefined }), head('a', 2, { entry: 7 })]) {
    const fixture = open(whole([row('a')]))
    const before = fixture.chat.list.rows
    fixture.socket.receive(frame)
    assert.equal(fixture.chat.list.rows, before, JSON.stringify(frame))
    assert.deepEqual(fixture.of('error').map(({ code }) => code), ['bad_answer'])
  }
  const fixture = open(whole([row('a')], { next: 'n' }))
  const more = fixture.chat.list.more()
  fixture.socket.answer('list', { type: 'list', rows: [row('b'), {}], more: false })
  await assert.rejects(more, refusal('bad_answer'))
  assert.deepEqual(rooms(fixture), ['a'])
  const closed = open({ at: 't', all: true, rows: [{}] })
  assert.equal(closed.chat.state, 'closed')
})

test('a server that knows no list says nothing of it', () => {
  const fixture = open(undefined)
  assert.deepEqual([fixture.chat.state, fixture.chat.list.complete, fixture.chat.list.rows], ['online', false, []])
})
