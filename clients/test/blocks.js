// The blocks of code in the documents, and how each of them is held: by which test, and how.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('../..', import.meta.url))
export const read = (file) => readFile(path.join(repository, file), 'utf8')

// documents are all documents in English. pairs has each that is also there in Chinese.
const all = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: repository, encoding: 'utf8' }).trim().split('\n')
const isChinese = (file) => file.includes('/zh/') || file.endsWith('.zh-CN.md')
export const documents = all.filter((file) => !isChinese(file))
export const chinese = all.filter(isChinese)
export const englishOf = (file) => (file === 'docs/zh/protocol.md' ? 'PROTOCOL.md' : file.replace('docs/zh/', 'docs/').replace('.zh-CN.md', '.md'))

// blocks returns the blocks of a document: those with a fence, and those that are indented behind
// an empty line, whose language is "indented".
export function blocks(file, text) {
  const found = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const fence = /^\s*(?:> ?)*(```+|~~~+)(.*)$/.exec(lines[i])
    const from = i
    if (fence) {
      while (++i < lines.length && !lines[i].trim().startsWith(fence[1]));
      if (i === lines.length) throw new Error(`${file}:${from + 1}: the block has no end`)
      found.push({ where: `${file}:${from + 1}`, file, language: fence[2].trim().split(' ')[0], code: `${lines.slice(from + 1, i).join('\n')}\n` })
    } else if (/^(?: {4,}|\t)\S/.test(lines[i]) && !lines[i - 1]?.trim()) {
      while (i + 1 < lines.length && /^(?: {4,}|\t)\S/.test(lines[i + 1] || lines[i + 2] || '')) i++
      const indent = /^\s*/.exec(lines[from])[0].length
      found.push({ where: `${file}:${from + 1}`, file, language: 'indented', code: lines.slice(from, i + 1).map((line) => `${line.slice(indent)}\n`).join('') })
    }
  }
  return found
}

// everyBlock returns the blocks of files.
export async function everyBlock(files) {
  return (await Promise.all(files.map(async (file) => blocks(file, await read(file))))).flat()
}

// commands returns the commands of a block: without comments, and what goes on in a further line in one.
export function commands(code) {
  return code.replace(/\\\n\s*/g, '').split('\n').map((line) => line.replace(/(?:^|\s+)# .*$/, '').trim()).filter(Boolean)
}

const here = 'clients/test/documents.test.js'
const go = 'caddymodule'

// rules say of each block, by its document, its language and what is in it, how it is held, and by which test. The first
// one that fits holds. Of what is indented, each command has a rule; a rule with whole takes all of a block.
export const rules = [
  // Whole blocks, by their languages.
  { language: 'caddyfile', held: 'provisioned', by: `${go}/documents_test.go: TestDocuments_CaddyfileBlocks_AreValid` },
  { language: /^(jsx?|tsx?|vue)$/, held: 'type-checked', by: 'clients/test/snippets.test.js: tsc --strict takes every snippet' },
  { file: 'docs/javascript.md', language: 'TypeScript', held: 'made of the program', by: 'clients/test/references.test.js: docs/javascript.md is the declarations' },
  { file: 'docs/cli.md', language: '', held: 'made of the program', by: `${go}/command/cli_linux_test.go: TestDocuments_CLI_IsTheHelp` },
  { file: 'docs/json.md', language: 'json', held: 'made of the program', by: `${go}/jsonreference_test.go: TestDocuments_JSON_IsTheComments` },
  { file: 'PROTOCOL.md', language: /^(chat\.v1|raw)$/, held: 'run', by: 'chat/protocol_test.go: ../PROTOCOL.md' },
  { file: 'PROTOCOL.md', language: 'indented', whole: true, held: 'run', by: 'chat/protocol_test.go: ../PROTOCOL.md' },
  { language: 'html', held: 'its elements and attributes exist', by: `${here}: the elements and attributes` },
  { language: 'css', held: 'its variables, parts and properties exist', by: `${here}: the variables, parts and properties` },
  { file: 'docs/cookbook.md', language: 'json', held: 'run', by: `${go}/cookbook_test.go: TestDocuments_Cookbook_Course` },
  { file: 'clients/miniprogram/caddy-chat/README.md', language: 'json', held: 'its component exists', by: `${here}: the components that the JSON names` },
  { file: 'docs/cookbook.md', language: 'nginx', held: 'run', by: `${go}/cookbook_test.go: TestDocuments_Cookbook_BehindNginx` },
  { file: 'docs/deployment.md', language: 'yaml', held: 'run, without Docker', by: 'clients/test/container.test.js: docs/deployment.md, a container' },
  { file: 'docs/nodes.md', language: 'yaml', held: 'run, without Docker', by: 'clients/test/container.test.js: docs/nodes.md, three nodes with compose' },
  { file: 'docs/cookbook.md', language: 'yaml', held: 'read as docker compose reads it', by: 'Makefile: check-compose:' },
  { file: 'docs/nodes.md', language: 'ini', has: /pool_mode=transaction connect_query='SET jit = off'/, held: 'run', by: "internal/testpostgres/pooler.go: pool_mode=transaction connect_query='SET jit = off'" },
  { file: 'docs/nodes.md', language: /^(sql|ini)$/, held: 'run', by: `${go}/journals/nodes_test.go: TestDocuments_Nodes_LeadToAStandby` },
  { file: 'docs/backends.md', language: 'sh', held: 'run', by: `${go}/backends_test.go: TestDocuments_Backends_CommandsWork` },
  { file: 'docs/backends.md', language: 'mjs', held: 'run', by: `${go}/backends_test.go: TestDocuments_Backends_ProgramWorks` },
  { file: 'docs/checks.md', language: /^(mjs|go)$/, held: 'run', by: 'chat/webhook/checkdocuments_test.go: TestDocuments_Checks' },
  { file: 'docs/webhooks.md', language: /^(mjs|go|php)$/, held: 'run', by: 'chat/webhook/documents_test.go: TestDocuments_Receivers' },
  { file: 'docs/cookbook-move.md', language: 'sh', held: 'run', by: `${go}/command/move_test.go: TestDocuments_CookbookMove` },
  { file: 'docs/cookbook-mysql.md', language: /^(sql|sh)$/, held: 'run', by: 'clients/test/mysql.test.js: docs/cookbook-mysql.md' },
  { file: 'docs/embedding.md', language: 'go', held: 'run', by: `${go}/documents_test.go: TestDocuments_Embedding_IsTheExample` },
  { file: 'docs/quickstart-web.md', language: 'mjs', held: 'run', by: 'clients/test/tutorial.test.js: quickstart-web.md leads to a chat' },

  // Whole blocks that are no commands.
  { file: 'CONTRIBUTING.md', language: 'indented', has: /^cmd\/caddy +→/, whole: true, held: 'compared with what the compiler sees', by: 'house_test.go: CONTRIBUTING.md' },
  { file: 'docs/concepts.md', language: 'indented', has: /^site ──/, whole: true, held: 'a drawing' },
  { file: 'bench/README.md', language: 'indented', has: /^0–9 s/, whole: true, held: 'figures' },
  { file: 'docs/deployment.md', language: 'indented', has: /^WECHAT_SECRET=/, whole: true, held: 'run', by: 'clients/test/deployment.test.js: WECHAT_SECRET' },
  { file: 'docs/quickstart-miniprogram.md', language: 'indented', has: /^url: .*\nlogin: true,\n$/, whole: true, held: 'the settings exist', by: `${go}/documents_test.go: TestDocuments_QuickStart_NamesTheSettings` },
  { file: 'docs/web.md', language: 'indented', has: /^https:\S+#token=/, whole: true, held: 'run with another token', by: 'clients/test/element.test.js: #token=' },
  { file: 'docs/web.md', language: 'indented', has: /^script-src /, whole: true, held: 'run', by: 'clients/test/host.test.js: the snippets of the README, of docs/web.md' },
  { file: /^docs\/(webhooks|checks)\.md$/, language: 'indented', has: /^(POST |\{)/, whole: true, held: 'compared with what is sent and taken', by: 'chat/webhook/shapes_test.go: TestDocuments_Shapes' },
  { file: 'docs/backends.md', language: 'indented', has: /^\{/, whole: true, held: 'fits openapi.json', by: `${here}: the answers` },
  { file: 'docs/moving.md', language: 'indented', has: /^\{"entry"/, whole: true, held: 'imported', by: `${here}: the line of docs/moving.md` },

  // Sections that a test follows from the first command to the last.
  { file: 'docs/deployment.md', line: /^(install|useradd|mkdir|cp|systemctl|curl|\/usr\/local\/bin\/caddy chat status|contrib\/build caddy)\b/, held: 'run', by: 'clients/test/deployment.test.js: the steps for systemd' },
  { file: 'docs/upgrading.md', line: /./, held: 'run', by: 'clients/test/deployment.test.js: docs/upgrading.md' },
  { file: 'docs/quickstart-web.md', line: /./, held: 'run', by: 'clients/test/tutorial.test.js: quickstart-web.md leads to a chat' },
  { file: 'docs/nodes.md', line: /^runuser /, held: 'run', by: `${go}/journals/nodes_test.go: pg_basebackup` },
  { file: 'docs/nodes.md', line: /^(systemctl (stop|start) postgresql|mv \/var\/lib\/postgresql\/\S+ \S+)$/, held: 'run by make standby', by: 'clients/test/standby.js: docs/nodes.md leads to a standby with systemctl' },
  { file: 'docs/nodes.md', line: /^(initdb|pg_ctl|createdb|pg_basebackup|psql|export CHAT_DSN=|PORT=\d+ \.\/caddy run)/, held: 'run', by: 'clients/test/nodes.test.js: docs/nodes.md leads to two nodes' },
  { file: 'docs/nodes.md', line: /^echo "CHAT_PASSWORD=.*" > \.env$/, held: 'run', by: 'clients/test/container.test.js: docs/nodes.md, three nodes with compose' },
  { file: 'docs/nodes.md', line: /^docker compose up -d$/, held: 'run, without Docker', by: 'clients/test/container.test.js: docs/nodes.md, three nodes with compose' },
  { file: 'docs/backends.md', line: /^CHAT_URL=\S+ PORT=9000 node backend\.mjs$/, held: 'run', by: `${go}/backends_test.go: TestDocuments_Backends_ProgramWorks` },
  { file: 'docs/moving.md', line: /^curl /, held: 'run', by: `${go}/command/documentsrun_test.go: docs/moving.md` },
  { file: 'bench/README.md', line: /^cd clients && npm ci && node test\/herd\.js 19000$/, held: 'run with fewer clients', by: 'clients/test/herd.test.js: herd(400' },
  { file: 'bench/README.md', line: /^go run \.\/bench\/run/, held: 'its flags and names are taken', by: 'bench/run/documents_test.go: TestDocuments_Lines' },

  // Commands, wherever they stand.
  { line: /^make [a-z-]+$/, held: 'the target exists', by: `${here}: the targets of make`, group: 'make' },
  { line: /^(go build|xcaddy build) /, held: 'it is what the Makefile runs', by: `${here}: builds are those`, group: 'build' },
  { line: /^npm (ci|run build)$/, held: 'it is what make examples runs', by: `${here}: builds are those`, group: 'build' },
  { line: /^npm install --install-links /, held: 'run', by: `${here}: npm installs`, group: 'npm' },
  { line: /^go run \.\/cmd\/caddy run --config Caddyfile\.example$/, held: 'run', by: `${here}: what the documents try on Caddyfile.example`, group: 'try' },
  { line: /^(npx -y wscat|curl) /, held: 'run', by: `${here}: what the documents try on Caddyfile.example`, group: 'try' },
  { line: /^caddy chat bench /, held: 'run with a small scenario', by: `${here}: caddy chat bench`, group: 'bench' },
  { line: /^caddy chat (--address \S+ )?\w/, held: 'run', by: `${go}/command/documentsrun_test.go: TestDocuments_Commands_Run` },
]

const fits = (pattern, text) => pattern === undefined || (pattern instanceof RegExp ? pattern.test(text) : pattern === text)

// held returns the rules that hold a block, and what of it no rule holds.
export function held({ file, language, code }) {
  const whole = rules.find((rule) => !rule.line && fits(rule.file, file) && fits(rule.language, language) && fits(rule.has, code))
  if (whole) return { by: [{ rule: whole, what: code }], lost: [] }
  if (language !== 'indented') return { by: [], lost: [code] }
  const by = commands(code).map((what) => ({ what, rule: rules.find(({ file: of, line }) => line && fits(of, file) && line.test(what)) }))
  return { by: by.filter(({ rule }) => rule), lost: by.filter(({ rule }) => !rule).map(({ what }) => what) }
}

// linesOf returns the commands that the rules of a group hold, with the rule of each.
export async function linesOf(group) {
  const found = (await everyBlock(documents)).flatMap((block) => held(block).by.map((it) => ({ ...it, where: block.where })))
  return found.filter(({ rule }) => rule.group === group)
}
