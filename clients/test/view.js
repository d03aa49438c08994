// Draws the pages and components of a mini program in a browser, each page in a web view of
// its own: their real WXML, by glass-easel, and their real WXSS. Their JavaScript runs in
// test/phone.js. As on a phone, the two exchange JSON only: setData and events.
import { build } from 'esbuild'
import { TmplGroup } from 'glass-easel-template-compiler'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { wxssOf } from './wxss.js'

const here = (file) => fileURLToPath(new URL(`view/${file}`, import.meta.url))

// compile compiles the mini program in root for View.
export async function compile(root) {
  const group = new TmplGroup()
  const styles = {}
  const parts = []
  for (const file of await readdir(root, { recursive: true })) {
    const { dir, name, ext } = path.parse(file)
    if (ext !== '.wxml' && ext !== '.wxss') continue
    const text = await readFile(path.join(root, file), 'utf8')
    if (ext === '.wxss') {
      styles[path.join(dir, name)] = path.join(root, file)
      continue
    }
    const problems = group.addTmpl(path.join(dir, name), text)
    if (problems.length) throw new Error(`${file}: ${problems.join('; ')}`)
  }
  const { outputFiles: [bundle] } = await build({
    entryPoints: [here('webview.js')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'webview',
  })
  // The style of a component is for its own elements only.
  const isComponent = async (name) => JSON.parse(await readFile(path.join(root, `${name}.json`), 'utf8').catch(() => '{}')).component
  for (const [name, file] of Object.entries(styles)) {
    const component = await isComponent(name)
    styles[name] = await wxssOf(root, file, component ? scopeOf(name) : '')
    if (component) parts.push(styles[name])
  }
  const app = JSON.parse(await readFile(path.join(root, 'app.json'), 'utf8'))
  const theme = app.themeLocation ? JSON.parse(await readFile(path.join(root, app.themeLocation), 'utf8')) : {}
  const pages = {}
  const subpackages = (app.subPackages ?? app.subpackages ?? []).flatMap(({ root: folder, pages }) => pages.map((name) => path.join(folder, name)))
  for (const name of [...app.pages, ...subpackages]) {
    const config = { ...app.window, ...JSON.parse(await readFile(path.join(root, `${name}.json`), 'utf8')) }
    pages[name] = {
      colors: colorsOf(root, config, theme),
      title: config.navigationBarTitleText,
      html: `<!doctype html><style>${await readFile(here('base.css'), 'utf8')}</style><style>${parts.join('')}${styles.app ?? ''}${styles[name] ?? ''}</style><body></body>`,
    }
  }
  return { pages, script: `${bundle.text};var templates = ${group.getTmplGenObjectGroups()}`, dark: app.darkmode === true }
}

// colorsOf returns the colours of the bar above a page, light and dark.
export function colorsOf(root, { navigationBarBackgroundColor: bar = '#ffffff', navigationBarTextStyle: text = 'black' }, theme) {
  const of = (value, name) => (value.startsWith('@') ? theme[name][value.slice(1)] : value)
  return ['light', 'dark'].map((name) => ({ bar: of(bar, name), text: of(text, name) }))
}

// scopeOf returns what stands before the classes of a component.
export const scopeOf = (name) => name.replace(/[^\w]/g, '-')

// View is the screen of a phone.
export class View {
  // safe are the pixels at the lower edge that a phone without a button covers in part.
  static async open(context, program, { safe = 0 } = {}) {
    const view = new View(program)
    view.safe = safe
    view.page = await context.newPage()
    if (!program.dark) await view.page.emulateMedia({ colorScheme: 'light' }) // WeChat's dark mode is for those who ask for it
    view.page.on('pageerror', (err) => view.problems.push(err.message))
    view.page.on('console', (line) => line.type() === 'error' && view.problems.push(line.text()))
    await view.page.exposeFunction('tell', (what) => view.receive(what))
    await view.page.setContent(await readFile(here('phone.html'), 'utf8'))
    return view
  }

  constructor(program) {
    Object.assign(this, { program, count: 0, screens: new Map(), drawn: Promise.resolve(), problems: [] })
  }

  // close resolves when all is drawn. What a mini program that was ended still wants to draw is not.
  close() {
    this.closed = true
    return this.drawn
  }

  // draw runs fn in the browser, after all earlier calls.
  draw(fn, args) {
    if (this.closed) return this.drawn
    const done = this.drawn.then(() => this.page.evaluate(fn, args))
    this.drawn = done.catch((err) => this.problems.push(err.message))
    return this.drawn
  }

  // show opens a page. begin must follow with its first data. handle gets the events, with
  // the number of the component that they are for, or 0 for the page. components are the
  // definitions of components by path; using has, for the page and each of them, their tags.
  show(name, methods, handle, { components, using }) {
    const id = ++this.count
    this.screens.set(id, handle)
    const page = { id, name, handlers: methods, script: this.program.script, components, using, safe: this.safe, ...this.program.pages[name] }
    return {
      begin: (data) => this.draw((page) => phone.show(page), { ...page, data }),
      setData: (changes, instance = 0) => this.draw(([id, changes, instance]) => phone.setData(id, changes, instance), [id, changes, instance]),
      trigger: (instance, name, detail, options) => this.draw((args) => phone.trigger(...args), [id, instance, name, detail, options]),
      query: (instance, parts) => this.draw((args) => phone.query(...args), [id, instance, parts]),
      close: () => {
        this.screens.delete(id)
        this.draw((id) => phone.close(id), id)
      },
      setTitle: (title) => this.draw(([id, title]) => phone.setTitle(id, title), [id, title]),
    }
  }

  // keyboard shows a keyboard of so many pixels for the text field in focus, or hides it.
  keyboard(height) {
    return this.draw((height) => phone.keyboard(height), height)
  }

  choose(lines) {
    this.draw((lines) => phone.choose(lines), lines)
  }

  // receive takes an event or a problem from the browser.
  receive({ id, problem, back, choice, ...what }) {
    if (problem) this.problems.push(problem)
    else if (back) this.phone.back()
    else if (choice) this.phone.choose(choice)
    else this.screens.get(id)?.(what)
  }

  // content is the web view of the page on top.
  get content() {
    return this.page.frameLocator('iframe:last-child')
  }
}
