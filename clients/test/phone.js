// A fake phone with WeChat, for a mini program with App(), several pages and
// SocketTasks: real sockets, a storage that survives the app, a background that cuts
// the sockets silently, airplane mode.
import { readFileSync } from 'node:fs'
import https from 'node:https'
import http from 'node:http'
import path from 'node:path'
import vm from 'node:vm'
import { WebSocket } from 'ws'
import { definitionOf, inPackage, Parts, using } from './parts.js'
import { createRequire, Screen, settle } from './wx.js'

// WeChat's limits: a number of sockets, the others in bytes.
const maxSockets = 5
const maxSetData = 1 << 20
const maxValue = 1 << 20
const maxStorage = 10 << 20

export class Phone {
  // ca is the certificate authority that the phone trusts; codes are the results of
  // wx.login, one after the other. view (test/view.js) draws the pages; without a view
  // only their JavaScript runs. frame may change what the server sends; late is how many
  // milliseconds each frame takes, and each request; query is what components get instead of a real
  // SelectorQuery; pace is how much faster the timers of the mini program run.
  constructor({ ca, language = 'en', codes = [], view, wx = {}, frame = (text) => text, late = 0, query, pace = 1 } = {}) {
    Object.assign(this, { ca, language, codes: [...codes], view, replaced: wx, frame, late, query, pace, storage: new Map(), sockets: new Set(), offline: false })
    this.most = 0 // bytes of the largest setData
    this.draws = 0 // how often setData was called
    this.sent = [] // frames and the bodies of requests
    if (view) view.phone = this
    this.listeners = { show: new Set(), hide: new Set(), network: new Set() }
    this.pages = [] // the stack of Screens
  }

