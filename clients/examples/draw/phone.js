// WeChat for one built mini program, in one web page: WeChat's renderer with its API for
// components, which TDesign, uni-app and Taro need whole: behaviors, relations, WXS. Its sockets are
// those of Node, as a phone's, without an Origin.
import { MiniProgramEnv, glassEasel } from 'glass-easel-miniprogram-adapter'
import { components } from '../../test/view/components.js'
import { listen } from '../../test/view/events.js'

const noop = () => {}
components['rich-text'] = {
  properties: { nodes: String, space: String },
  changed: {
    nodes(element, html) {
      element.innerHTML = html
    },
  },
}
const size = { windowWidth: innerWidth, windowHeight: innerHeight, screenWidth: innerWidth, screenHeight: innerHeight, pixelRatio: 2, statusBarHeight: 20, safeArea: { top: 20, bottom: innerHeight, left: 0, right: innerWidth, width: innerWidth, height: innerHeight - 20 } }
const system = { ...size, language: 'en', platform: 'ios', system: 'iOS 17', model: 'iPhone', brand: 'Apple', version: '8.0.50', SDKVersion: '3.5.0', theme: 'light', fontSizeSetting: 17, deviceId: 'x' }
const stored = new Map()
const sockets = new Map()
const pages = [] // { holder, title, and once it is made: root, caller }
let app

// answer calls success, or resolves a promise where there is no callback.
const answer = (value) => (options = {}) => {
  if (!options.success && !options.complete) return Promise.resolve(value)
  setTimeout(() => [options.success, options.complete].forEach((call) => call?.(value)))
}

const wx = {
  getSystemInfoSync: () => system, getWindowInfo: () => size, getAppBaseInfo: () => system, getDeviceInfo: () => system,
  getSystemInfo: answer(system), getSystemSetting: () => ({}), getAppAuthorizeSetting: () => ({}),
  getLaunchOptionsSync: () => ({ path: '', query: {}, scene: 1001 }), getEnterOptionsSync: () => ({ path: '', query: {}, scene: 1001 }),
  getMenuButtonBoundingClientRect: () => ({ top: 24, bottom: 56, left: 280, right: 367, width: 87, height: 32 }),
  getAccountInfoSync: () => ({ miniProgram: { appId: 'touristappid', envVersion: 'develop' } }),
  canIUse: () => true, nextTick: (run) => setTimeout(run), getUpdateManager: () => ({ onUpdateReady: noop, onCheckForUpdate: noop, onUpdateFailed: noop }),
  getStorageSync: (key) => stored.get(key) ?? '', setStorageSync: (key, value) => stored.set(key, value), removeStorageSync: (key) => stored.delete(key),
  setNavigationBarTitle: ({ title }) => entitle(title),
  navigateTo: (options) => { setTimeout(() => open(options.url)); return answer({})(options) },
  showToast: ({ title }) => console.error(`a toast: ${title}`),
  createSelectorQuery: () => ({ in: (component) => component.createSelectorQuery(), ...pages.at(-1)?.caller.createSelectorQuery?.() }),
  createAnimation: () => new Proxy({}, { get: (it, name, self) => () => (name === 'export' ? {} : self) }),
  createIntersectionObserver: () => ({ relativeTo() { return this }, relativeToViewport() { return this }, observe: noop, disconnect: noop }),
  connectSocket(options) {
    const on = {}
    const id = sockets.size + 1
    sockets.set(id, on)
    window.host({ id, open: options.url, protocols: options.protocols })
    const task = {
      onOpen: (run) => { on.open = run }, onMessage: (run) => { on.message = run }, onError: (run) => { on.error = run }, onClose: (run) => { on.close = run },
      send: ({ data }) => window.host({ id, send: data }),
      close: () => window.host({ id, close: true }),
    }
    answer({ errMsg: 'connectSocket:ok' })(options)
    return task
  },
}
for (const name of ['AppShow', 'AppHide', 'NetworkStatusChange', 'Error', 'PageNotFound', 'UnhandledRejection', 'ThemeChange', 'WindowResize', 'KeyboardHeightChange', 'MemoryWarning']) {
  wx[`on${name}`] = wx[`off${name}`] = noop
}

// entitle shows a title above the page on top.
function entitle(title) {
  document.getElementById('title').textContent = pages.at(-1).title = title
}

// socket passes on what has come on a socket of Node.
function socket({ id, name, detail }) {
  sockets.get(id)?.[name]?.(detail)
}

