// The list that a page draws.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timeline } from '../timeline.js'
import { bo, li, refusal, said, Stage, state } from './stage.js'

// watch makes a timeline, and a copy of its list that is made of changes alone.
function watch(stage, room = 'tea') {
  const copy = []
  const timeline = new Timeline(stage.chat, room, (index, removed, added) => copy.splice(index, removed, ...added))
  copy.push(...timeline.items)
  const shown = () => {
    assert.deepEqual(copy, timeline.items)
    assert.equal(new Set(copy.map(({ id }) => id)).size, copy.length, 'an id twice')
    return copy.map(({ seq, body, recalled, state, own }) =>
      `${own ? 'me: ' : ''}${recalled ? 'recalled' : body}${state === 'sent' ? ` ${seq}` : ` ${state}`}`)
  }
  return { timeline, shown }
}

// say sends a message and returns its key.
function say(stage, body) {
  stage.chat.send('tea', body)
  return stage.of('outbox').at(-1).key
}

function page(stage, entries, more, fields = {}) {
  stage.socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries, more, ...fields })
}

test('messages and notices in the order of the server', () => {
  const stage = new Stage()
  const { timeline, shown } = watch(stage)
  stage.chat.join('tea')
  stage.welcome({ rooms: [state('tea', { entries: [said(4), said(5, { from: li })] })] })
  stage.socket.say({ type: 'notice', room: 'tea', seq: 6, at: 6, body: 'ready' })
  stage.socket.say(said(7))
  stage.socket.say(said(1, { room: 'milk' }))
  assert.deepEqual(shown(), ['4 4', 'me: 5 5', 'ready 6', '7 7'])
  assert.deepEqual(timeline.items.map(({ id }) => id), ['seq 4', 'seq 5', 'seq 6', 'seq 7'])
  timeline.close()
  stage.socket.say(said(8))
  assert.equal(timeline.items.length, 4)
})

test('the own message: sending, sent, and in its place when the room says it', () => {
  const stage = new Stage()
  const { timeline, shown } = watch(stage)
  const socket = stage.enter('tea')
  const key = say(stage, 'hello')
  say(stage, 'world')
  const { id } = timeline.items[0]
  assert.deepEqual(shown(), ['me: hello sending', 'me: world sending'])
  socket.answer('send', { type: 'ok', room: 'tea', seq: 2, at: 2, duplicate: false })
  assert.deepEqual(shown(), ['me: hello 2', 'me: world sending'])
  socket.say(said(1))
  assert.deepEqual(shown(), ['1 1', 'me: hello 2', 'me: world sending'])
  socket.say(said(2, { from: li, key, body: 'hello' }))
  socket.say(said(3))
  assert.deepEqual(shown(), ['1 1', 'me: hello 2', '3 3', 'me: world sending'])
  assert.equal(timeline.placed, 3)
  assert.equal(timeline.items[1].id, id)
})

test('the own message before its answer', () => {
  const stage = new Stage()
  const { shown } = watch(stage)
  const socket = stage.enter('tea')
  const key = say(stage, 'hello')
  socket.say(said(1, { from: li, key, body: 'hello' }))
  assert.deepEqual(shown(), ['me: hello 1'])
  socket.answer('send', { type: 'ok', room: 'tea', seq: 1, at: 2, duplicate: false })
  assert.deepEqual(shown(), ['me: hello 1'])
})

test('a copied key replaces nobody', () => {
  const stage = new Stage()
  const { shown } = watch(stage)
  const socket = stage.enter('tea')
  const key = say(stage, 'hello')
  socket.say(said(1, { from: bo, key }))
  assert.deepEqual(shown(), ['1 1', 'me: hello sending'])
})

test('failed, said again as the newest, discarded', () => {
  const stage = new Stage()
  const { shown } = watch(stage)
  const socket = stage.enter('tea')
  const key = say(stage, 'a')
  say(stage, 'b')
  socket.answer('send', { type: 'error', code: 'forbidden', message: '', retry: false })
  assert.deepEqual(shown(), ['me: a failed', 'me: b sending'])
  stage.chat.retry(key)
  assert.deepEqual(shown(), ['me: b sending', 'me: a sending'])
  stage.chat.discard(key)
  assert.deepEqual(shown(), ['me: b sending'])
})

test('what waits in the outbox is there from the beginning', () => {
  const stage = new Stage()
  stage.enter('tea')
  say(stage, 'a')
  stage.chat.join('milk')
  stage.chat.send('milk', 'm')
  assert.deepEqual(watch(stage).shown(), ['me: a sending'])
})

