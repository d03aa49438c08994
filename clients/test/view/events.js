// The browser's events, as those of WeChat.
const longPress = 350 // milliseconds

// listen translates them for the elements of a page. components are those of WeChat.
export function listen(components) {
  for (const name of ['input', 'keydown', 'scroll', 'submit', 'focus', 'blur']) {
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

// plain returns the part of an event that JavaScript gets, as JSON.
export function plain({ type, detail, target, currentTarget }) {
  const part = ({ id, dataset }) => ({ id, dataset: { ...dataset } })
  return { type, detail, target: part(target), currentTarget: part(currentTarget) }
}
