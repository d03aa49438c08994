// What a component shows of a client or of a room, as one value, for React, Vue and others:
// get() returns it, and subscribe(listener) calls the listener when get() returns another
// one, until the function that subscribe returns is called.
import { Timeline } from './timeline.js'

// observable returns get and subscribe. begin is called with the first listener, and
// returns what ends it: a moment after the last listener has gone, since React and Vue
// replace a component by removing the old one first.
function observable(read, begin) {
  const listeners = new Set()
  let value
  let end
  let telling = false

  const later = (run) => void Promise.resolve().then(run)

  // changed tells the listeners once, however much changes in one go.
  const changed = () => {
    value = undefined
    if (telling) return
    telling = true
    later(() => {
      telling = false
      for (const listener of [...listeners]) listener()
    })
  }

  return {
    get: () => (value ??= read()),
    subscribe(listener) {
      const own = () => listener() // the same listener may subscribe twice
      listeners.add(own)
      end ??= begin(changed)
      return () => {
        listeners.delete(own)
        later(() => {
          if (listeners.size) return
          end?.()
          end = value = undefined
        })
      }
    },
  }
}

// once returns what make(key) returned for this client and key: components share it.
function once(kept, make) {
  return (chat, key) => {
    if (!kept.has(chat)) kept.set(chat, new Map())
    const known = kept.get(chat)
    if (!known.has(key)) known.set(key, make(chat, key))
    return known.get(key)
  }
}

export const observeClient = once(new WeakMap(), (chat) => {
  let why
  const read = () => ({ ...why, state: chat.state, user: chat.user })
  return observable(read, (changed) => {
    changed() // it may have changed since it was read
    return chat.on('state', ({ state, ...rest }) => {
      why = rest
      changed()
    })
  })
})

// observeRoom joins the room with the first listener, and leaves it after the last one,
// unless the app had joined it itself.
export const observeRoom = once(new WeakMap(), (chat, name) => {
  let timeline
  let refusal

  const actions = {
    send: (body, options) => chat.send(name, body, options),
    older: async (limit) => (timeline ? timeline.older(limit) : 0),
    read: (seq = chat.rooms.get(name)?.seq) => chat.read(name, seq),
    typing: () => chat.typing(name),
    edit: (seq, body) => chat.edit(name, seq, body),
    tag: (...args) => chat.tag(name, ...args),
    recall: (seq) => chat.recall(name, seq),
    retry: (key) => chat.retry(key),
    discard: (key) => chat.discard(key),
    join: () => chat.join(name),
  }

  const read = () => {
    const { live = false, members, unread = 0, write = false, moderate = false, pins = [] } = chat.rooms.get(name) ?? {}
    return { ...actions, items: timeline ? [...timeline.items] : [], more: Boolean(timeline?.more), live, members, unread, write, moderate, pins, refusal }
  }

  return observable(read, (changed) => {
    const inRoom = (run) => (event) => {
      if (event.room !== name) return
      run(event)
      changed()
    }
    const stops = ['message', 'notice', 'edited', 'tagged', 'recalled', 'read', 'presence', 'gap'].map((type) => chat.on(type, inRoom(() => {})))
    stops.push(
      chat.on('room', inRoom(() => (refusal = undefined))),
      chat.on('removed', inRoom(({ code, message, retry }) => (refusal = { code, message, retry }))),
      chat.on('state', changed), // a room is live only while the client is online
    )
    refusal = undefined
    timeline = new Timeline(chat, name, changed)
    const joined = chat.rooms.has(name)
    if (chat.rooms.get(name)?.live) timeline.older() // what was emitted before is history
    else chat.join(name)
    changed()
    return () => {
      for (const stop of stops) stop()
      timeline.close()
      timeline = undefined
      changed()
      if (!joined) chat.leave(name)
    }
  })
})

// observeList shows the list of a client that has one. What an act of it was refused for is
// error until the next one is carried out; whoever does not look at their promises may leave
// them alone.
export const observeList = once(new WeakMap(), (chat) => {
  const { list } = chat
  if (!list) throw new TypeError('the client has no list: give it the option list, from caddy-chat-client/list')
  let changed = () => {}
  let loads = 0 // of more rows
  let error
  let refused // why the server did not open the list

  const said = ({ code, message, retry }) => ({ code, message, retry })

  const act = (promise, done = () => {}) => {
    promise.then(() => (error = undefined), (refusal) => (error = said(refusal))).then(() => {
      done()
      changed()
    })
    return promise
  }

  const actions = {
    older() {
      loads++
      changed()
      return act(list.more(), () => loads--)
    },
    set: (room, row) => act(chat.set(room, row)),
    read: (room, seq = list.get(room)?.last) => act(chat.read(room, seq)),
  }

  const read = () => {
    const { rows, hidden, unread, complete, live } = list
    const opened = complete || rows.length + hidden.length > 0
    return { ...actions, rows, hidden, unread, more: opened && !complete, live, loading: loads > 0 || (!opened && chat.state !== 'online'), error: error ?? refused }
  }

  return observable(read, (tell) => {
    changed = tell
    const stops = [
      chat.on('list', () => {
        refused = undefined
        changed()
      }),
      chat.on('error', (refusal) => {
        if (refusal.field !== 'list') return
        refused = said(refusal)
        changed()
      }),
      chat.on('state', changed),
    ]
    changed() // it may have changed since it was read
    return () => {
      for (const stop of stops) stop()
      changed = () => {}
    }
  })
})
