// The code in the documents: each block of each document is held by a test, and what no other
// test holds is held here. See blocks.js for how each is held.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from '@vue/compiler-dom'
import { transform } from 'esbuild'
import { load } from 'js-yaml'
import { blocks, chinese, commands, documents, englishOf, everyBlock, held, linesOf, read, repository, rules } from './blocks.js'
import { freePorts, Server, wait } from './server.js'

const run = promisify(execFile)
const binary = process.env.CADDY ?? path.join(repository, 'build/caddy')
const block = async (language, file) => (await everyBlock(documents)).filter((it) => it.language === language && (!file || it.file === file))

let dir
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-documents-'))
})
after(() => rm(dir, { recursive: true, force: true }))

test('each block and each command of each document is held by a test that exists', async (t) => {
  const found = await everyBlock(documents)
  assert.deepEqual(found.flatMap((it) => held(it).lost.map((what) => `${it.where}: ${it.language}: nothing holds: ${what}`)), [])
  const used = new Set(found.flatMap((it) => held(it).by.map(({ rule }) => rule)))
  assert.deepEqual(rules.filter((rule) => !used.has(rule)), [], 'rules that hold nothing')
  for (const { by } of rules.filter(({ by }) => by)) {
    const [file, name] = by.split(': ')
    assert.ok((await read(file)).includes(name), by)
  }
  const kinds = new Map()
  for (const { rule } of found.flatMap((it) => held(it).by)) kinds.set(rule.held, (kinds.get(rule.held) ?? 0) + 1)
  t.diagnostic([...kinds].map(([how, number]) => `${how}: ${number}`).join('; '))
})

test('a block or a command that nobody knows is found', () => {
  const lost = (text) => blocks('docs/web.md', text).flatMap((it) => held(it).lost)
  assert.deepEqual(lost('a\n\n```perl\nprint\n```\n'), ['print\n'])
  assert.deepEqual(lost('a\n\n    make test\n    rm -rf /  # all\n\nb\n'), ['rm -rf /'])
  assert.deepEqual(lost('1. a\n\n       make test\n       apt-get moo\n'), ['apt-get moo'])
  assert.deepEqual(commands('a \\\n  b  # c\nd\n'), ['a b', 'd'])
  assert.throws(() => blocks('x.md', '```js\na'), /has no end/)
})

// Tests in Go compare the blocks of the pages in Chinese with those in English: this one that none is forgotten there.
test('each document in Chinese has the blocks of the one in English', async () => {
  const languages = async (file) => (await everyBlock([file])).map(({ language }) => language)
  const made = ['admin', 'cli', 'http', 'javascript', 'json'].map((name) => `docs/zh/${name}.md`) // introductions
  for (const file of chinese) {
    if (file === 'docs/zh/glossary.md' || file === 'docs/zh/protocol.md' || made.includes(file)) continue
    assert.deepEqual(await languages(file), await languages(englishOf(file)), file)
  }
  const compared = await read('caddymodule/documents_test.go')
  for (const file of chinese.filter((file) => file.endsWith('.zh-CN.md'))) assert.ok(compared.includes(`"../${file.replace('.zh-CN.md', '')}"`), `${file} is not compared`)
})

// makes returns the lines that make would run. It prints more if these tests were begun by make.
const makes = async (...targets) => (await run('make', ['-n', '--no-print-directory', ...targets], { cwd: repository })).stdout

test('the targets of make that the documents name exist', async () => {
  const inline = (await Promise.all(documents.map(read))).flatMap((text) => [...text.matchAll(/`make ([a-z-]+)`/g)].map(([, name]) => name))
  const targets = new Set([...(await linesOf('make')).map(({ what }) => what.split(' ')[1]), ...inline])
  assert.ok(targets.size > 15, [...targets].join())
  await makes(...targets)
  await assert.rejects(makes('nothing'), /No rule/)
})

