// make builds an element, such as make('button.send', { type: 'submit' }, 'Send').
// What others have written is only ever made text of: nothing is parsed as HTML.
export function make(what, props = {}, ...children) {
  const [tag, ...classes] = what.split('.')
  const element = document.createElement(tag)
  element.className = classes.join(' ')
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name in element && typeof value !== 'string') element[name] = value
    else if (value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children.filter((child) => child !== undefined))
  return element
}
