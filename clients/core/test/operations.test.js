// Answers, mentions, edits and tags.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bo, Fixture, message } from './fixture.js'

const at = 1_700_000_000_000

test('a message says what it answers, whom it names and that it is quiet, also after the app was started again', () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  const mentions = ['u-bo']
  fixture.chat.send('tea', 'look', { key: 'k', reply: 1, mentions, quiet: true })
  mentions.push('changed later')
  const said = { room: 'tea', key: 'k', body: 'look', reply: 1, mentions: ['u-bo'], quiet: true }
  const { type, id, ...sent } = socket.commands('send')[0]
  assert.deepEqual(sent, said)
  fixture.chat.suspend()
  const again = new Fixture({ storage: fixture.storage })
  again.joinRoom('tea', { entries: [message(1)] })
  const { type: type2, id: id2, ...second } = again.socket.commands('send')[0]
  assert.deepEqual(second, said)
  again.chat.send('tea', 'plain', { key: 'l' })
  assert.deepEqual(Object.keys(again.of('outbox').at(-1)).sort(), ['at', 'body', 'code', 'key', 'room', 'state', 'user'])
})

test('edit and tag are commands', async () => {
  const fixture = new Fixture()
  const socket = fixture.joinRoom('tea', { entries: [message(1)] })
  const made = [fixture.chat.edit('tea', 1, 'new'), fixture.chat.tag('tea', 1, '👍'), fixture.chat.tag('tea', 1, '👍', false),
    fixture.chat.tag('tea', 1, 'pin', true, true)]
  for (const { id } of [...socket.commands('edit'), ...socket.commands('tag')]) socket.receive({ type: 'ok', id, room: 'tea', duplicate: false, seq: 2, at })
  assert.deepEqual((await Promise.all(made)).map(({ seq }) => seq), [2, 2, 2, 2])
  const { id, ...sent } = socket.commands('edit')[0]
  assert.deepEqual(sent, { type: 'edit', room: 'tea', seq: 1, body: 'new' })
  assert.ok(socket.commands('tag').every(({ room, seq }) => room === 'tea' && seq === 1))
  assert.deepEqual(socket.commands('tag').map(({ tag, value, shared }) => [tag, value, shared]),
    [['👍', true, undefined], ['👍', false, undefined], ['pin', true, true]])
})

test('edits and tags are emitted in order, once, and do not count; pins follow', () => {
  const fixture = new Fixture()
  const heard = []
  for (const name of ['edited', 'tagged']) fixture.chat.on(name, ({ type, seq, target, live }) => heard.push([type, seq, target, live]))
  const socket = fixture.joinRoom('tea', { entries: [message(1)], unread: 1, pins: [9] })
  const entry = (seq, fields) => ({ room: 'tea', seq, at, from: bo, target: 1, ...fields })
  const frames = [entry(2, { type: 'edited', body: 'new' }), entry(3, { type: 'tagged', tag: '👍', value: true }),
    entry(4, { type: 'tagged', tag: 'pin', value: true, shared: true }), entry(5, { type: 'tagged', tag: 'pin', value: true })]
  for (const frame of [...frames, ...frames]) socket.receive(frame)
  assert.deepEqual(heard, [['edited', 2, 1, true], ['tagged', 3, 1, true], ['tagged', 4, 1, true], ['tagged', 5, 1, true]])
  const room = fixture.chat.rooms.get('tea')
  assert.deepEqual([room.unread, room.seq, room.pins], [1, 5, [1, 9]])
  socket.receive(entry(6, { type: 'tagged', tag: 'pin', value: false, shared: true }))
  assert.deepEqual(room.pins, [9])
  socket.receive(entry(7, { type: 'edited', target: undefined }))
  assert.deepEqual(fixture.of('error').map(({ code }) => code), ['bad_answer'])
})