test('builds are those of the Makefile', async () => {
  const made = await makes('caddy', 'caddy-h2', 'xcaddy', 'examples')
  const [, module] = /^module (.*)$/m.exec(await read('go.mod'))
  const lines = await linesOf('build')
  for (const { what, where } of lines) {
    const same = what.replace(/^xcaddy /, '').replace('-o caddy ', what.includes('chat_h2') ? '-o build/caddy-h2 ' : '-o build/caddy ')
    assert.ok(made.includes(same), `${where}: make runs no ${same}`)
    if (what.startsWith('xcaddy')) assert.ok(what.includes(` ${module}@v0.0.0=.`), where)
  }
  assert.ok(lines.some(({ what }) => what.startsWith('xcaddy')))
  // make test does not build with xcaddy, which takes minutes: a release does.
  const [, before] = /release workflow\s+runs `(make xcaddy [^`]+)`/.exec(await read('CONTRIBUTING.md'))
  assert.ok((await read('.github/workflows/release.yml')).includes(`- run: ${before}\n`))
})

test('npm installs the packages from a clone, without a network', async () => {
  const lines = await linesOf('npm')
  assert.equal(lines.length, 3)
  await Promise.all(lines.map(async ({ what, where }) => {
    const at = await mkdtemp(path.join(dir, 'app-'))
    const own = where.includes('/react/') ? ['react'] : where.includes('/vue/') ? ['vue'] : []
    await writeFile(path.join(at, 'package.json'), JSON.stringify({ name: 'app', private: true }))
    // An application of the reader has React or Vue already, as this one is given it.
    const env = { ...process.env, npm_config_cache: path.join(at, 'empty'), npm_config_legacy_peer_deps: 'true' }
    await run('bash', ['-c', `${what.replaceAll('<clone>', repository)} --offline --no-audit --no-fund`], { cwd: at, env })
    for (const name of own) await symlink(`${repository}clients/node_modules/${name}`, path.join(at, 'node_modules', name))
    const packages = [...what.matchAll(/clients\/(\w+)/g)].map(([, name]) => `caddy-chat-${name === 'core' ? 'client' : name}`)
    const script = packages.map((name) => `if (Object.keys(await import('${name}')).length < 2) throw '${name}'`).join('\n')
    await writeFile(path.join(at, 'app.mjs'), script)
    await run(process.execPath, ['app.mjs'], { cwd: at })
  }))
})

// what the documents say of Caddyfile.example is done with it; only the ports are others, and curl knows its authority.
test('what the documents try on Caddyfile.example works', async (t) => {
  const lines = await linesOf('try')
  const [command] = lines.map(({ what }) => what).filter((what) => what.startsWith('go run'))
  assert.equal((await makes('run')).trim().split('\n').at(-1), command.replace('go run ./cmd/caddy', 'build/caddy'))
  const ports = await freePorts(3)
  const here = (text) => [8080, 8443, 2019].reduce((all, port, i) => all.replaceAll(`localhost:${port}`, `localhost:${ports[i]}`), text)
    .replaceAll('https://chat.example.com', `https://localhost:${ports[1]}`)
  const example = here(await read('Caddyfile.example')).replace('http_port 8080', `http_port ${ports[0]}`).replace('https_port 8443', `admin localhost:${ports[2]}\nhttps_port ${ports[1]}`)
  await writeFile(path.join(dir, 'Caddyfile.example'), example)
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir, CURL_CA_BUNDLE: path.join(dir, 'caddy/pki/authorities/local/root.crt') }
  const server = spawn(binary, command.split(' ').slice(3), { cwd: dir, env, stdio: 'ignore' })
  t.after(() => server.kill('SIGKILL'))
  await wait(() => run('curl', ['-fsS', `https://localhost:${ports[1]}/chat/health`], { env }).then(() => true, () => false), 60_000)
  const [{ what: first }, { what: second }, more] = lines.filter(({ what }) => what.startsWith('npx'))
  assert.equal(more, undefined)
  // wscat says each line that it is given to everybody else, and prints what it hears.
  const terminal = (command) => {
    const it = spawn('bash', ['-c', `exec ${here(command)}`], { cwd: path.join(repository, 'clients'), env, detached: true })
    t.after(() => process.kill(-it.pid, 'SIGKILL'))
    it.heard = ''
    it.stdout.on('data', (part) => { it.heard += part })
    return it
  }
  const said = async (what) => (await run('bash', ['-c', here(what)], { env })).stdout
  const [sessions, ...health] = lines.map(({ what }) => what).filter((what) => what.startsWith('curl')).sort((a, b) => a.includes('health') - b.includes('health'))
  const a = terminal(first)
  await wait(async () => /"sessions":\[\{/.test(await said(sessions)), 30_000)
  a.stdin.write('before\n')
  const b = terminal(second)
  await wait(() => b.heard.includes('before'), 30_000) // history=20
  b.stdin.write('hello\n')
  await wait(() => a.heard.includes('hello'))
  assert.equal(health.length, 2)
  for (const what of health) assert.match(await said(what), /^HTTP\S+ 200[^]*ok\n$/, what)
})

