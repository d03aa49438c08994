import { html, nothing, render } from 'lit'

// openMenu shows a menu below a button, inside of root. An item is { label, run }, with the
// time after which it goes, in milliseconds, if it does; { label, items, title }, which shows
// another list; { label, row }, with items side by side; or { label, name, fill(done) }, which
// resolves to an element to show instead. The focus returns to the button.
export function openMenu(root, button, items) {
  const menu = document.createElement('div')
  menu.className = 'menu'
  menu.setAttribute('role', 'menu')
  menu.setAttribute('part', 'menu')
  root.append(menu)

  const timers = []
  const close = () => {
    timers.forEach(clearTimeout)
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
    if (item.fill) return fill(item)
    leave()
    item.run()
  }
  const fill = async (item) => {
    const content = await item.fill(leave)
    menu.setAttribute('role', 'dialog')
    menu.setAttribute('aria-label', item.name)
    render(content, menu)
    place(root, button, menu)
  }
  const draw = (item) => html`<button type="button" role="menuitem" tabindex="-1" class=${item.pressed ? 'pressed' : nothing} title=${item.name ?? nothing} aria-label=${item.name ?? nothing}
    aria-haspopup=${item.items ? 'menu' : item.fill ? 'dialog' : 'false'} @click=${() => choose(item)}>${item.label}</button>`
  const show = (list, title) => {
    if (title) menu.setAttribute('aria-label', title)
    render(html`${title ? html`<p aria-hidden="true">${title}</p>` : ''}${list.map((item) => (item.row ? html`<div role="group" aria-label=${item.label}>${item.row.map(draw)}</div>` : draw(item)))}`, menu)
    menu.querySelector('button')?.focus({ preventScroll: true })
    place(root, button, menu)
  }
  menu.addEventListener('keydown', (event) => {
    if (menu.role !== 'menu' && event.key !== 'Escape') return
    const all = [...menu.querySelectorAll('button')]
    const at = all.indexOf(menu.getRootNode().activeElement)
    const next = (at + 1) % all.length
    const previous = (at - 1 + all.length) % all.length
    const [ArrowRight, ArrowLeft] = menu.matches(':dir(rtl)') ? [previous, next] : [next, previous]
    const to = { ArrowDown: next, ArrowUp: previous, ArrowRight, ArrowLeft, Home: 0, End: all.length - 1 }[event.key]
    if (event.key === 'Escape' || event.key === 'Tab') leave()
    else if (to === undefined) return
    else all[to].focus({ preventScroll: true })
    event.preventDefault()
    event.stopPropagation()
  })
  document.addEventListener('pointerdown', onOutside, true)
  show(items)
  for (const item of items) {
    if (item.time < 2 ** 31) timers.push(setTimeout(() => show(items = items.filter((it) => it !== item)), item.time))
  }
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
