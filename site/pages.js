// Which files are pages of the site, where they stand in it, and where their links lead. The
// files are written to be read in the repository: nothing in them knows of the site.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('..', import.meta.url))

const source = 'https://github.com/caddychat/caddy-chat'

// The groups of the sidebar, with the names of their pages in docs/ and docs/zh/.
const groups = [
  ['Start', '开始', ['quickstart-web', 'quickstart-miniprogram', 'concepts', 'cookbook', 'faq']],
  ['Run', '运行', ['caddyfile', 'deployment', 'nodes', 'operations', 'troubleshooting', 'upgrading', 'security', 'privacy']],
  ['Build on it', '在其上开发', ['web', 'client', 'conversations', 'backends', 'checks', 'webhooks', 'embedding', 'moving', 'cookbook-mysql', 'cookbook-move']],
  ['Reference', '参考', ['protocol', 'javascript', 'http', 'admin', 'json', 'cli', 'speed', 'changelog', 'glossary']],
]

// rewrites says where each file stands in the site.
export const rewrites = {
  'README.md': 'index.md',
  'README.zh-CN.md': 'zh/index.md',
  'PROTOCOL.md': 'protocol.md',
  'CHANGELOG.md': 'changelog.md',
  'clients/core/README.md': 'client.md',
  'bench/README.md': 'speed.md',
  ...within('docs', ''),
  ...within('docs/zh', 'zh/'),
}

function within(folder, to) {
  const at = path.join(repository, folder)
  const names = existsSync(at) ? readdirSync(at).filter((name) => name.endsWith('.md')) : []
  return Object.fromEntries(names.map((name) => [`${folder}/${name}`, to + (name === 'README.md' ? 'documents.md' : name)]))
}

// others returns the Markdown files that are no pages.
export function others(folder = '') {
  return readdirSync(path.join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) return /^(\.git|node_modules|build|dist)$/.test(entry.name) ? [`${file}/**`] : others(file)
    return file.endsWith('.md') && !rewrites[file] ? [file] : []
  })
}

// href returns where a link of a file leads in the site: to a page, or to the repository if
// its target is none. A target that does not exist is an error.
export function href(file, link) {
  if (/^([a-z]+:|#|\/)/i.test(link)) return link
  const [to, anchor] = link.split('#')
  const target = path.posix.join(path.posix.dirname(file), decodeURIComponent(to))
  const behind = anchor === undefined ? '' : `#${anchor}`
  if (rewrites[target]) return `/${rewrites[target]}${behind}`
  const at = path.join(repository, target)
  if (!existsSync(at)) throw new Error(`${file}: ${link} does not exist`)
  return `${source}/${statSync(at).isDirectory() ? 'tree' : 'blob'}/main/${target}${behind}`
}

// anchor returns the anchor of a heading, as GitHub makes it.
export function anchor(heading) {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-')
}

// title returns the first heading of a file, without its marks.
function title(file) {
  return /^# (.*)$/m.exec(readFileSync(path.join(repository, file), 'utf8'))[1].replaceAll('`', '')
}

// sidebar returns the sidebar of a language. What is not translated is linked in English.
export function sidebar(language) {
  const files = Object.fromEntries(Object.entries(rewrites).map(([file, page]) => [page, file]))
  return groups.map(([en, zh, names]) => ({
    text: language === 'zh' ? zh : en,
    items: names.map((name) => (files[`${language}/${name}.md`] ? `${language}/${name}` : name))
      .filter((page) => files[`${page}.md`])
      .map((page) => ({ text: title(files[`${page}.md`]), link: `/${page}` })),
  }))
}
