// useList of React and of Vue, and what useRoom says of messages: with a server that the
// test plays, and with the real one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { element, Stage } from './hooks.js'
import WebSocket from 'ws'
import { Client } from '../core/index.js'
import { list } from '../core/list.js'
import { node } from '../core/node.js'
import { secret, token } from '../pictures.js'
import { Server } from './server.js'

const react = { ...await import('react'), ...await import('react-dom/client'), ...await import('caddy-chat-react') }
const vue = { ...await import('vue'), ...await import('caddy-chat-vue') }

// View has what a component was given last. until resolves when that fits.
class View {
  waiting = new Set()

  drawn(values) {
    Object.assign(this, values)
    for (const check of this.waiting) check()
  }

  until(fits) {
    return new Promise((resolve) => {
      const check = () => {
        if (!this.list || !fits(this)) return
        this.waiting.delete(check)
        resolve()
      }
      this.waiting.add(check)
      check()
    })
  }
}

// Each mounts a component with the list, and with a room if there is one.
const frameworks = {
  react(view, options, name) {
    const { createElement: h, createRoot, useChat, useList, useRoom } = react
    const Room = ({ chat }) => view.drawn({ room: useRoom(chat, name) })
    const App = () => {
      const { chat } = useChat(options)
      view.drawn({ chat, list: useList(chat) })
      return name && h(Room, { chat })
    }
    const root = createRoot(element())
    root.render(h(App))
    return () => root.unmount()
  },

  vue(view, options, name) {
    const { createApp, h, useChat, useList, useRoom, watchEffect } = vue
    const app = createApp({
      setup() {
        const { chat } = useChat(options)
        const shown = useList(chat)
        const room = name && useRoom(chat, name)
        watchEffect(() => view.drawn({ chat: chat.value, list: shown.value, room: room?.value }), { flush: 'sync' })
        return () => h('p')
      },
    })
    app.mount(element())
    return () => app.unmount()
  },
}

const row = (room, fields = {}) => ({ room, title: room, size: 2, epoch: 'e1', last: 1, at: 1_700_000_000_001, count: 1, role: 'member',
  read: 0, unread: 1, notify: true, top: false, ...fields })
const refusal = (code, retry) => ({ type: 'error', code, message: code, retry })
const rooms = ({ list }) => list.rows.map(({ room }) => room).join()

