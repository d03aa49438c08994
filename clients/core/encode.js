// encode returns a frame as JSON. The server refuses half of a surrogate pair,
// such as an emoji that was cut in two, so encode replaces it by U+FFFD.
export function encode(frame) {
  return JSON.stringify(frame).replace(/\\(ud[89a-f]..|.)/g, (escape) => (escape.length > 2 ? '\ufffd' : escape))
}

// exceedsBytes reports whether text has more than limit bytes in UTF-8.
export function exceedsBytes(text, limit) {
  return encodeURIComponent(text).replace(/%../g, '.').length > limit
}

// randomKey returns 25 characters with at least 128 random bits.
export function randomKey(random) {
  let key = ''
  while (key.length < 25) key += Math.floor(random() * 36).toString(36)
  return key
}