// start runs a mini program: files has the JavaScript by path, as CommonJS, templates the
// compiled WXML, configs the JSON.
function start({ files, templates, configs, first, tags, language }) {
  system.language = language
  const env = new MiniProgramEnv()
  const code = env.createCodeSpace('main', true)
  const space = code.getComponentSpace()
  // uni-app makes its handlers later than its components; TDesign has a property data.
  space.updateComponentOptions({ useMethodCallerListeners: true, writeFieldsToNode: false, writeIdToDOM: true })
  for (const tag of tags) space.setGlobalUsingComponent(tag, define(space, tag, components[tag] ?? {}))
  const modules = new Map()
  let current // what App, Page and Component belong to

  function run(name) {
    if (modules.has(name)) return modules.get(name).exports
    const module = { exports: {} }
    modules.set(name, module)
    const folder = name.split('/').slice(0, -1)
    const names = { module, exports: module.exports, require: (to) => run(find(folder, to)), wx, App: (given) => { app = given }, getApp: () => app, Page: (given) => current.Page(given), Component: (given) => current.Component(own(given)), Behavior: (given) => current.Behavior(own(given)), getCurrentPages: () => pages.map(({ caller }) => caller).filter(Boolean), global: window.global }
    new Function(...Object.keys(names), `${files[name]}\n//# sourceURL=${name}.js`)(...Object.values(names))
    return module.exports
  }

  const join = (parts) => parts.reduce((all, part) => (part === '..' ? all.slice(0, -1) : part === '.' || !part ? all : [...all, part]), []).join('/')
  const there = (name) => [name, name.replace(/\.js$/, ''), `${name}/index`].find((it) => it in files)
  function find(folder, to) {
    if (to.startsWith('.')) return there(join([...folder, ...to.split('/')])) ?? missing(to)
    if (to.startsWith('/')) return there(to.slice(1)) ?? missing(to)
    for (let at = folder; ; at = at.slice(0, -1)) {
      const found = there([...at, 'miniprogram_npm', to].join('/'))
      if (found) return found
      if (!at.length) return there(join([...folder, to])) ?? missing(to)
    }
  }
  function missing(to) {
    throw new Error(`no file ${to}`)
  }

  // component defines a component or a page, after those that it uses.
  const defined = new Set()
  function component(name) {
    if (defined.has(name)) return
    defined.add(name)
    const { usingComponents = {}, ...config } = configs[name] ?? {}
    const folder = name.split('/').slice(0, -1)
    const using = Object.fromEntries(Object.entries({ ...configs.app.usingComponents, ...usingComponents }).map(([tag, to]) => [tag, find(folder, to)]))
    Object.values(using).forEach(component)
    for (const { default: to } of Object.values(config.componentGenerics ?? {})) if (to) component(find(folder, to))
    code.addComponentStaticConfig(name, { ...config, styleIsolation: 'shared', usingComponents: Object.fromEntries(Object.entries(using).map(([tag, to]) => [tag, `/${to}`])) })
    if (templates[name]) code.addCompiledTemplate(name, { groupList: templates, content: templates[name] })
    code.componentEnv(name, (given) => {
      const before = current
      current = given
      run(name)
      current = before
    })
  }

  window.open = (url) => {
    const [name, query = ''] = url.replace(/^\//, '').split('?')
    component(name)
    const holder = document.getElementById('pages').appendChild(document.createElement('div'))
    const opened = { holder }
    pages.at(-1)?.caller.onHide?.()
    pages.push(opened)
    entitle(configs[name].navigationBarTitleText ?? configs.app.window?.navigationBarTitleText ?? '')
    const backend = env.associateBackend()
    const root = backend.createRoot('page', code, `/${name}`)
    const caller = root.get()
    Object.assign(caller, { route: name, options: Object.fromEntries(query.split('&').filter(Boolean).map((pair) => pair.split('='))) })
    const placeholder = holder.appendChild(document.createElement('page'))
    Object.assign(opened, { root, caller })
    root.attach(holder, placeholder)
    caller.onLoad?.(caller.options)
    caller.onShow?.()
    setTimeout(() => caller.onReady?.())
  }
  window.back = () => {
    const { root, caller, holder } = pages.pop()
    caller.onUnload?.()
    root.release()
    holder.remove()
    entitle(pages.at(-1).title)
    pages.at(-1).caller.onShow?.()
  }
  run('app')
  app?.onLaunch?.({ path: first, query: {}, scene: 1001 })
  app?.onShow?.({ path: first, query: {}, scene: 1001 })
  listen(components)
  window.open(first)
}

// own leaves out the behaviors of WeChat's forms, which no page here has.
const own = ({ behaviors = [], ...given }) => ({ ...given, behaviors: behaviors.filter((it) => it && typeof it !== 'string') })

function define(space, tag, { properties = {}, changed = {}, attached }) {
  return space.defineComponent({
    is: tag,
    properties: { ...properties, ariaLabel: String, ariaRole: String, ariaHidden: String },
    observers: Object.fromEntries(Object.entries(changed).map(([property, draw]) => [property, function (value) {
      draw(this.$$, value)
    }])),
    lifetimes: {
      attached() {
        attached?.(this.$$)
      },
    },
    options: { hostNodeTagName: tag, reflectToAttributes: true },
  })
}

// uni-app asks whether an event itself has its detail.
const { wrapShadowedEvent } = glassEasel.Event.prototype
glassEasel.Event.prototype.wrapShadowedEvent = function (...given) {
  return Object.assign(wrapShadowedEvent.apply(this, given), { detail: this.detail, type: this.type })
}

window.global = {}
window.getRegExp = (...given) => new RegExp(...given) // for WXS
window.getDate = (...given) => new Date(...given)
window.phone = { start, socket }
