// Draws the pages of a mini program in a browser, each in a web view of its own: their
// real WXML, by glass-easel, and their real WXSS. Their JavaScript runs in
// test/phone.js. As on a phone, the two exchange JSON only: setData and events.
import { build } from 'esbuild'
import { TmplGroup } from 'glass-easel-template-compiler'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (file) => fileURLToPath(new URL(`view/${file}`, import.meta.url))

// compile compiles the mini program in root for View.
export async function compile(root) {
  const group = new TmplGroup()
  const styles = {}
  for (const file of await readdir(root, { recursive: true })) {
    const { dir, name, ext } = path.parse(file)
    if (ext !== '.wxml' && ext !== '.wxss') continue
    const text = await readFile(path.join(root, file), 'utf8')
    if (ext === '.wxss') {
      styles[path.join(dir, name)] = css(text)
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
  const app = JSON.parse(await readFile(path.join(root, 'app.json'), 'utf8'))
  const pages = {}
  for (const name of app.pages) {
    const config = { ...app.window, ...JSON.parse(await readFile(path.join(root, `${name}.json`), 'utf8')) }
    pages[name] = {
      title: config.navigationBarTitleText,
      html: `<!doctype html><style>${await readFile(here('base.css'), 'utf8')}</style><style>${styles.app}${styles[name]}</style><body></body>`,
    }
  }
  return { pages, script: `${bundle.text};var templates = ${group.getTmplGenObjectGroups()}`, color: app.window.navigationBarBackgroundColor }
}

// css translates WXSS to CSS: 750rpx are the width of the screen.
function css(wxss) {
  if (wxss.includes('@import')) throw new Error('@import of WXSS is not supported')
  return wxss.replace(/(-?\d*\.?\d+)rpx/g, 'calc($1 * 100vw / 750)')
}

// View is the screen of a phone.
export class View {
  static async open(context, program) {
    const view = new View(program)
    view.page = await context.newPage()
    view.page.on('pageerror', (err) => view.problems.push(err.message))
    view.page.on('console', (line) => line.type() === 'error' && view.problems.push(line.text()))
    await view.page.exposeFunction('tell', (what) => view.receive(what))
    await view.page.setContent(await readFile(here('phone.html'), 'utf8'))
    await view.page.addStyleTag({ content: `header { background: ${program.color} }` })
    return view
  }

  constructor(program) {
    Object.assign(this, { program, count: 0, screens: new Map(), drawn: Promise.resolve(), problems: [] })
  }

  // draw runs fn in the browser, after all earlier calls.
  draw(fn, args) {
    this.drawn = this.drawn.then(() => this.page.evaluate(fn, args)).catch((err) => this.problems.push(err.message))
  }

  // show opens a page. begin must follow with its first data. handle gets the events.
  show(name, methods, handle) {
    const id = ++this.count
    this.screens.set(id, handle)
    const page = { id, name, handlers: methods, script: this.program.script, ...this.program.pages[name] }
    return {
      begin: (data) => this.draw((page) => phone.show(page), { ...page, data }),
      setData: (changes) => this.draw(([id, changes]) => phone.setData(id, changes), [id, changes]),
      close: () => {
        this.screens.delete(id)
        this.draw((id) => phone.close(id), id)
      },
      setTitle: (title) => this.draw(([id, title]) => phone.setTitle(id, title), [id, title]),
    }
  }

  choose(lines) {
    this.draw((lines) => phone.choose(lines), lines)
  }

  // receive takes an event or a problem from the browser.
  receive({ id, problem, handler, event, back, choice }) {
    if (problem) this.problems.push(problem)
    else if (back) this.phone.back()
    else if (choice) this.phone.choose(choice)
    else this.screens.get(id)?.(handler, event)
  }

  // content is the web view of the page on top.
  get content() {
    return this.page.frameLocator('iframe:last-child')
  }
}