  // launch starts the mini program in root, with config instead of its config.js.
  // A share card opens the page of url instead of the first one.
  // Without config it is taken as it is.
  launch(root, config, url) {
    let app, page, component
    const run = { ended: false }
    this.run = run
    const { pace } = this
    const context = vm.createContext({
      wx: { ...this.wx(run), ...this.replaced }, // a test may replace functions
      App: (options) => { app = options },
      Page: (options) => { page = options },
      Component: (options) => { component = options },
      getApp: () => app,
      getCurrentPages: () => [...this.pages.map(({ page }) => page), ...(this.loading ? [this.loading] : [])],
      console,
      setTimeout: (given, time) => (run.ended ? undefined : this.timer(setTimeout(given, time / pace))),
      clearTimeout,
    })
    const packageOf = (folder, to) => {
      const found = inPackage(root, path.relative(root, folder) || '.', to)
      return found && path.join(root, `${found}.js`)
    }
    const require = createRequire(context, config ? { [path.join(root, 'config.js')]: config } : {}, packageOf)
    const components = new Map() // by file: what it has given to Component()
    this.componentOf = (name) => {
      if (!components.has(name)) {
        require(path.join(root, `${name}.js`))
        components.set(name, component)
      }
      return components.get(name)
    }
    this.root = root
    this.timers = new Set()
    this.load = (url) => {
      const [name, query = ''] = url.replace(/^\//, '').split('?')
      require.forget(path.join(root, `${name}.js`))
      require(path.join(root, `${name}.js`))
      // A page gets its query as it is in the URL, not decoded.
      return this.show(name, { ...page }, Object.fromEntries(query.split('&').filter(Boolean).map((pair) => pair.split('='))))
    }
    require(path.join(root, 'app.js'))
    this.app = app
    app.onLaunch?.({})
    const [first] = JSON.parse(readFileSync(path.join(root, 'app.json'), 'utf8')).pages
    this.pages = [this.load(url ?? first)]
    return this
  }

  // show creates the Screen of a page. If there is a view, it draws it.
  show(name, options, query) {
    let screen
    const methods = Object.keys(options).filter((key) => typeof options[key] === 'function')
    const used = using(this.root, name)
    const names = [...new Set(Object.values(used).flatMap((tags) => Object.values(tags)))]
    const components = Object.fromEntries(names.map((name) => [name, definitionOf(this.componentOf(name))]))
    const receive = ({ instance, ...what }) => (instance ? parts.receive({ instance, ...what }) : screen.page[what.handler](what.event))
    const drawn = this.view?.show(name, methods, receive, { components, using: used })
    this.drawn = drawn // a page may set its title while it loads
    const parts = new Parts(options, drawn, this.componentOf, (self, ...change) => screen.setData(self, ...change), this.query)
    const onLoad = options.onLoad
    if (onLoad) {
      const phone = this
      options.onLoad = function load(query) {
        phone.loading = this // a page that loads is on top
        onLoad.call(this, query)
      }
    }
    screen = new Screen(options, query, {
      begin: (data) => drawn?.begin(data),
      setData: (changes, number) => {
        const size = bytes(JSON.stringify(changes))
        if (size > maxSetData) throw new Error(`setData of ${size} bytes`)
        this.most = Math.max(this.most, size)
        this.draws++
        return drawn?.setData(changes, number)
      },
      close: () => {
        parts.close()
        drawn?.close()
      },
    })
    this.loading = undefined
    screen.parts = parts
    screen.shownBy = drawn
    return screen
  }

  // store stores a value as WeChat does, within its limits.
  store(key, value) {
    const text = JSON.stringify(value)
    if (bytes(text) > maxValue) throw new Error('setStorageSync:fail entry size limit reached')
    this.storage.set(key, text)
    if (this.stored() > maxStorage) throw new Error('setStorageSync:fail the storage limit is reached')
  }

  // stored returns how many bytes are in the storage.
  stored() {
    return [...this.storage].reduce((sum, [key, text]) => sum + bytes(key) + bytes(text), 0)
  }

  timer(handle) {
    this.timers.add(handle)
    return handle
  }

  get page() {
    return this.pages.at(-1)
  }

  // quit ends the mini program, as the system does: without an event, and without the
  // results of calls in progress.
  quit() {
    this.run.ended = true
    for (const handle of this.timers) clearTimeout(handle)
    for (const socket of this.sockets) socket.cut()
    for (const set of Object.values(this.listeners)) set.clear()
    for (const page of this.pages.splice(0)) page.discard()
  }

  // background is five seconds in the background: the sockets are cut without an
  // event.
  background() {
    for (const listener of [...this.listeners.hide]) listener()
    this.page?.hide()
    for (const socket of this.sockets) socket.cut()
  }

  foreground() {
    for (const listener of [...this.listeners.show]) listener()
    this.page?.show()
  }

  airplane(on) {
    this.offline = on
    if (on) for (const socket of this.sockets) socket.cut()
    for (const listener of [...this.listeners.network]) listener({ isConnected: !on })
  }

  wx(run) {
    const phone = this
    const on = (name) => (listener) => phone.listeners[name].add(listener)
    const off = (name) => (listener) => phone.listeners[name].delete(listener)
    return {
      onAppShow: on('show'),
      offAppShow: off('show'),
      onAppHide: on('hide'),
      offAppHide: off('hide'),
      onNetworkStatusChange: on('network'),
      offNetworkStatusChange: off('network'),
      getStorageSync: (key) => JSON.parse(phone.storage.get(key) ?? '""'),
      setStorageSync: (key, value) => phone.store(key, value),
      removeStorageSync: (key) => void phone.storage.delete(key),
      getAppBaseInfo: () => ({ language: phone.language }),
      getWindowInfo: () => ({ windowHeight: 600 }),
      setNavigationBarTitle: ({ title }) => phone.drawn?.setTitle(title),
      // The file of chooseAvatar is temporary: it is deleted when the mini program ends.
      getFileSystemManager: () => ({
        saveFile: ({ tempFilePath, success }) => setImmediate(success, { savedFilePath: tempFilePath.replace('//tmp_', '//store_') }),
      }),
      setClipboardData: ({ data, success }) => {
        phone.clipboard = data
        success?.({})
      },
      connectSocket(options) {
        if (run.ended) throw new Error('the mini program has ended')
        return phone.connect(options)
      },
      login: (options) => login(options, phone.codes.shift()),
      request: (options) => phone.request(options),
      navigateTo: ({ url, success }) => {
        phone.page?.hide()
        phone.pages.push(phone.load(url))
        setImmediate(() => success?.({}))
      },
      redirectTo: ({ url, success }) => {
        phone.pages.pop().close()
        phone.pages.push(phone.load(url))
        setImmediate(() => success?.({}))
      },
      showToast: ({ title }) => { phone.toast = title },
      showModal: (options) => { phone.modal = options },
      reLaunch({ url }) {
        setImmediate(() => {
          for (const page of phone.pages.splice(0)) page.close()
          phone.pages = [phone.load(url)]
        })
      },
      showActionSheet(options) {
        phone.sheet = options
        phone.view?.choose(options.itemList)
      },
    }
  }

  // choose taps a line of the open action sheet.
  choose(word) {
    const tapIndex = this.sheet.itemList.indexOf(word)
    if (tapIndex < 0) throw new Error(`the sheet has ${this.sheet.itemList}, but not ${word}`)
    this.sheet.success({ tapIndex })
  }

  // answer answers the open question: with a text, if it asks for one.
  answer(content) {
    const { modal } = this
    this.modal = undefined
    modal.success({ confirm: true, content })
  }

  // share returns the card that the page on top shares.
  share() {
    return JSON.parse(JSON.stringify(this.page.page.onShareAppMessage({ from: 'menu' })))
  }

  back() {
    this.pages.pop().close()
    this.drawn = this.page.shownBy // a title is that of the page on top
    this.page.show()
  }

  connect(options) {
    if (!Array.isArray(options.protocols)) throw new Error('protocols must be an array')
    if (this.sockets.size >= maxSockets) throw new Error('exceed max cocurrent count')
    const on = {}
    let silent = false
    const emit = (event, detail) => !silent && on[event]?.(detail)
    const later = (run) => (this.late ? this.timer(setTimeout(run, this.late)) : run())
    const ws = this.offline ? undefined : new WebSocket(options.url, options.protocols, { ca: this.ca, perMessageDeflate: false })
    const socket = {
      cut: () => {
        silent = true
        this.sockets.delete(socket)
        ws?.terminate()
      },
    }
    this.sockets.add(socket)
    if (!ws) setImmediate(() => emit('error', { errMsg: 'network is down' }))
    ws?.on('open', () => later(() => emit('open', {})))
    ws?.on('message', (data) => later(() => emit('message', { data: this.frame(data.toString()) })))
    ws?.on('error', (err) => {
      this.sockets.delete(socket)
      emit('error', { errMsg: err.message })
    })
    ws?.on('close', () => {
      this.sockets.delete(socket)
      emit('close', { code: 1006, reason: 'interrupted' })
    })
    return {
      onOpen: (listener) => { on.open = listener },
      onMessage: (listener) => { on.message = listener },
      onError: (listener) => { on.error = listener },
      onClose: (listener) => { on.close = listener },
      send: ({ data, fail }) => {
        this.sent.push(data)
        later(() => {
          if (ws?.readyState === WebSocket.OPEN) ws.send(data)
          else setImmediate(() => fail?.({ errMsg: 'not open' }))
        })
      },
      close: () => {
        this.sockets.delete(socket)
        ws?.close()
      },
    }
  }

  // request is wx.request: every status counts as success.
  request({ url, method, header, data, success, fail }) {
    const { request } = url.startsWith('https:') ? https : http
    const req = request(url, { method, headers: header, ca: this.ca }, (res) => {
      let text = ''
      res.setEncoding('utf8')
      res.on('data', (part) => { text += part })
      res.on('end', () => {
        let body = text
        try {
          body = JSON.parse(text)
        } catch {
          // As in WeChat, a body that is not JSON stays text.
        }
        this.timer(setTimeout(() => success({ statusCode: res.statusCode, data: body }), this.late))
      })
    })
    req.on('error', (err) => fail({ errMsg: err.message }))
    const body = JSON.stringify(data)
    this.sent.push(body)
    req.end(body)
  }
}

function login(options, code) {
  if (code === undefined) return settle('login', options, 'no code')
  setImmediate(() => options.success({ code, errMsg: 'login:ok' }))
}

function bytes(text) {
  return Buffer.byteLength(text)
}
