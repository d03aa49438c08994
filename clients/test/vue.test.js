// caddy-chat-vue with Vue itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { element, Stage } from './hooks.js'
import { message, state, ticks } from '../core/test/fixture.js'

const { createApp, createSSRApp, effectScope, h, reactive } = await import('vue')
const { renderToString } = await import('vue/server-renderer')
const { useChat, useRoom } = await import('caddy-chat-vue')

let shown // what the components were given

const List = {
  props: ['chat', 'room'],
  setup(props) {
    const room = (shown.room = useRoom(() => props.chat, () => props.room))
    return () => h('ul', room.value.items.map(({ id, body, state }) => h('li', { key: id }, `${body} ${state}`)))
  },
}

const App = {
  props: ['options', 'rooms'],
  setup(props) {
    shown = useChat(() => props.options)
    return () => [h('p', shown.status.value.state), ...props.rooms.map((room, i) => h(List, { key: i, chat: shown.chat.value, room }))]
  },
}

async function mount(t, options, rooms = ['tea']) {
  const props = reactive({ options, rooms })
  const at = element()
  const app = createApp({ render: () => h(App, props) })
  app.mount(at)
  t.after(() => app.unmount())
  await ticks()
  return { props, app, text: () => at.textContent }
}

async function play(run) {
  run()
  await ticks()
}

const clientOf = (stage) => {
  stage.chat = shown.chat.value
  return stage
}

test('a room: its messages, its state and what the user sends', async (t) => {
  const stage = new Stage()
  const { text } = await mount(t, { ...stage.options, name: 'Li' })
  clientOf(stage)
  assert.equal(text(), 'connecting')
  await play(() => stage.welcome({ rooms: [state('tea', { entries: [message(1, { body: 'one' })] })] }))
  assert.equal(text(), 'onlineone sent')
  assert.deepEqual([shown.status.value.user.name, shown.room.value.live, shown.room.value.unread], ['Li', true, 1])
  await play(() => shown.room.value.send('two'))
  assert.equal(text(), 'onlineone senttwo sending')
  await play(() => stage.socket.receive(message(2, { body: 'two', from: shown.status.value.user, key: stage.socket.commands('send')[0].key })))
  assert.equal(text(), 'onlineone senttwo sent')
})

test('unmounting ends everything; mounting again begins anew', async (t) => {
  for (let round = 0; round < 2; round++) {
    const stage = new Stage()
    const { app } = await mount(t, stage.options)
    clientOf(stage)
    await play(() => stage.welcome({ rooms: [state('tea')] }))
    assert.deepEqual([stage.sockets.length, stage.chat.state], [1, 'online'])
    await play(() => app.unmount())
    assert.equal([...stage.chat.listeners.values()].reduce((sum, { size }) => sum + size, 0), 0)
    assert.deepEqual([stage.chat.rooms.size, stage.chat.state, stage.socket.closed, stage.clock.timers.size], [0, 'closed', 1, 0])
  }
})

test('two components share a room; it is left with the last one, and another room is joined', async (t) => {
  const stage = new Stage()
  const { props } = await mount(t, stage.options, ['tea', 'tea'])
  clientOf(stage)
  await play(() => stage.welcome({ rooms: [state('tea')] }))
  await play(() => (props.rooms = ['tea']))
  assert.deepEqual([...stage.chat.rooms.keys()], ['tea'])
  await play(() => (props.rooms = ['milk']))
  assert.deepEqual([...stage.chat.rooms.keys()], ['milk'])
  assert.deepEqual(stage.socket.sent.slice(1).map(({ type, room }) => `${type} ${room}`).sort(), ['join milk', 'leave tea'])
})

test('another url or token is another client, another name is told', async (t) => {
  const stage = new Stage()
  const options = { ...stage.options, name: 'Li', token: () => 'a' }
  const { props } = await mount(t, options)
  clientOf(stage)
  await play(() => stage.welcome({ rooms: [state('tea')] }))
  const before = shown.chat.value
  await play(() => (props.options = { ...options, name: 'Lee', token: () => 'b' }))
  assert.equal(shown.chat.value, before)
  await play(() => stage.socket.open())
  assert.deepEqual(stage.socket.sent.map(({ name, token }) => [name, token]), [['Lee', 'a']])
  await play(() => (props.options = { ...options, url: 'wss://other.test/chat', token: 'c' }))
  assert.equal(before.state, 'closed')
  assert.equal(stage.socket.url, 'wss://other.test/chat')
  await play(() => stage.socket.open())
  assert.deepEqual(stage.socket.sent[0].rooms, [{ room: 'tea' }])
})

test('outside of a component: in a scope, which ends it', async () => {
  const stage = new Stage()
  const scope = effectScope()
  const { chat } = scope.run(() => useChat(stage.options))
  await ticks()
  assert.equal(chat.value.state, 'connecting')
  scope.stop()
  assert.equal(chat.value.state, 'closed')
})

test('on a server the app is drawn without a connection', async () => {
  const { window } = globalThis
  delete globalThis.window
  try {
    const text = await renderToString(createSSRApp({ render: () => h(App, { options: { url: 'wss://chat.test/chat' }, rooms: ['tea'] }) }))
    assert.match(text, /offline/)
  } finally {
    globalThis.window = window
  }
})
