// The script in the web view of a page: glass-easel, WeChat's own renderer, draws the
// WXML of the page and of its components. Data comes in by setData, events go out by tell:
// as on a phone, their JavaScript runs elsewhere.
import * as glassEasel from 'glass-easel'
import { components as builtIn } from './components.js'
import { listen, plain } from './events.js'

// open draws a page with its data. handlers are the names of its methods. Components tell
// when they are made, changed and removed; each has a number, and the page has 0.
export function open({ templates, name, data, handlers, components, using, tell }) {
  glassEasel.addGlobalWarningListener((problem) => tell({ problem }))
  glassEasel.addGlobalErrorListener((error) => tell({ problem: `${error.stack}` }))
  const scopes = new glassEasel.StyleScopeManager()
  const space = new glassEasel.ComponentSpace(undefined, undefined, scopes)
  for (const [tag, component] of Object.entries(builtIn)) space.setGlobalUsingComponent(tag, define(space, tag, component))
  const instances = new Map() // by number
  const numbers = new WeakMap()
  const defined = new Map() // by path
  let count = 0

  const numberOf = (component) => {
    if (!numbers.has(component)) {
      const number = ++count
      numbers.set(component, number)
      instances.set(number, component)
    }
    return numbers.get(component)
  }
  const usedBy = (path) => Object.fromEntries(Object.entries(using[path] ?? {}).map(([tag, to]) => [tag, definitionOf(to)]))
  const methodsOf = (names, number) => Object.fromEntries(names.map((handler) => [handler, function (event) {
    tell({ instance: number(this), handler, event: plain(event) })
  }]))

  // definitionOf defines a component whose JavaScript runs elsewhere.
  function definitionOf(path) {
    if (defined.has(path)) return defined.get(path)
    const { properties, externalClasses, options, data, methods } = components[path]
    const types = { String, Number, Boolean, Object, Array, null: null }
    const scope = path.replace(/[^\w]/g, '-')
    const alive = new WeakSet()
    const definition = space.defineComponent({
      is: path,
      using: usedBy(path),
      template: { groupList: templates, content: templates[path] },
      properties: Object.fromEntries(Object.entries(properties).map(([key, { type, value }]) => [key, { type: types[type], value }])),
      data,
      externalClasses,
      methods: methodsOf(methods, numberOf),
      observers: Object.fromEntries(Object.keys(properties).map((key) => [key, function (value) {
        if (alive.has(this)) tell({ instance: numberOf(this), changed: key, value })
      }])),
      lifetimes: {
        attached() {
          alive.add(this)
          const owner = this.ownerShadowRoot?.getHostNode()
          const given = Object.fromEntries(Object.keys(properties).map((key) => [key, this.data[key]]))
          tell({ instance: numberOf(this), made: { is: path, parent: owner === root ? 0 : numberOf(owner), id: this.id, classes: this.class, dataset: { ...this.dataset }, properties: given } })
        },
        detached() {
          alive.delete(this)
          instances.delete(numberOf(this))
          tell({ instance: numberOf(this), removed: true })
        },
      },
      options: { hostNodeTagName: scope, writeIdToDOM: true, multipleSlots: options.multipleSlots === true, virtualHost: options.virtualHost === true, styleScope: scopes.register(scope) },
    })
    defined.set(path, definition)
    return definition
  }

  let root
  const definition = space.defineComponent({
    is: name,
    using: usedBy(name),
    template: { groupList: templates, content: templates[name] },
    data,
    methods: methodsOf(handlers, () => 0),
    options: { hostNodeTagName: 'page', writeIdToDOM: true },
  })
  root = glassEasel.Component.createWithContext('page', definition, new glassEasel.CurrentWindowBackendContext())
  instances.set(0, root)
  const placeholder = document.body.appendChild(document.createElement('page'))
  glassEasel.Element.replaceDocumentElement(root, document.body, placeholder)
  listen(builtIn)
  return {
    setData: (changes, instance) => instances.get(instance)?.setData(changes),
    trigger: (instance, event, detail, options) => instances.get(instance)?.triggerEvent(event, detail, options),
    keyboard: (height) => document.activeElement?.__wxElement?.triggerEvent('keyboardheightchange', { height, duration: 0 }),
    query: (instance, parts) => instances.has(instance) ? parts.map((part) => look(instances.get(instance), part)) : [],
  }
}

// look carries out one part of a SelectorQuery.
function look(component, { selector, all, fields }) {
  const tree = component.shadowRoot
  const found = all ? tree.querySelectorAll(selector) : [tree.querySelector(selector)].filter(Boolean)
  const results = found.map((element) => {
    const { left, top, right, bottom, width, height } = element.$$.getBoundingClientRect()
    const { scrollTop, scrollLeft, scrollHeight, scrollWidth } = element.$$
    return {
      id: element.id,
      ...(fields.dataset && { dataset: { ...element.dataset } }),
      ...(fields.rect && { left, top, right, bottom }),
      ...(fields.size && { width, height }),
      ...(fields.scrollOffset && { scrollTop, scrollLeft, scrollHeight, scrollWidth }),
    }
  })
  return all ? results : results[0] ?? null
}

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