test('what was sent before the newest page is left to the older ones', () => {
  const stage = new Stage()
  const { shown } = watch(stage)
  stage.enter('tea', { entries: [said(1)] })
  say(stage, 'a')
  say(stage, 'b')
  stage.socket.answer('send', { type: 'ok', room: 'tea', seq: 2, at: 2, duplicate: false })
  stage.socket.lose()
  stage.clock.pass(500)
  stage.welcome({ rooms: [state('tea', { gap: true, entries: [said(8), said(9)] })] })
  assert.deepEqual(shown(), ['8 8', '9 9', 'me: b sending'])
  stage.socket.answer('send', { type: 'ok', room: 'tea', seq: 3, at: 3, duplicate: true })
  assert.deepEqual(shown(), ['8 8', '9 9'])
})

test('recalled: the body is gone, here and from what is loaded later', async () => {
  const stage = new Stage()
  const { timeline, shown } = watch(stage)
  const socket = stage.enter('tea', { entries: [said(4), said(5)] })
  const older = timeline.older()
  socket.say({ type: 'recalled', room: 'tea', seq: 6, at: 6, from: bo, target: 5 })
  socket.say({ type: 'recalled', room: 'tea', seq: 7, at: 7, from: bo, target: 3 })
  assert.deepEqual(shown(), ['4 4', 'recalled 5'])
  assert.equal(timeline.items[1].body, undefined)
  // The page was read before the recall, and answered after it.
  page(stage, [said(2), said(3)], true)
  await older
  assert.deepEqual(shown(), ['2 2', 'recalled 3', '4 4', 'recalled 5'])
  const rest = timeline.older()
  page(stage, [said(1, { body: undefined, recalled: true })], false)
  await rest
  assert.deepEqual(shown()[0], 'recalled 1')
})

test('older pages, until there are no more', async () => {
  const stage = new Stage()
  const { timeline, shown } = watch(stage)
  const socket = stage.enter('tea', { entries: [said(5), said(6)] })
  assert.equal(timeline.more, true)
  const older = timeline.older(2)
  assert.deepEqual(socket.sent.at(-1), { type: 'history', id: '3', room: 'tea', before: 5, limit: 2 })
  page(stage, [said(3), { type: 'recalled', room: 'tea', seq: 4, at: 4, from: bo, target: 1 }], true)
  assert.equal(await older, 1)
  const rest = timeline.older()
  assert.equal(socket.sent.at(-1).before, 3)
  page(stage, [said(2)], false) // the first is no longer kept
  await rest
  assert.equal(timeline.more, false)
  assert.deepEqual(shown(), ['2 2', '3 3', '5 5', '6 6'])
})

test('an older page that only had recalls is passed', async () => {
  const stage = new Stage()
  const { timeline } = watch(stage)
  stage.enter('tea', { entries: [said(5)] })
  const older = timeline.older()
  page(stage, [{ type: 'recalled', room: 'tea', seq: 4, at: 4, from: bo, target: 1 }], true)
  assert.equal(await older, 0)
  timeline.older()
  assert.equal(stage.socket.sent.at(-1).before, 4)
})

test('a room that begins with 1 has nothing older', () => {
  const stage = new Stage()
  const { timeline } = watch(stage)
  stage.enter('tea', { entries: [said(1)] })
  assert.equal(timeline.more, false)
})

test('made after joining, older begins with the newest page', async () => {
  const stage = new Stage()
  stage.enter('tea', { entries: [said(1), said(2)] })
  const { timeline, shown } = watch(stage)
  const older = timeline.older()
  stage.socket.say(said(3))
  page(stage, [said(1), said(2), said(3)], false)
  assert.equal(await older, 2)
  assert.deepEqual(shown(), ['1 1', '2 2', '3 3'])
})

test('pages read before the room was entered stay if it goes on from there', async () => {
  for (const { epoch, entries, want } of [
    { epoch: 'e1', entries: [said(4), said(5)], want: ['2 2', '3 3', '4 4', '5 5'] },
    { epoch: 'e1', entries: [said(3), said(4)], want: ['2 2', '3 3', '4 4'] },
    { epoch: 'e1', entries: [said(5), said(6)], want: ['5 5', '6 6'] }, // 4 is between
    { epoch: 'e2', entries: [said(4), said(5)], want: ['4 4', '5 5'] }, // the record is another
  ]) {
    const stage = new Stage()
    stage.welcome()
    const { timeline, shown } = watch(stage)
    const older = timeline.older()
    page(stage, [said(2), said(3)], false)
    assert.equal(await older, 2)
    stage.enter('tea', { epoch, entries })
    assert.deepEqual(shown(), want)
    assert.equal(timeline.more, want[0] !== '2 2')
  }
})

