// A stand-in for the part of WeChat that a mini program's page sees: the global
// socket API of `wx`, over npm's ws, and Page(). The page's own files are loaded
// as they are.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import vm from 'node:vm'
import { WebSocket } from 'ws'

// createWx returns a `wx` with one global socket. Each wx.onSocket… keeps one
// callback; options take success, fail and complete, which are called later,
// never at once. Like a phone it sends no Origin. Unlike one it allows ws://, as
// the developer tools do, and trusts only the certificate authority given as ca.
export function createWx({ ca } = {}) {
  const on = {}
  let socket = null

  const listener = (event) => (callback) => {
    on[event] = callback
  }

  return {
    onSocketOpen: listener('open'),
    onSocketMessage: listener('message'),
    onSocketError: listener('error'),
    onSocketClose: listener('close'),

    connectSocket(options) {
      let ws
      try {
        ws = new WebSocket(options.url, options.protocols ?? [], {
          ca,
          headers: options.header,
          perMessageDeflate: options.perMessageDeflate ?? false,
          handshakeTimeout: options.timeout ?? 60_000,
        })
      } catch (err) {
        return settle('connectSocket', options, err.message)
      }
      socket?.close() // there is one: a new one ends the old one
      socket = ws
      listen(ws, (event, detail) => {
        if (socket === ws) on[event]?.(detail)
      })
      settle('connectSocket', options)
    },

    sendSocketMessage(options) {
      if (socket?.readyState !== WebSocket.OPEN) {
        return settle('sendSocketMessage', options, 'WebSocket is not connected')
      }
      if (typeof options.data !== 'string' && !(options.data instanceof ArrayBuffer)) {
        return settle('sendSocketMessage', options, 'data must be a string or an ArrayBuffer')
      }
      socket.send(options.data, (err) => settle('sendSocketMessage', options, err?.message))
    },

    closeSocket(options = {}) {
      if (socket?.readyState !== WebSocket.OPEN && socket?.readyState !== WebSocket.CONNECTING) {
        return settle('closeSocket', options, 'WebSocket is not connected')
      }
      socket.close(options.code ?? 1000, options.reason)
      settle('closeSocket', options)
    },
  }
}

// listen translates the events of ws. A socket that never opened has an error
// and no close.
function listen(ws, emit) {
  let opened = false
  let header = {}
  ws.on('upgrade', (response) => {
    header = response.headers
  })
  ws.on('open', () => {
    opened = true
    emit('open', { header })
  })
  ws.on('message', (data, isBinary) => {
    emit('message', { data: isBinary ? Uint8Array.from(data).buffer : data.toString() })
  })
  ws.on('error', (err) => emit('error', { errMsg: err.message }))
  ws.on('close', (code, reason) => {
    if (opened) emit('close', { code, reason: reason.toString() })
  })
}

export function settle(api, options, problem) {
  const result = { errMsg: problem ? `${api}:fail ${problem}` : `${api}:ok` }
  setImmediate(() => {
    const callback = problem ? options.fail : options.success
    callback?.(result)
    options.complete?.(result)
  })
}

// openPage loads a page of the mini program in root, such as
// 'pages/index/index', and shows it. What its config.js exports is replaced by
// config; everything else is the mini program's own.
export function openPage(root, name, { config, ca }) {
  let options
  const context = vm.createContext({
    wx: createWx({ ca }),
    Page(o) {
      options = o
    },
    console,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
  })
  const require = createRequire(context, { [path.join(root, 'config.js')]: config })
  require(path.join(root, `${name}.js`))
  return new Screen(options)
}

// createRequire returns the require of a mini program: CommonJS, relative paths.
export function createRequire(context, replaced) {
  const modules = new Map(Object.entries(replaced).map(([file, exports]) => [file, { exports }]))
  // forget has a file run again: a page's each time it is opened.
  require.forget = (file) => modules.delete(file)
  return require
  function require(file) {
    if (!modules.has(file)) {
      const module = { exports: {} }
      modules.set(file, module)
      const run = vm.compileFunction(readFileSync(file, 'utf8'), ['module', 'exports', 'require'], {
        filename: file,
        parsingContext: context,
      })
      run(module, module.exports, (to) => require(path.resolve(path.dirname(file), to.replace(/(\.js)?$/, '.js'))))
    }
    return modules.get(file).exports
  }
}

// Screen holds a page and sees what the page shows. drawn, if there is one, shows
// it to somebody: it is told what the page begins with and what changes.
export class Screen {
  #watchers = new Set()
  #drawn

  constructor(options, query = {}, drawn = undefined) {
    this.#drawn = drawn
    this.page = { ...options, data: clone(options.data ?? {}) }
    drawn?.begin(clone(this.page.data))
    this.page.setData = (changes, done) => {
      drawn?.setData(clone(changes))
      for (const [place, value] of Object.entries(changes)) {
        assign(this.page.data, place, clone(value))
      }
      for (const watcher of this.#watchers) watcher()
      if (done) setImmediate(done)
    }
    this.page.onLoad?.(query)
    this.page.onShow?.()
  }

  get data() {
    return this.page.data
  }

  // until waits for the page to show something, and for no longer than deadline
  // milliseconds.
  until(what, holds, deadline = 10_000) {
    if (holds(this.data)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const end = (settled) => {
        clearTimeout(timer)
        this.#watchers.delete(watcher)
        settled()
      }
      const watcher = () => {
        if (holds(this.data)) end(resolve)
      }
      const timer = setTimeout(() => {
        const shown = JSON.stringify(this.data).slice(0, 500)
        end(() => reject(new Error(`not within ${deadline} ms: ${what}. The page shows ${shown}`)))
      }, deadline)
      this.#watchers.add(watcher)
    })
  }

  close() {
    this.page.onUnload?.()
    this.vanish()
  }

  // vanish takes the page off the screen, and tells it nothing.
  vanish() {
    this.#drawn?.close()
  }
}

// assign sets the value at a place such as 'lines[3].text'.
function assign(data, place, value) {
  const keys = place.match(/[^.[\]]+/g)
  const last = keys.pop()
  for (const key of keys) data = data[key]
  data[last] = value
}

// clone is what crosses from a page's logic to what it shows: JSON.
function clone(value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
