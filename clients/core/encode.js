// encode writes a frame. Half of a surrogate pair, such as an emoji that was cut
// in two, would be refused: it becomes the replacement character.
export function encode(frame) {
  return JSON.stringify(frame).replace(/\\(ud[89a-f]..|.)/g, (escape) => (escape.length > 2 ? '\ufffd' : escape))
}

// exceeds tells whether text has more than limit bytes in UTF-8.
export function exceeds(text, limit) {
  if (text.length * 3 <= limit) return false
  return encodeURIComponent(text).replace(/%../g, '.').length > limit
}

// randomKey is 25 characters of at least 128 bits.
export function randomKey(random) {
  let key = ''
  while (key.length < 25) key += Math.floor(random() * 36 ** 5).toString(36).padStart(5, '0')
  return key
}