for (const [name, mount] of Object.entries(frameworks)) {
  test(`${name}: the list, more of it, and what was refused`, async (t) => {
    const stage = new Stage()
    const view = new View()
    const unmount = mount(view, { ...stage.options, list: list({ limit: 2 }) })
    await view.until(({ list, chat }) => list.loading && chat.state === 'connecting')
    stage.chat = view.chat
    assert.deepEqual([view.list.rows, view.list.hidden, view.list.unread, view.list.more, view.list.live, view.list.error], [[], [], 0, false, false, undefined])

    stage.welcome({ list: { at: 't1', all: true, live: true, rows: [row('a', { at: 1_700_000_000_009 }), row('b')], more: true, next: 'n', unread: 7 } })
    await view.until((it) => rooms(it) === 'a,b')
    assert.deepEqual([view.list.unread, view.list.more, view.list.live, view.list.loading], [7, true, true, false])
    const older = view.list.older()
    await view.until(({ list }) => list.loading)
    stage.socket.answer('list', { type: 'list', rows: [row('c', { at: 1_600_000_000_000 })], more: false })
    assert.equal(await older, 1)
    await view.until((it) => rooms(it) === 'a,b,c' && !it.list.loading && !it.list.more)

    view.list.set('a', { notify: false }) // nobody looks at the promise
    stage.socket.answer('set', refusal('too_fast', 1000))
    await view.until(({ list }) => list.error)
    assert.deepEqual([view.list.error.code, view.list.error.retry], ['too_fast', 1000])
    const again = view.list.set('a', { hide: true })
    assert.deepEqual(stage.socket.commands('set').at(-1), { type: 'set', id: stage.socket.commands('set').at(-1).id, room: 'a', hide: true })
    stage.socket.answer('set', { type: 'ok', room: 'a' })
    stage.socket.receive({ type: 'row', ...row('a', { hidden: true }) })
    await again
    await view.until(({ list }) => !list.error && list.hidden.length === 1)
    const read = view.list.read('b')
    assert.equal(stage.socket.commands('read').at(-1).seq, 1)
    stage.socket.answer('read', refusal('forbidden', false))
    await assert.rejects(read, { code: 'forbidden' })

    stage.socket.drop()
    await view.until(({ list }) => !list.live)
    assert.deepEqual([rooms(view), view.list.loading], ['b,c', false])
    unmount()
    await new Promise(setImmediate)
    assert.equal([...stage.chat.listeners.values()].reduce((sum, { size }) => sum + size, 0), 1) // what the client itself hears: read
  })

  test(`${name}: a list that the server cannot open, or has not`, async (t) => {
    const stage = new Stage()
    const view = new View()
    t.after(mount(view, { ...stage.options, list: list() }))
    await view.until(({ chat }) => chat.state === 'connecting')
    stage.chat = view.chat
    stage.socket.open()
    stage.socket.receive({ ...refusal('unavailable', 1000), field: 'list' })
    stage.welcome()
    await view.until(({ list }) => list.error && !list.loading)
    assert.equal(view.list.error.code, 'unavailable')
    stage.socket.drop()
    stage.clock.advance(500)
    stage.welcome({ list: { at: 't1', all: true, live: true, rows: [row('a')], more: false, unread: 1 } })
    await view.until((it) => rooms(it) === 'a' && !it.list.error)
    assert.deepEqual([view.list.more, view.list.loading], [false, false])
  })

  test(`${name}: two devices of one user, on the real server`, async (t) => {
    const policies = 'policy g-* {\nread members\nwrite members\nmoderate admins\ninvite members\ncreate users\n}'
    const server = new Server({ chat: `auth jwt {\nsecret ${secret}\n}\n${policies}` })
    t.after(() => server.remove())
    await server.start()
    const client = async (id) => {
      const chat = new Client({ url: server.ws, token: token({ sub: id, name: id }), ...node(WebSocket) })
      t.after(() => chat.close())
      await chat.connect()
      return chat
    }
    const bo = await client('bo')
    const phone = await client('li')
    const { room } = await bo.create({ title: 'Trip', users: ['li'] })
    await bo.join(room)
    const { seq } = await bo.send(room, { text: 'one' })
    await bo.send(room, { text: 'two' })

    const view = new View()
    t.after(mount(view, { url: server.ws, token: token({ sub: 'li', name: 'li' }), ...node(WebSocket), list: list() }, room))
    await view.until(({ list, room }) => list.rows[0]?.unread === 2 && list.unread === 2 && room?.items.length === 2)
    assert.deepEqual([view.list.rows[0].title, view.list.more, view.list.loading, view.list.live], ['Trip', false, false, true])
    await view.list.read(room)
    await view.until(({ list, room }) => list.unread === 0 && room.unread === 0)
    await bo.send(room, { text: 'three' })
    await view.until(({ list }) => list.unread === 1)
    await view.list.set(room, { notify: false, top: true })
    await view.until(({ list }) => list.unread === 0 && list.rows[0].top && list.rows[0].unread === 1)
    await phone.set(room, { hide: true })
    await view.until(({ list }) => !list.rows.length && list.hidden.length === 1)
    await bo.send(room, { text: 'four' })
    await view.until(({ list }) => list.rows.length === 1 && !list.hidden.length)
    await assert.rejects(view.list.set(room, { notify: 7 }))
    await view.until(({ list }) => list.error?.code === 'bad_frame')

    await view.room.tag(seq, '👍')
    await bo.tag(room, seq, 'pin', true, true)
    await bo.edit(room, seq, { text: 'One' })
    await view.until(({ room: { items: [first] } }) => first.edited && first.tags?.some(({ tag }) => tag === '👍') && first.body.text === 'One')
    await view.until(({ room }) => room.pins.join() === String(seq))
    await bo.recall(room, seq)
    await view.until(({ room }) => !room.pins.length && room.items[0].recalled)
    const own = await view.room.send({ text: 'fve' }, { reply: seq, mentions: ['bo'] })
    await view.room.edit(own.seq, { text: 'five' })
    await view.until(({ room: { items } }) => items.at(-1).edited && items.at(-1).body.text === 'five' && items.at(-1).reply === seq)
    await assert.rejects(view.room.tag(seq, 'pin', true, true), { code: 'forbidden' })
  })

  test(`${name}: a client without a list is told what it lacks`, async () => {
    const stage = new Stage()
    const { observeList } = await import('../core/observe.js')
    assert.throws(() => observeList(stage.chat), /option list/)
  })
}