test('an empty page read before the room was entered does not end it', async () => {
  const stage = new Stage()
  stage.welcome()
  const { timeline } = watch(stage)
  const older = timeline.older()
  page(stage, [], false)
  await older
  stage.enter('tea', { entries: [said(5)] })
  assert.equal(timeline.more, true)
})

test('pages of two records are not mixed', async () => {
  const stage = new Stage()
  stage.welcome()
  const { timeline, shown } = watch(stage)
  const older = timeline.older()
  page(stage, [said(8), said(9)], true)
  await older
  const another = timeline.older()
  page(stage, [said(1), said(2)], false, { epoch: 'e2' })
  assert.equal(await another, 0)
  assert.deepEqual(shown(), [])
  assert.equal(timeline.more, true)
})

test('a page that does not reach the list is not taken', async () => {
  const stage = new Stage()
  stage.welcome()
  const { timeline, shown } = watch(stage)
  const older = timeline.older()
  stage.enter('tea', { last: 4 })
  stage.socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries: [said(1), said(2)], more: false })
  stage.socket.say(said(5))
  assert.equal(await older, 0)
  assert.deepEqual(shown(), ['5 5'])
  assert.equal(timeline.more, true)
})

test('a room that was left and entered again goes on where the list ends, or begins anew', () => {
  for (const [entries, want] of [
    [[said(3)], ['1 1', '2 2', '3 3']],
    [[said(8), said(9)], ['8 8', '9 9']],
    [[], []], // what has come meanwhile is not known
  ]) {
    const stage = new Stage()
    const { shown } = watch(stage)
    stage.enter('tea', { entries: [said(1), said(2)] })
    stage.chat.leave('tea')
    stage.enter('tea', { last: 9, entries })
    assert.deepEqual(shown(), want)
  }
})

test('a listener may leave the room before the list hears of an entry', () => {
  const stage = new Stage()
  for (const name of ['message', 'room']) stage.chat.on(name, ({ room }) => stage.chat.leave(room))
  const { timeline, shown } = watch(stage)
  stage.enter('tea', { entries: [said(1), said(2)] })
  assert.deepEqual(shown(), ['1 1'])
  stage.enter('tea')
  assert.deepEqual(stage.of('error'), [])
  assert.equal(timeline.items.length, 1)
})

test('a gap begins anew, and old pages that are on their way are not taken', async () => {
  const stage = new Stage()
  const { timeline, shown } = watch(stage)
  const socket = stage.enter('tea', { entries: [said(5), said(6)] })
  const older = timeline.older()
  socket.say(said(8)) // a hole, and what was there is no longer kept
  socket.answer('join', { type: 'joined', ...state('tea', { gap: true, entries: [said(8), said(9)] }) })
  page(stage, [said(4)], true)
  assert.equal(await older, 0)
  assert.deepEqual(shown(), ['8 8', '9 9'])
  assert.equal(timeline.more, true)
  const another = timeline.older()
  page(stage, [said(1)], false, { epoch: 'e9' })
  assert.equal(await another, 0)
})

test('trim forgets the oldest, which can be loaded again', async () => {
  const stage = new Stage()
  const { timeline, shown } = watch(stage)
  const socket = stage.enter('tea', { entries: [1, 2, 3, 4].map((seq) => said(seq)) })
  say(stage, 'a')
  timeline.trim(9)
  timeline.trim(2)
  assert.deepEqual(shown(), ['3 3', '4 4', 'me: a sending'])
  assert.equal(timeline.more, true)
  const older = timeline.older()
  assert.equal(socket.sent.at(-1).before, 3)
  page(stage, [said(1), said(2)], false)
  await older
  assert.deepEqual(shown(), ['1 1', '2 2', '3 3', '4 4', 'me: a sending'])
  timeline.trim(0)
  assert.deepEqual(shown(), ['me: a sending'])
  timeline.older()
  assert.equal(socket.sent.at(-1).before, undefined)
})

test('a page that was asked for before a trim leaves no hole', async () => {
  const stage = new Stage()
  const { timeline, shown } = watch(stage)
  stage.enter('tea', { entries: [3, 4, 5, 6].map((seq) => said(seq)) })
  const older = timeline.older()
  timeline.trim(1)
  page(stage, [said(1), said(2)], false)
  assert.equal(await older, 0)
  assert.deepEqual(shown(), ['6 6'])
  assert.equal(timeline.more, true)
})

test('older fails as history does', async () => {
  const stage = new Stage()
  await assert.rejects(watch(stage).timeline.older(), refusal('offline', 0))
})
