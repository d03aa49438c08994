// The script in the web view of a page: glass-easel, WeChat's own renderer, draws the
// page's WXML. Data comes in by setData, events go out by tell: as on a phone, the
// page's JavaScript runs elsewhere.
import * as glassEasel from 'glass-easel'
import { components } from './components.js'

const longPress = 350 // milliseconds

// open draws a page with its data. handlers are the names of its methods.
export function open({ templates, name, data, handlers, tell }) {
  glassEasel.addGlobalWarningListener((problem) => tell({ problem }))
  glassEasel.addGlobalErrorListener((error) => tell({ problem: `${error.stack}` }))
  const space = new glassEasel.ComponentSpace()
  for (const [tag, component] of Object.entries(components)) space.setGlobalUsingComponent(tag, define(space, tag, component))
  const method = (handler) => (event) => tell({ handler, event: plain(event) })
  const definition = space.defineComponent({
    is: name,
    template: { groupList: templates, content: templates[name] },
    data,
    methods: Object.fromEntries(handlers.map((handler) => [handler, method(handler)])),
    options: { hostNodeTagName: 'page', writeIdToDOM: true },
  })
  const root = glassEasel.Component.createWithContext('page', definition, new glassEasel.CurrentWindowBackendContext())
  const placeholder = document.body.appendChild(document.createElement('page'))
  glassEasel.Element.replaceDocumentElement(root, document.body, placeholder)
  listen()
  return { setData: (changes) => root.setData(changes) }
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

// listen translates the browser's events to those of WeChat.
function listen() {
  for (const name of ['input', 'keydown', 'scroll', 'submit']) {
    addEventListener(name, (event) => {
      const component = componentOf(event.target)
      components[component?.is]?.dom?.[name]?.(component, event)
    }, true)
  }
  // A long press is not a tap, too.
  let timer, pressed
  addEventListener('mousedown', ({ target }) => {
    pressed = false
    timer = setTimeout(() => {
      pressed = true
      bubble(target, 'longpress')
    }, longPress)
  })
  addEventListener('mouseup', () => clearTimeout(timer))
  addEventListener('click', ({ target }) => {
    if (pressed) return
    bubble(target, 'tap')
    for (let element = target; element; element = element.parentElement) {
      components[element.__wxElement?.is]?.tap?.(element.__wxElement)
    }
  })
}

function bubble(target, name) {
  componentOf(target)?.triggerEvent(name, {}, { bubbles: true, composed: true })
}

function componentOf(node) {
  while (node && !node.__wxElement) node = node.parentNode
  return node?.__wxElement
}

// plain returns the part of an event that the page's JavaScript gets, as JSON.
function plain({ type, detail, target, currentTarget }) {
  const part = ({ id, dataset }) => ({ id, dataset: { ...dataset } })
  return { type, detail, target: part(target), currentTarget: part(currentTarget) }
}
