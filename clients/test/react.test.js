// caddy-chat-react with React itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { element, Stage } from './hooks.js'
import { bo, message, state, ticks } from '../core/test/fixture.js'

globalThis.IS_REACT_ACT_ENVIRONMENT = true
const { act, createElement: h, StrictMode } = await import('react')
const { createRoot } = await import('react-dom/client')
const { renderToString } = await import('react-dom/server')
const { useChat, useRoom } = await import('caddy-chat-react')

let shown // what the components were given last

function List({ chat, room }) {
  shown.room = useRoom(chat, room)
  return h('ul', null, shown.room.items.map(({ id, body, state }) => h('li', { key: id }, `${body} ${state}`)))
}

function App({ options, rooms = ['tea'] }) {
  shown.chat = useChat(options)
  return [h('p', { key: 'state' }, shown.chat.state), ...rooms.map((room, i) => h(List, { key: i, chat: shown.chat.chat, room }))]
}

// mount renders the app, in strict mode, and returns how to draw it again.
async function mount(t, props) {
  shown = {}
  const root = createRoot(element())
  const draw = (props) => act(async () => {
    root.render(props && h(StrictMode, null, h(App, props)))
    await ticks()
  })
  t.after(() => act(() => root.unmount()))
  await draw(props)
  return { draw, text: () => root._internalRoot.containerInfo.textContent }
}

const play = (run) => act(async () => {
  run()
  await ticks()
})

const clientOf = (stage) => {
  stage.chat = shown.chat.chat
  return stage
}

test('a room: its messages, its state and what the user sends', async (t) => {
  const stage = new Stage()
  const { text } = await mount(t, { options: { ...stage.options, name: 'Li' } })
  clientOf(stage)
  assert.equal(text(), 'connecting')
  await play(() => stage.welcome({ rooms: [state('tea', { entries: [message(1, { body: 'one' })] })] }))
  assert.equal(text(), 'onlineone sent')
  assert.deepEqual([shown.chat.user.name, shown.room.live, shown.room.write, shown.room.unread], ['Li', true, true, 1])
  await play(() => shown.room.send('two'))
  assert.equal(text(), 'onlineone senttwo sending')
  await play(() => stage.socket.receive(message(2, { body: 'two', from: shown.chat.user, key: stage.socket.commands('send')[0].key })))
  assert.equal(text(), 'onlineone senttwo sent')
  await play(() => stage.socket.drop())
  assert.deepEqual([shown.chat.state, shown.chat.code, shown.room.live], ['offline', 'lost', false])
})

test('strict mode mounts twice: one connection, one join, and unmounting ends everything', async (t) => {
  const stage = new Stage()
  const { draw } = await mount(t, { options: stage.options })
  clientOf(stage)
  assert.equal(stage.sockets.filter(({ closed }) => !closed).length, 1)
  await play(() => stage.welcome({ rooms: [state('tea')] }))
  assert.deepEqual(stage.socket.commands('hello').map(({ rooms }) => rooms), [[{ room: 'tea' }]])
  assert.deepEqual(['join', 'leave'].map((type) => stage.socket.commands(type).length), [0, 0])
  const counts = () => [...stage.chat.listeners.values()].reduce((sum, { size }) => sum + size, 0)
  assert.ok(counts() > 0)
  await draw(null)
  assert.deepEqual([counts(), stage.chat.rooms.size, stage.chat.state], [0, 0, 'closed'])
  assert.ok(stage.sockets.every(({ closed }) => closed))
  assert.equal(stage.clock.timers.size, 0)
})

test('two components share a room; it is left with the last one, and another room is joined', async (t) => {
  const stage = new Stage()
  const { draw } = await mount(t, { options: stage.options, rooms: ['tea', 'tea'] })
  clientOf(stage)
  await play(() => stage.welcome({ rooms: [state('tea')] }))
  await draw({ options: stage.options, rooms: ['tea'] })
  assert.deepEqual([...stage.chat.rooms.keys()], ['tea'])
  await draw({ options: stage.options, rooms: ['milk'] })
  assert.deepEqual([...stage.chat.rooms.keys()], ['milk'])
  assert.deepEqual(stage.socket.sent.slice(1).map(({ type, room }) => `${type} ${room}`), ['join milk', 'leave tea'])
})

test('a room that the app has joined begins with its history, and stays joined', async (t) => {
  const stage = new Stage()
  const { draw } = await mount(t, { options: stage.options, rooms: [] })
  clientOf(stage)
  await play(() => stage.joinRoom('tea', { entries: [message(1, { body: 'one' })] }))
  await draw({ options: stage.options, rooms: ['tea'] })
  await play(() => stage.socket.answer('history', { type: 'history', room: 'tea', epoch: 'e1', entries: [message(1, { body: 'one' })], more: false }))
  assert.deepEqual(shown.room.items.map(({ body }) => body), ['one'])
  await draw({ options: stage.options, rooms: [] })
  assert.deepEqual([...stage.chat.rooms.keys()], ['tea'])
})

test('a refusal is shown, and the room can be joined again', async (t) => {
  const stage = new Stage()
  await mount(t, { options: stage.options })
  clientOf(stage)
  await play(() => stage.welcome({ rooms: [{ room: 'tea', code: 'banned', message: 'no', retry: false }] }))
  assert.deepEqual(shown.room.refusal, { code: 'banned', message: 'no', retry: false })
  await play(() => shown.room.join())
  await play(() => stage.socket.answer('join', { type: 'joined', ...state('tea', { members: 2 }) }))
  await play(() => stage.socket.receive({ type: 'presence', room: 'tea', joined: [bo], left: [], members: 3 }))
  assert.deepEqual([shown.room.refusal, shown.room.live, shown.room.members], [undefined, true, 3])
})

test('another url or token is another client, another name is told, a new token function is the same client', async (t) => {
  const stage = new Stage()
  const options = { ...stage.options, name: 'Li', token: () => 'a' }
  const { draw } = await mount(t, { options })
  clientOf(stage)
  await play(() => stage.welcome({ rooms: [state('tea')] }))
  const { chat } = shown.chat
  await draw({ options: { ...options, name: 'Lee', token: () => 'b' } })
  assert.equal(shown.chat.chat, chat)
  await play(() => stage.socket.open())
  assert.deepEqual(stage.socket.sent.map(({ name, token }) => [name, token]), [['Lee', 'a']])
  await play(() => stage.welcome({ rooms: [state('tea')] }))
  await play(() => stage.socket.receive({ type: 'bye', code: 'expired', message: '', retry: false }))
  await play(() => stage.clock.advance(500))
  await play(() => stage.socket.open())
  assert.equal(stage.socket.sent[0].token, 'b') // the function that was given last

  await draw({ options: { ...options, token: 'c' } })
  assert.notEqual(shown.chat.chat, chat)
  assert.equal(chat.state, 'closed')
  await draw({ options: { ...options, token: 'c', url: 'wss://other.test/chat' } })
  assert.equal(stage.socket.url, 'wss://other.test/chat')
})

test('on a server the app is drawn without a connection', () => {
  shown = {}
  const { window } = globalThis
  delete globalThis.window
  try {
    assert.match(renderToString(h(App, { options: { url: 'wss://chat.test/chat' } })), /offline/)
  } finally {
    globalThis.window = window
  }
})
