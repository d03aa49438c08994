// A fake of the part of WeChat that a page of a mini program uses: the global socket
// API of `wx`, over the npm package ws, and Page(). The page's own files are loaded
// unchanged.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import vm from 'node:vm'
import { WebSocket } from 'ws'

// createWx returns a `wx` with one global socket. Each wx.onSocket… keeps one
// callback; the options success, fail and complete are called later, never during
// the call. Like a phone it sends no Origin. Unlike a phone it allows ws://, as the
// devtools do, and trusts only the certificate authority ca.
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
      socket?.close() // there is only one: a new socket closes the old one
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

// listen translates the events of ws. A socket that never opened emits error but no
// close.
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

// openPage loads a page of the mini program in root, such as 'pages/index/index', and
// shows it. It replaces config.js by config, and no other file.
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

// createRequire returns the require function of a mini program: CommonJS files by
// relative path. replaced has the exports of files that are not loaded.
// packageOf finds a package by its name, for a file in a folder.
export function createRequire(context, replaced, packageOf) {
  const modules = new Map(Object.entries(replaced).map(([file, exports]) => [file, { exports }]))
  // forget runs a file again at its next require: a page runs each time it is opened.
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
      const folder = path.dirname(file)
      run(module, module.exports, (to) => {
        if (to.startsWith('.') || !packageOf) return require(path.resolve(folder, to.replace(/(\.js)?$/, '.js')))
        const found = packageOf(folder, to)
        if (!found) throw new Error(`${file}: no package ${to}`)
        return require(found)
      })
    }
    return modules.get(file).exports
  }
}

// Screen holds a page and its data. drawn, if given, draws the page: it gets the first
// data and each change.
export class Screen {
  #watchers = new Set()
  #drawn

  constructor(options, query = {}, drawn = undefined) {
    this.#drawn = drawn
    this.page = { ...options, data: clone(options.data ?? {}) }
    drawn?.begin(clone(this.page.data))
    this.page.setData = (changes, done) => {
      this.setData(this.page, changes, done)
    }
    this.page.onLoad?.(query)
    this.page.onShow?.()
  }

  // setData changes the data of the page, or that of its component with a number. done is
  // called when that is drawn.
  setData({ data }, changes, done, number = 0) {
    const drawing = this.#drawn?.setData(clone(changes), number)
    for (const [path, value] of Object.entries(changes)) {
      assign(data, path, clone(value))
    }
    for (const watcher of this.#watchers) watcher()
    if (done) Promise.resolve(drawing).then(() => setImmediate(done))
  }

  get data() {
    return this.page.data
  }

  // until waits until holds(data) is true, at most deadline milliseconds.
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

  show() {
    this.page.onShow?.()
    this.parts?.life('show')
  }

  hide() {
    this.page.onHide?.()
    this.parts?.life('hide')
  }

  close() {
    this.page.onUnload?.()
    this.discard()
  }

  // discard removes the page from the screen without calling it.
  discard() {
    this.#drawn?.close()
  }
}

// assign sets the value at a path such as 'lines[3].text'.
function assign(data, path, value) {
  const keys = path.match(/[^.[\]]+/g)
  const last = keys.pop()
  for (const key of keys) data = data[key]
  data[last] = value
}

// clone copies as JSON, as WeChat does between a page's JavaScript and its view.
function clone(value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
