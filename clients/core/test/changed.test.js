// Edits, tags and recalls change the messages of a Timeline.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timeline } from '../timeline.js'
import { bo, Fixture, li, message, state, ticks } from './fixture.js'

const at = 1_700_000_000_000
const entry = (seq, type, target, fields) => ({ type, room: 'tea', seq, at, from: bo, target, ...fields })
const edited = (seq, target, body) => entry(seq, 'edited', target, { body })
const tagged = (seq, target, fields) => entry(seq, 'tagged', target, { tag: '👍', value: true, ...fields })
const recalled = (seq, target) => entry(seq, 'recalled', target)
const many = (fields) => ({ tags: [{ tag: '👍', users: 9, mine: false, some: ['a', 'b', 'c'], ...fields }] })

// watch creates a timeline, and checks that its changes lead to its items.
function watch(fixture) {
  const copy = []
  const timeline = new Timeline(fixture.chat, 'tea', (index, removed, added) => {
    watched.changes++
    copy.splice(index, removed, ...added)
  })
  const watched = { changes: 0, timeline, shown() {
    assert.deepEqual(copy, timeline.items)
    return copy.map(({ seq, body, edited, recalled, tags }) => [seq, recalled ? undefined : body, edited, tags])
  } }
  return watched
}

function answerHistory(fixture, entries, more = false) {
  fixture.socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries, more })
}

test('an item has what the server says of the message, also of one that is not sent yet', () => {
  const fixture = new Fixture()
  const { timeline } = watch(fixture)
  const said = { reply: 1, mentions: ['u-bo'], quiet: true }
  fixture.joinRoom('tea', { entries: [message(1), message(2, { ...said, edited: 4, ...many() })], last: 4 })
  fixture.chat.send('tea', 'look', { key: 'k', ...said })
  const [, two, own] = timeline.items
  for (const { reply, mentions, quiet } of [two, own]) assert.deepEqual({ reply, mentions, quiet }, said)
  assert.deepEqual([two.edited, two.tags], [4, many().tags])
  fixture.socket.receive(message(5, { from: li, key: 'k', body: 'look', ...said }))
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(5, { from: li, key: 'k', body: 'look', ...said })] }) })
  assert.deepEqual([timeline.items.length, timeline.items[2].own, timeline.items[2].mentions], [3, true, ['u-bo']])
})

test('an edit replaces the body once; an older one, or one without a body, does nothing', () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [message(1), message(2, { body: 'newest', edited: 5 })], last: 2 })
  for (const frame of [edited(3, 2, 'old'), edited(4, 1, 'first'), edited(5, 1, 'second'), edited(6, 1), edited(7, 9, 'of nothing')]) socket.receive(frame)
  assert.deepEqual(watched.shown(), [[1, 'second', 5, undefined], [2, 'newest', 5, undefined]])
  assert.equal(watched.changes, 4) // two messages, two edits
})

test('a recall takes body, mentions and tags, and what comes after it changes nothing', () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [message(1, { mentions: ['u-li'], ...many() })] })
  for (const frame of [recalled(2, 1), edited(3, 1, 'again'), tagged(4, 1), recalled(5, 1)]) socket.receive(frame)
  assert.deepEqual(watched.shown(), [[1, undefined, undefined, undefined]])
  const [{ body, mentions, recalled: gone }] = watched.timeline.items
  assert.deepEqual([body, mentions, gone, watched.changes], [undefined, undefined, true, 2])
})

