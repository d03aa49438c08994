import { LinkifyIt } from 'linkify-it'

const linkify = new LinkifyIt({ fuzzyEmail: true, fuzzyLink: true })
linkify.add('ftp:', null).add('//', null)
const cache = new Map() // by text
const maxCached = 500

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
  let end = 0
  for (const { index, lastIndex, url, text: shown } of linkify.match(text) ?? []) {
    if (!/^(https?:\/\/|mailto:)/i.test(url)) continue
    found.push(text.slice(end, index), { text: shown, href: url })
    end = lastIndex
  }
  found.push(text.slice(end))
  return found.filter((part) => part !== '')
}
