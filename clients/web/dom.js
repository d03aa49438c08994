// make creates an element, such as make('button.send', { type: 'submit' }, 'Send').
// The type of a button is button unless props has another one. Texts of users only
// become text nodes: nothing is parsed as HTML.
export function make(what, props = {}, ...children) {
  const [tag, ...classes] = what.split('.')
  const element = document.createElement(tag)
  element.className = classes.join(' ')
  if (tag === 'button') element.type = tag
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name in element && typeof value !== 'string') element[name] = value
    else if (value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children.filter((child) => child !== undefined))
  return element
}