for (const { name, had, tags, want } of [
  { name: 'a first reaction', tags: [{}], want: [{ tag: '👍', users: 1, mine: false, some: ['u-bo'] }] },
  { name: 'a second user, and the user', tags: [{}, { from: li }], want: [{ tag: '👍', users: 2, mine: true, some: ['u-bo', 'u-li'] }] },
  { name: 'the same one twice, by two devices', tags: [{}, {}, { from: li }, { from: li }],
    want: [{ tag: '👍', users: 2, mine: true, some: ['u-bo', 'u-li'] }] },
  { name: 'the last one goes', tags: [{}, { value: false }], want: undefined },
  { name: 'nobody takes back what nobody has', tags: [{ value: false }, { from: li, value: false }], want: undefined },
  { name: 'the user is one of many, whom the server does not name', had: many({ mine: true }).tags,
    tags: [{ from: li }, { from: li, value: false }, { from: li, value: false }], want: many({ users: 8 }).tags },
  { name: 'one of many who was not named goes', had: many().tags, tags: [{ value: false }], want: many({ users: 8 }).tags },
  { name: 'one of many comes, twice', had: many().tags, tags: [{}, {}], want: many({ users: 10, some: ['a', 'b', 'c', 'u-bo'] }).tags },
  { name: 'shared tags come first, and are other tags', had: many().tags,
    tags: [{ shared: true, value: { x: 1 } }, { tag: 'pin', shared: true }, { shared: true, value: 0, from: undefined }],
    want: [{ tag: '👍', value: 0 }, { tag: 'pin', value: true }, ...many().tags] },
  { name: 'a shared tag goes', had: [{ tag: '👍', value: 7 }, ...many().tags],
    tags: [{ shared: true, value: false }, { shared: true, value: false }], want: many().tags },
]) {
  test(`tags: ${name}`, () => {
    const fixture = new Fixture()
    const watched = watch(fixture)
    const socket = fixture.joinRoom('tea', { entries: [message(1, had && { tags: had })] })
    tags.forEach((fields, i) => socket.receive(tagged(i + 2, 1, fields)))
    assert.deepEqual(watched.shown(), [[1, '1', undefined, want]])
  })
}

test('what a page of the room has is not applied again, and what follows it is', () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  fixture.welcome()
  fixture.chat.join('tea')
  // The tags of message 1 are those of entry 4, which another page brings.
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(1, many()), tagged(2, 1)], last: 4, more: true }) })
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [tagged(3, 1, { from: li }), tagged(4, 1, { from: li, value: false })], last: 4 }) })
  assert.deepEqual(watched.shown(), [[1, '1', undefined, many().tags]])
  fixture.socket.receive(tagged(5, 1, { from: li }))
  assert.deepEqual(watched.shown()[0][3], many({ users: 10, mine: true, some: ['a', 'b', 'c', 'u-li'] }).tags)
})

test('after a disconnect at every point the same is shown', () => {
  const log = [message(1), edited(2, 1, 'b'), tagged(3, 1), tagged(4, 1, { from: li }), message(5), edited(6, 1, 'c'), tagged(7, 1, { value: false }),
    tagged(8, 5, { tag: 'pin', shared: true }), recalled(9, 1), tagged(10, 5, { from: { id: 'u-cy', name: '' } })]
  const tags = [{ tag: 'pin', value: true }, { tag: '👍', users: 1, mine: false, some: ['u-cy'] }]
  // A server shows messages and edits as they are now.
  const now = log.map((it) => {
    if (it.seq === 1) return { ...it, body: undefined, recalled: true }
    if (it.seq === 5) return { ...it, tags }
    return it.type === 'edited' ? { ...it, body: undefined } : it
  })
  for (let cut = 0; cut <= log.length; cut++) {
    const fixture = new Fixture()
    const watched = watch(fixture)
    const socket = fixture.joinRoom('tea', { last: 0 })
    for (const frame of log.slice(0, cut)) socket.receive(frame)
    socket.drop()
    fixture.clock.advance(500)
    fixture.socket.open()
    fixture.welcome({ rooms: [state('tea', { entries: now.slice(cut), last: log.length })] })
    for (const frame of log) fixture.socket.receive(frame) // and once more
    assert.deepEqual(watched.shown().map(([seq, body, , tags]) => [seq, body, tags]), [[1, undefined, undefined], [5, '5', tags]], `after ${cut}`)
  }
})