test('caddy chat bench does what its lines say, with a small scenario', async (t) => {
  const server = new Server({ chat: 'max_connections_per_ip 1000\nlimits {\nconnect_rate 100000 100000\nsession_rate 100000 100000\nnew_rooms 100000 100000\n}' })
  t.after(() => server.remove())
  await server.start()
  const lines = await linesOf('bench')
  assert.ok(lines.length >= 3)
  const ca = path.join(dir, 'root.pem')
  await writeFile(ca, server.ca)
  for (const { what, where } of lines) {
    const small = what.replace(/^caddy/, binary).replace(/wss:\/\/localhost\/chat/, server.wss).replace(/ws:\/\/127\.0\.0\.1:8080\/chat/, server.ws)
      .replace('--pid 4711', `--pid ${server.process.pid}`).replace(/ --scenario A1,B|$/, ' --scenario room100')
    const { stdout } = await run('bash', ['-c', `${small} --measure 100ms --warmup 10ms`], { env: { ...process.env, SSL_CERT_FILE: ca }, timeout: 60_000 })
    assert.match(stdout, /room100/, where)
  }
})

test('the line of docs/moving.md is imported', async (t) => {
  const server = new Server()
  t.after(() => server.remove())
  await server.start()
  const [{ code }] = (await block('indented', 'docs/moving.md')).filter(({ code }) => code.startsWith('{'))
  await writeFile(path.join(dir, 'old.jsonl'), code)
  const chat = async (...args) => (await run(binary, ['chat', ...args, '--address', `unix/${server.dir}/admin.sock`], { cwd: dir })).stdout
  await chat('import', 'old.jsonl')
  assert.match(await chat('history', 'tea'), /Li.*hello/)
})

// What is sent and answered has a schema in openapi.json of a server.
test('the answers in docs/backends.md, and what docs/webhooks.md says is sent, fit openapi.json', async (t) => {
  const server = new Server()
  t.after(() => server.remove())
  await server.start()
  const api = await (await fetch(`${server.ws.replace('ws:', 'http:')}/openapi.json`)).json()
  const unknown = (of, value, at) => {
    const schema = of.$ref ? of.$ref.slice(2).split('/').reduce((in_, key) => in_[key], api) : of
    if (Array.isArray(value)) return value.flatMap((it, i) => unknown(schema.items, it, `${at}[${i}]`))
    if (typeof value !== 'object' || !schema.properties) return schema.type && schema.type.replace('integer', 'number') !== typeof value ? [`${at}: ${value}`] : []
    const lost = (schema.required ?? []).filter((key) => !(key in value)).map((key) => `${at} lacks ${key}`)
    return lost.concat(Object.entries(value).flatMap(([key, it]) => (schema.properties[key] ? unknown(schema.properties[key], it, `${at}.${key}`) : [`${at} has no ${key}`])))
  }
  const answer = (route, method) => api.paths[route][method].responses['200'].content['application/json'].schema
  const events = answer('/feed', 'get')
  const schemas = { epoch: events, token: answer('/users/{id}/token', 'post'), event: { $ref: '#/components/schemas/Event' } }
  const found = [...await block('indented', 'docs/backends.md'), ...await block('indented', 'docs/webhooks.md')]
    .map(({ code, where }) => ({ where, code: code.slice(code.indexOf('\n\n') + 1).trim() })).filter(({ code }) => code.startsWith('{'))
  assert.equal(found.length, 4)
  for (const { code, where } of found) {
    const value = JSON.parse(code.replace(',…', ',"seq":1,"at":1,"from":{"id":"u","name":"Li"}')) // an entry is cut short
    const schema = schemas[Object.keys(value)[0]]
    assert.deepEqual(unknown(schema, value, where), [])
    assert.equal(unknown(schema, { ...value, nonsense: 1 }, where).length, 1)
  }
})

