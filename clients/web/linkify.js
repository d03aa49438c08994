import { LinkifyIt, REBuilder } from 'linkify-it'

const domains = 'com|net|org|edu|gov|info|biz|io|ai|app|dev|me|tv|cc|co|eu|xyz|top|site|shop|cn|hk|tw|jp|kr|sg|in|ru|de|fr|uk|it|es|nl|pl|ch|at|se|no|fi|dk|br|us|ca|au|nz'
const labels = '(?:[a-z\\d-]{1,63}\\.){1,9}'
const end = '(?![\\w@-])'

// Rules says what is looked for: addresses with http:, https: or mailto:, and those of ASCII
// without them. They may stand right beside Chinese, which has no spaces.
class Rules extends REBuilder {
  schemas = /()(?<!\w)(https?:|mailto:)/gi
  hosts = new RegExp(`()(?<![\\w.@/:-])${labels}(?:${domains})${end}${this.get_port().source}${this.get_path().source}`, 'gi')
  mail = new RegExp(`@${labels}[a-z]{2,63}${end}`, 'gi')
  names = new RegExp(`(?:^|[^!-~]|[("'<,:;])(${this.get_mail_name().source})$`)

  get_schema_search() {
    return this.schemas
  }

  get_fuzzy_link_search() {
    return this.hosts
  }

  get_fuzzy_mail_host_search() {
    return this.mail
  }

  get_mail_name_validator() {
    return this.names
  }
}

const linkify = new LinkifyIt({ fuzzyLink: true, rebuilder: new Rules() })
const cache = new Map() // by text
const maxCached = 500
const maxLength = 65_536 // of a text that is looked at

// parts splits a text into strings and links, as { text, href }. Only addresses of web
// pages and of mail become links.
export function parts(text) {
  let found = cache.get(text)
  if (!found) {
    found = split(text)
    if (cache.size >= maxCached) cache.clear()
    cache.set(text, found)
  }
  return found
}

function split(text) {
  const found = []
  let done = 0
  for (const { index, lastIndex, text: shown, url: href } of (text.length <= maxLength && linkify.match(text)) || []) {
    found.push(text.slice(done, index), { text: shown, href })
    done = lastIndex
  }
  found.push(text.slice(done))
  return found.filter((part) => part !== '')
}