test('a message that history brings has its state, and nothing that came meanwhile is lost', async () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [message(9)] })
  for (const frame of [tagged(10, 1), edited(11, 2, 'in the history already')]) socket.receive(frame)
  const older = watched.timeline.older()
  for (const frame of [tagged(12, 1, { from: li }), edited(13, 2, 'later'), recalled(14, 3), edited(15, 4, 'four'), tagged(16, 8)]) socket.receive(frame)
  // The server has read the history after entry 11, or 15 for message 4.
  const tags = [{ tag: '👍', users: 1, mine: false, some: ['u-bo'] }]
  answerHistory(fixture, [message(1, { tags }), message(2, { body: 'in the history already', edited: 11 }), message(3), message(4, { body: 'four', edited: 15 })])
  socket.receive(edited(17, 1, 'one'))
  assert.equal(await older, 4)
  assert.deepEqual(watched.shown(), [
    [1, 'one', 17, [{ tag: '👍', users: 2, mine: true, some: ['u-bo', 'u-li'] }]], [2, 'later', 13, undefined],
    [3, undefined, undefined, undefined], [4, 'four', 15, undefined], [9, '9', undefined, undefined],
  ])
  assert.equal(watched.timeline.missed.size, 0)
})

test('reactions that came while history was loaded count once, also of many users', async () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [message(9)] })
  const older = watched.timeline.older()
  const user = (id) => ({ from: { id, name: '' } })
  // The server has read the history after all of them: x and a have the tag, y and b have not.
  for (const frame of [tagged(10, 1, { ...user('a'), value: false }), tagged(11, 1, user('x')), tagged(12, 1, { ...user('y'), value: false }),
    tagged(13, 1, user('b')), tagged(14, 1, user('a')), tagged(15, 1, { ...user('b'), value: false })]) socket.receive(frame)
  answerHistory(fixture, [message(1, many({ some: ['a', 'c', 'd'] }))])
  await older
  assert.equal(watched.shown()[0][3][0].users, 9)
  socket.receive(tagged(16, 1, user('b')))
  assert.equal(watched.shown()[0][3][0].users, 10)
})

test('a reaction that may be in a page already: the tags are read again when nothing more comes', async () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  const asked = () => fixture.socket.commands('history').map(({ before, limit }) => [before, limit])
  const users = () => watched.shown()[0][3][0].users
  // The server has read the entries up to 4, and then the tags: entry 5 is in them.
  const socket = fixture.joinRoom('tea', { entries: [message(1, many()), message(2), message(3), message(4)] })
  socket.receive(tagged(5, 1))
  assert.equal(users(), 10)
  fixture.clock.advance(4_000)
  socket.receive(tagged(6, 1, { from: { id: 'u-cy', name: '' } }))
  fixture.clock.advance(4_999)
  assert.deepEqual(asked(), [])
  fixture.clock.advance(5_001)
  assert.deepEqual(asked(), [[2, 1]])
  // Another one comes before the answer, which may have it or not: so it is asked again.
  socket.receive(tagged(7, 1, { from: { id: 'u-di', name: '' } }))
  answerHistory(fixture, [message(1, many({ users: 11 }))], true)
  await ticks()
  assert.equal(users(), 12)
  fixture.clock.advance(20_000)
  assert.deepEqual(asked(), [[2, 1], [2, 1]])
  answerHistory(fixture, [message(1, many({ users: 11 }))], true)
  await ticks()
  assert.equal(users(), 11)
  // What is recorded much later cannot be in it, and one who is named needs no question.
  const later = fixture.clock.now() + 10_000
  socket.receive(tagged(8, 1, { at: later, from: { id: 'u-ed', name: '' } }))
  socket.receive(tagged(9, 1, { from: { id: 'a', name: '' }, value: false }))
  fixture.clock.advance(20_000)
  assert.deepEqual([users(), asked().length], [11, 2])
})

test('tags that are doubted wait for the next connection, and end with the list', async () => {
  const fixture = new Fixture()
  const { timeline } = watch(fixture)
  fixture.joinRoom('tea', { entries: [message(1, many())], last: 1 }).receive(tagged(2, 1))
  fixture.socket.drop()
  fixture.clock.advance(300)
  assert.equal(fixture.socket.commands('history').length, 0)
  fixture.clock.advance(20_000)
  fixture.welcome({ rooms: [state('tea', { last: 2 })] })
  fixture.clock.advance(10_000)
  assert.equal(fixture.socket.commands('history').length, 1)
  fixture.socket.answer('history', { type: 'error', code: 'too_fast', message: '', retry: 100 })
  await ticks()
  fixture.clock.advance(20_000)
  assert.equal(fixture.socket.commands('history').length, 2)
  timeline.close()
  fixture.socket.answer('history', { type: 'error', code: 'too_fast', message: '', retry: 100 })
  await ticks()
  fixture.clock.advance(20_000)
  assert.equal(fixture.socket.commands('history').length, 2)
})

