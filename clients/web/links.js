// An address of the web or of mail, in a text that strangers have written. Each begins where
// no other could go on, so that looking for them takes time in proportion to the text.
const end = '[^\\s\\p{C}<>"“”‘’«»，。；！？、（）【】《》「」『』]*'
const domains = 'com|net|org|edu|gov|info|biz|io|ai|app|dev|me|tv|cc|co|eu|xyz|top|site|shop|cn|hk|tw|jp|kr|sg|in|ru|de|fr|uk|it|es|nl|pl|ch|at|se|no|fi|dk|br|us|ca|au|nz'
const address = new RegExp([
  `(?<!\\w)https?://[^/]${end}`,
  '(?<![\\w.+-])[\\w.+-]+@(?:[a-z\\d-]+\\.)+[a-z]{2,}',
  `(?<![\\w.@/:-])(?:www\\.(?:[a-z\\d-]+\\.)+[a-z]{2,}|(?:[a-z\\d-]+\\.)+(?:${domains}))(?![\\w@-])(?:[/?#:]${end})?`,
].join('|'), 'giu')

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
  let done = 0
  for (const { 0: match, index } of text.matchAll(address)) {
    const shown = trim(match)
    const href = /^https?:/i.test(shown) ? shown : /^[^/?#]*@/.test(shown) ? `mailto:${shown}` : `http://${shown}`
    if (!isAddress(href)) continue
    found.push(text.slice(done, index), { text: shown, href })
    done = index + shown.length
  }
  found.push(text.slice(done))
  return found.filter((part) => part !== '')
}

function isAddress(href) {
  try {
    return Boolean(new URL(href))
  } catch {
    return false
  }
}

// trim takes away the punctuation of the sentence around an address, and a bracket that
// was opened before it.
function trim(address) {
  const surplus = {}
  for (const [open, close] of ['()', '[]', '{}']) surplus[close] = address.split(close).length - address.split(open).length
  let length = address.length
  for (; ; length--) {
    const last = address[length - 1]
    if (last in surplus ? surplus[last]-- <= 0 : !/[.,;:!?'*~…]/.test(last)) return address.slice(0, length)
  }
}