// What the elements and components have, by their sources.
const { observedAttributes } = await (async () => {
  const source = await read('clients/web/element.js')
  const [, properties] = /static properties = \{\n([^]*?)\n {2}\}/.exec(source)
  return { observedAttributes: properties.split('\n').filter((line) => !line.includes('attribute: false')).map((line) => /attribute: '([\w-]+)'/.exec(line)?.[1] ?? line.trim().split(':')[0]) }
})()
const propertiesOf = async (component) => {
  const sources = await Promise.all([`${component}/${component}.js`, 'looks.js'].map((file) => read(`clients/miniprogram/caddy-chat/${file}`)))
  return sources.flatMap((source) => [.../properties[:=]? ?=? ?\{\n([^]*?)\n {0,2}\}/.exec(source)[1].matchAll(/^ +(\w+): \{ type/gm)].map(([, name]) => name))
}

// wrongMarkup returns what is wrong with HTML or WXML: its grammar, and of our elements the attributes.
function wrongMarkup(code, attributes) {
  const wrong = []
  const look = (at) => {
    if (at.tag?.startsWith('caddy-chat')) {
      for (const { name } of at.props) if (!attributes[at.tag]?.includes(name)) wrong.push(`<${at.tag}> has no ${name}`)
    } else if (at.tag && !['title', 'h1', 'script'].includes(at.tag)) wrong.push(`<${at.tag}>`)
    for (const child of at.children ?? []) look(child)
  }
  look(parse(code, { parseMode: 'html', onError: ({ message }) => wrong.push(message), onWarn: ({ message }) => wrong.push(message) }))
  return wrong
}

test('the elements and attributes of HTML in the documents exist', async () => {
  const element = { 'caddy-chat': observedAttributes }
  const component = { 'caddy-chat': await propertiesOf('room'), 'caddy-chat-list': await propertiesOf('list') }
  assert.ok(observedAttributes.includes('sign-in') && component['caddy-chat'].includes('readonly') && component['caddy-chat-list'].includes('hidden'))
  const found = await block('html')
  assert.ok(found.length >= 8)
  for (const { code, where, file } of found) assert.deepEqual(wrongMarkup(code, file.includes('miniprogram') ? component : element), [], where)
  for (const wrong of ['<caddy-chat rom="tea"></caddy-chat>', '<caddy-chat room="tea">', '<caddy-talk room="tea"></caddy-talk>']) assert.equal(wrongMarkup(wrong, element).length, 1, wrong)
})

test('the variables, parts and properties of CSS in the documents exist', async () => {
  const web = await Promise.all((await readdir(path.join(repository, 'clients/web'))).filter((name) => name.endsWith('.js')).map((name) => read(`clients/web/${name}`)))
  const known = {
    web: [...web.join('').matchAll(/^ {2}'?([\w-]+)'?: \['#/gm)].map(([, name]) => `--${name}`),
    miniprogram: [...(await read('clients/miniprogram/caddy-chat/lib/colours.wxss')).matchAll(/var\((--[\w-]+)/g)].map(([, name]) => name),
    parts: [...web.join('').matchAll(/part="([^"$]*)/g)].flatMap(([, names]) => names.split(' ')),
    properties: await readFile(path.join(repository, `clients/node_modules/@typescript/typescript-${process.platform}-${process.arch}/lib/lib.dom.d.ts`), 'utf8'),
  }
  assert.ok(known.web.includes('--accent') && known.miniprogram.includes('--caddy-chat-mine') && known.parts.includes('bubble'))
  const wrong = async ({ code, file }) => {
    const { warnings } = await transform(code, { loader: 'css' })
    return [...warnings.map(({ text }) => text),
      ...[...code.matchAll(/(--[\w-]+):/g)].map(([, name]) => name).filter((name) => !known[file.includes('miniprogram') ? 'miniprogram' : 'web'].includes(name)),
      ...[...code.matchAll(/::part\(([\w-]+)\)/g)].map(([, name]) => name).filter((name) => !known.parts.includes(name)),
      ...[...code.matchAll(/(?<![\w-])([a-z][\w-]*): /g)].map(([, name]) => name).filter((name) => !known.properties.includes(` ${name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())}: string;`))]
  }
  const found = await block('css')
  assert.ok(found.length >= 2)
  for (const it of found) assert.deepEqual(await wrong(it), [], it.where)
  for (const code of ['a { --acent: red; }', 'a::part(buble) { color: red; }', 'a { colour: red; }', 'a { color: red;']) assert.equal((await wrong({ code, file: 'docs/web.md' })).length, 1, code)
})

test('the components that the JSON names exist, also in the package', async () => {
  const found = await block('json', 'clients/miniprogram/caddy-chat/README.md')
  assert.equal(found.length, 1)
  const { usingComponents, ...rest } = JSON.parse(found[0].code)
  assert.deepEqual(rest, { disableScroll: true })
  const text = await read('clients/miniprogram/caddy-chat/README.md')
  const paths = [...Object.values(usingComponents), ...[...text.matchAll(/`\/?(caddy-chat[\w-]*\/\w+\/\w+)`/g)].map(([, name]) => name)]
  assert.ok(paths.length >= 5, paths.join())
  for (const name of paths) assert.equal(JSON.parse(await read(`clients/miniprogram/caddy-chat/${name.replace(/^caddy-chat[\w-]*\//, '')}.json`)).component, true, name)
})

// Commands that stand in a sentence or in a table are not run, but they exist with their flags.
test('the commands that are named in sentences exist', async () => {
  const help = await read('docs/cli.md')
  const section = (name) => help.split(`\n## ${name}\n`)[1]?.split('\n## ')[0]
  const globals = [...help.split('\n## ')[0].matchAll(/--([\w-]+)/g)].map(([, flag]) => flag)
  let named = 0
  for (const file of documents) {
    for (const [, words] of (await read(file)).matchAll(/`(?:docker exec <container> )?caddy chat ([^`]+)`/g)) {
      const [name] = words.split(' ').filter((word) => /^[a-z]/.test(word))
      if (!name) continue
      named++
      assert.ok(section(name) ?? help.match(new RegExp(`^ {2}${name} `, 'm')), `${file}: caddy chat ${words}`)
      for (const [, flag] of words.matchAll(/--([\w-]+)/g)) assert.ok(globals.includes(flag) || section(name).includes(`--${flag}`), `${file}: caddy chat ${words}: there is no --${flag}`)
    }
  }
  assert.ok(named > 20)
})

// What only a release brings: the module, the packages, a container, archives. In one paragraph with it, or in the one
// before, the documents say that there is none yet; and once there is one, they do not say so any more.
const needsRelease = /xcaddy build (?:\S+ )*--with github\.com\/caddychat\/caddy-chat(?!@v0\.0\.0=\.)|npm (?:install|i|add) (?:-\S+ )*caddy-chat|docker (?:pull|run) \S*caddy-chat|ghcr\.io\/caddychat|\/releases\/(?:download|latest)|go (?:install|get) github\.com\/caddychat|(?:unpkg\.com|jsdelivr\.net|esm\.sh)\S*caddy-chat/
const note = /(?:not published yet|(?:once|until) the (?:module|packages?) (?:is|are) published|还没有发布|发布(?:以)?后|发布之前)/i
const unnoted = (text) => text.split(/\n\n+/).filter((part, i, all) => needsRelease.test(part) && !note.test(part) && !note.test(all[i - 1] ?? ''))

test('what needs a release says so until there is one', async () => {
  const unreleased = /^## \d+\.\d+\.\d+ - unreleased$/m.test(await read('CHANGELOG.md')) && !/^## \d+\.\d+\.\d+ - \d{4}/m.test(await read('CHANGELOG.md'))
  let found = 0
  for (const file of [...documents, ...chinese].filter((file) => !file.endsWith('CHANGELOG.md'))) {
    const text = await read(file)
    found += needsRelease.test(text)
    if (unreleased) assert.deepEqual(unnoted(text), [], `${file} names what there is not yet`)
    else assert.doesNotMatch(text, note, `${file} says that there is no release`)
  }
  assert.ok(found >= 4, `${found} documents`)
  for (const line of ['xcaddy build --with github.com/caddychat/caddy-chat@v0.1.0', 'npm install --save caddy-chat-client', 'docker pull ghcr.io/caddychat/caddy-chat']) {
    assert.deepEqual(unnoted(`a\n\n    ${line}\n`), [`    ${line}\n`])
    assert.deepEqual(unnoted(`It is not published yet:\n\n    ${line}\n`), [])
  }
  assert.deepEqual(unnoted('xcaddy build --with github.com/caddychat/caddy-chat@v0.0.0=.'), [])
})

// A name with an underscore, such as that of an option, a code or a metric, stands in the program, or it is another's.
const here = 'clients/test/documents.test.js' // where the wrong ones stand
const ofOthers = ['client_ip_headers', 'header_up', 'local_infile', 'pg_dump'] // Caddy's, MySQL's and PostgreSQL's
test('the names with underscores in sentences are names of the program', async () => {
  const { stdout } = await run('git', ['ls-files', '*.go', '*.js', '*.ts', '*.yml', '*.yaml', '*.json', 'Makefile'], { cwd: repository })
  const sources = await Promise.all(stdout.trim().split('\n').filter((file) => !file.startsWith('docs/') && file !== here).map(read))
  const known = new Set(sources.flatMap((text) => text.match(/\w+/g)))
  const unknown = (text) => {
    const own = new Set([...text.matchAll(/^```.*?\n(.*?)^```/gms)].flatMap(([, code]) => code.match(/\w+/g))) // a page may show its own program
    const names = [...text.replace(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].flatMap(([, code]) => code.match(/(?<![\w/.-])[a-z][a-z\d]*(?:_[a-z\d]+)+(?![\w.-])/g) ?? [])
    return [...new Set(names)].filter((name) => !known.has(name) && !known.has(name.replace('caddy_chat_', '')) && !own.has(name) && !ofOthers.includes(name))
  }
  for (const file of [...documents, ...chinese]) assert.deepEqual(unknown(await read(file)), [], file)
  assert.deepEqual(unknown('`max_sessions` and `max_members`, `caddy_chat_open` and `caddy_chat_opens_total`\n```\nnot_here\n```\n'), ['max_sessions', 'caddy_chat_opens_total'])
})

// What GitHub demands of a form: otherwise it is not offered.
test('the forms for issues are such as GitHub takes', async () => {
  const folder = path.join(repository, '.github/ISSUE_TEMPLATE')
  const forms = (await readdir(folder)).filter((name) => name !== 'config.yml')
  assert.ok(forms.length >= 2)
  const wrong = ({ name, description, body, labels = [], ...more }) => {
    const found = [...Object.keys(more), ...(name && description && Array.isArray(body) && Array.isArray(labels) ? [] : ['its head'])]
    const ids = new Set()
    for (const { type, id, attributes, validations = {}, ...other } of body ?? []) {
      const has = { markdown: 'value', textarea: 'label', input: 'label' }[type]
      if (!has || !attributes?.[has] || Object.keys(other).length || Object.keys(validations).some((key) => key !== 'required')) found.push(`${type} ${id}`)
      for (const key of Object.keys(attributes ?? {})) if (!['value', 'label', 'description', 'placeholder', 'render'].includes(key)) found.push(`${id}: ${key}`)
      if (type !== 'markdown' && (!id || ids.has(id))) found.push(`${type}: id ${id}`)
      ids.add(id)
    }
    return found
  }
  for (const name of forms) assert.deepEqual(wrong(load(await read(`.github/ISSUE_TEMPLATE/${name}`))), [], name)
  const form = { name: 'a', description: 'b', body: [{ type: 'input', id: 'c', attributes: { label: 'd' } }] }
  assert.deepEqual(wrong(form), [])
  assert.equal(wrong({ ...form, body: [...form.body, ...form.body] }).length, 1)
  assert.equal(wrong({ ...form, title: undefined, body: [{ type: 'text', id: 'c', attributes: { label: 'd' } }] }).length, 2)
  assert.equal(typeof load(await read('.github/ISSUE_TEMPLATE/config.yml')).blank_issues_enabled, 'boolean')
  assert.match(await read('.github/pull_request_template.md'), /^- \[ \] `make test` passes$/m)
})