test('a welcome that came late, after a sleep, leaves no wrong count: the tags are read again', async () => {
  const fixture = new Fixture()
  watch(fixture)
  fixture.chat.connect()
  fixture.socket.open()
  fixture.clock.sleep(80_000)
  fixture.welcome({ at: fixture.clock.now() - 80_000 })
  fixture.joinRoom('tea', { entries: [message(1, many())], last: 1 })
  fixture.clock.advance(9_000) // the entry may come later: what counts is when it was recorded
  fixture.socket.receive(tagged(2, 1, { at: fixture.clock.now() - 9_100 }))
  fixture.clock.advance(10_000)
  assert.equal(fixture.socket.commands('history').length, 1)
})

test('a live entry that comes between pages is left to the next page, which has its tags', () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  fixture.welcome()
  fixture.chat.join('tea')
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(1)], last: 3, more: true }) })
  fixture.socket.receive(message(2))
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [message(2, many()), tagged(3, 2)], last: 3 }) })
  assert.deepEqual(watched.shown().map(([seq, , , tags]) => [seq, tags]), [[1, undefined], [2, many().tags]])
})

test('the tags of history from before the join are not counted again', async () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  fixture.welcome()
  const older = watched.timeline.older()
  answerHistory(fixture, [message(1, many()), tagged(2, 1)])
  await older
  fixture.joinRoom('tea', { entries: [tagged(2, 1), tagged(3, 1, { from: li })], last: 3 })
  assert.deepEqual(watched.shown(), [[1, '1', undefined, many({ users: 10, mine: true, some: ['a', 'b', 'c', 'u-li'] }).tags]])
})

test('edits and tags of what the user is not shown say nothing, and are no mistake', async () => {
  const fixture = new Fixture()
  const watched = watch(fixture)
  const socket = fixture.joinRoom('tea', { entries: [entry(3, 'tagged', 1), message(4)], pins: [4] })
  const older = watched.timeline.older()
  for (const frame of [entry(5, 'tagged', 1), edited(6, 1), entry(7, 'tagged', 4), message(8)]) socket.receive(frame)
  answerHistory(fixture, [message(1, many()), entry(2, 'tagged', 1)])
  await older
  assert.deepEqual(watched.shown().map(([seq, , , tags]) => [seq, tags]), [[1, many().tags], [4, undefined], [8, undefined]])
  assert.deepEqual([fixture.of('error'), fixture.of('removed'), fixture.chat.rooms.get('tea').pins], [[], [], [4]])
})

test('the pins of a room are those of now: also after a recall, and over two pages', () => {
  const fixture = new Fixture()
  const pins = () => fixture.chat.rooms.get('tea').pins
  fixture.welcome()
  fixture.chat.join('tea')
  const pin = (seq, target, value = true) => tagged(seq, target, { tag: 'pin', shared: true, value })
  // The state knows that 3 was unpinned later.
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [pin(8, 3)], last: 9, more: true, pins: [2, 6] }) })
  assert.deepEqual(pins(), [2, 6])
  fixture.socket.answer('join', { type: 'joined', ...state('tea', { entries: [pin(9, 3, false)], last: 9, pins: [2, 6] }) })
  for (const [frame, want] of [[pin(10, 4), [2, 4, 6]], [pin(11, 4), [2, 4, 6]], [recalled(12, 2), [4, 6]], [pin(13, 4, false), [6]],
    [tagged(14, 6, { tag: 'pin', value: false }), [6]], [recalled(15, 6), undefined]]) {
    fixture.socket.receive(frame)
    assert.deepEqual(pins(), want)
  }
})
