// The components of a mini program on a fake phone: which files they are, and the
// JavaScript of each one that test/view.js has drawn.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

// using returns the components that a page, and those that they use, have by tag: of each the
// file without its ending, below the root of the mini program.
export function using(root, name) {
  const all = {}
  const add = (name) => {
    if (all[name]) return
    const global = jsonOf(root, 'app').usingComponents ?? {}
    const own = jsonOf(root, name).usingComponents ?? {}
    all[name] = {
      ...Object.fromEntries(Object.entries(global).map(([tag, to]) => [tag, find(root, 'app', to)])),
      ...Object.fromEntries(Object.entries(own).map(([tag, to]) => [tag, find(root, name, to)])),
    }
    for (const path of Object.values(all[name])) add(path)
  }
  add(name)
  return all
}

function jsonOf(root, name) {
  const file = path.join(root, `${name}.json`)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}

// find returns the file that a name in usingComponents means. What is no path is a package:
// WeChat looks for it in miniprogram_npm beside the page, and in each folder above.
function find(root, from, to) {
  if (to.startsWith('/')) return to.slice(1)
  const folder = path.dirname(from)
  if (to.startsWith('.')) return path.join(folder, to)
  const found = inPackage(root, folder, to)
  if (!found || !existsSync(path.join(root, `${found}.json`))) throw new Error(`${from}: no component ${to}`)
  return found
}

// inPackage returns the file of a package that a file in folder means, without its ending.
export function inPackage(root, folder, to) {
  for (;; folder = path.dirname(folder)) {
    for (const name of [path.join(folder, 'miniprogram_npm', to), path.join(folder, 'miniprogram_npm', to, 'index')]) {
      if (existsSync(path.join(root, `${name}.js`))) return name
    }
    if (folder === '.' || folder === '/') return undefined
  }
}

// definitionOf returns what the view must know of a component: JSON only.
export function definitionOf({ properties = {}, externalClasses = [], options = {}, data = {}, methods = {} }) {
  const typed = Object.entries(properties).map(([key, given]) => {
    const { type, value } = typeof given === 'function' || given === null ? { type: given } : given
    const none = { String: '', Number: 0, Boolean: false, Array: [] }[type?.name] ?? null
    return [key, { type: type?.name ?? 'null', value: value === undefined ? none : value }]
  })
  return { properties: Object.fromEntries(typed), externalClasses, options, data, methods: Object.keys(methods) }
}

// Parts are the components of a page that is open. optionsOf returns what a file has given to
// Component().
export class Parts {
  constructor(page, drawn, optionsOf, setData, query) {
    Object.assign(this, { page, drawn, optionsOf, setData, replaced: query, all: new Map() })
    page.selectComponent = (selector) => this.select(0, selector)
    page.selectAllComponents = (selector) => this.selectAll(0, selector)
  }

  receive({ instance, made, changed, value, removed, handler, event }) {
    if (made) return this.make(instance, made)
    const part = this.all.get(instance)
    if (!part) return
    if (removed) {
      this.all.delete(instance)
      part.options.lifetimes?.detached?.call(part.self)
    } else if (changed) {
      part.self.data[changed] = value
      this.observe(part, [changed])
    } else {
      part.self[handler](event)
    }
  }

  make(number, { is, parent, id, classes, dataset, properties }) {
    const options = this.optionsOf(is)
    const part = { number, is, parent, id, classes: classes.split(/\s+/), options }
    const { data } = definitionOf(options)
    const self = part.self = {
      ...options.methods, is, id, dataset,
      data: structuredClone({ ...data, ...properties }),
      setData: (changes, done) => this.change(part, changes, done),
      triggerEvent: (name, detail = {}, more = {}) => {
        this.told?.({ is, id, name, detail: JSON.parse(JSON.stringify(detail)) })
        this.drawn?.trigger(number, name, JSON.parse(JSON.stringify(detail)), more)
      },
      selectComponent: (selector) => this.select(number, selector),
      createSelectorQuery: () => this.replaced ?? this.query(part),
    }
    self.properties = self.data
    this.all.set(number, part)
    options.lifetimes?.created?.call(self)
    options.lifetimes?.attached?.call(self)
    options.lifetimes?.ready?.call(self)
  }

  change(part, changes, done) {
    if (!this.all.has(part.number)) return // it is gone
    this.setData(part.self, changes, done, part.number)
    this.observe(part, Object.keys(changes))
  }

  observe({ self, options }, names) {
    for (const [fields, observer] of Object.entries(options.observers ?? {})) {
      const keys = fields.split(',').map((key) => key.trim())
      if (keys.some((key) => names.includes(key))) observer.apply(self, keys.map((key) => self.data[key]))
    }
  }

  // life calls what the components do when their page is shown, hidden or turned.
  life(name, ...given) {
    for (const { self, options } of [...this.all.values()]) options.pageLifetimes?.[name]?.apply(self, given)
  }

  select(parent, selector) {
    return this.selectAll(parent, selector)[0]
  }

  selectAll(parent, selector) {
    const name = selector.slice(1)
    const fits = ({ id, classes }) => (selector.startsWith('#') ? id === name : classes.includes(name))
    return [...this.all.values()].filter((part) => part.parent === parent && fits(part)).map(({ self }) => self)
  }

  // query makes a SelectorQuery for the elements of a component.
  query({ number }) {
    const parts = []
    const calls = []
    const node = (selector, all) => {
      const add = (fields, call) => {
        parts.push({ selector, all, fields })
        calls.push(call)
        return query
      }
      return {
        boundingClientRect: (call) => add({ rect: true, size: true }, call),
        scrollOffset: (call) => add({ scrollOffset: true }, call),
        fields: (fields, call) => add(fields, call),
      }
    }
    const query = {
      select: (selector) => node(selector, false),
      selectAll: (selector) => node(selector, true),
      exec: async (done) => {
        const found = await this.drawn?.query(number, parts)
        if (!found || !this.all.has(number)) return
        found.forEach((result, i) => calls[i]?.(result))
        done?.(found)
      },
    }
    return query
  }

  // close is called when the page is gone.
  close() {
    const all = [...this.all.values()]
    this.all.clear()
    for (const { self, options } of all) options.lifetimes?.detached?.call(self)
  }
}
