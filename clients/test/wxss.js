// Translates WXSS to CSS for test/view.js.
import { readFile } from 'node:fs/promises'
import path from 'node:path'

// wxssOf returns a style sheet with all that it imports. 750rpx are the width of the screen.
// With a scope it is for the elements of one component: their classes are written with the
// scope before them, and :host is the element of the component itself.
export async function wxssOf(root, file, scope = '') {
  const css = await imported(root, file)
  return scoped(css.replace(/\/\*[^]*?\*\//g, ''), scope)
    .replace(/(-?\d*\.?\d+)rpx/g, 'calc($1 * 100vw / 750)')
    .replace(/env\(safe-area-inset-(\w+)\)/g, 'var(--safe-$1, 0px)')
}

async function imported(root, file) {
  let css = await readFile(file, 'utf8')
  for (const [rule, to] of [...css.matchAll(/@import\s+["']([^"']+)["'];/g)]) {
    const found = to.startsWith('/') ? path.join(root, to) : path.join(path.dirname(file), to)
    css = css.replace(rule, () => '')
    css = await imported(root, found) + css
  }
  return css
}

// scoped refuses the selectors that WeChat does not permit in a component.
function scoped(css, scope) {
  if (!scope) return css
  return css.replace(/([^{}]+)\{/g, (rule, selector) => {
    if (selector.trim().startsWith('@')) return rule
    if (/(^|[\s,>+~])[a-z]|[#[]/i.test(selector.replace(/:host|::?[\w-]+/g, ''))) throw new Error(`${selector.trim()}: a component has classes only`)
    return `${selector.replaceAll(/\.([\w-]+)/g, `.${scope}--$1`).replaceAll(':host', scope)}{`
  })
}
