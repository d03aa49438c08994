import { html, render } from 'lit'

// openMenu shows a menu below a button, inside of root. An item is { label, run } or
// { label, items, title }, which shows another list. The focus returns to the button.
export function openMenu(root, button, items) {
  const menu = document.createElement('div')
  menu.className = 'menu'
  menu.setAttribute('role', 'menu')
  menu.setAttribute('part', 'menu')
  root.append(menu)

  const close = () => {
    document.removeEventListener('pointerdown', onOutside, true)
    menu.remove()
  }
  const leave = () => {
    close()
    button.focus({ preventScroll: true })
  }
  const onOutside = (event) => event.composedPath().includes(menu) || close()
  const choose = (item) => {
    if (item.items) return show(item.items, item.title)
    leave()
    item.run()
  }
  const show = (list, title) => {
    if (title) menu.setAttribute('aria-label', title)
    render(html`${title ? html`<p aria-hidden="true">${title}</p>` : ''}${list.map((item) => html`
      <button type="button" role="menuitem" tabindex="-1" aria-haspopup=${item.items ? 'menu' : 'false'} @click=${() => choose(item)}>${item.label}</button>`)}`, menu)
    menu.querySelector('button')?.focus({ preventScroll: true })
    place(root, button, menu)
  }
  menu.addEventListener('keydown', (event) => {
    const all = [...menu.querySelectorAll('button')]
    const at = all.indexOf(menu.getRootNode().activeElement)
    const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key]
    if (event.key === 'Escape' || event.key === 'Tab') leave()
    else if (to === undefined) return
    else all[to].focus({ preventScroll: true })
    event.preventDefault()
    event.stopPropagation()
  })
  document.addEventListener('pointerdown', onOutside, true)
  show(items)
}

// place puts the menu beside the button, inside of root.
function place(root, button, menu) {
  const around = root.getBoundingClientRect()
  const at = button.getBoundingClientRect()
  const { offsetWidth: width, offsetHeight: height } = menu
  const left = Math.min(Math.max(at.left - around.left, 4), around.width - width - 4)
  const below = at.bottom - around.top + 2
  const top = below + height < around.height ? below : Math.max(4, at.top - around.top - height - 2)
  menu.style.left = `${Math.max(4, left)}px`
  menu.style.top = `${top}px`
}
