// The classes of characters that linkify-it takes from uc.micro. The page is built with these:
// the class of punctuation is long, and the browser knows it as well, but only in expressions
// with the flag u, which linkify-it has not.
export { Any, Cc, Z } from 'uc.micro'

export const P = { source: punctuation() }

function punctuation() {
  let ones = ''
  let pairs = ''
  for (let code = 33; code < 0x1f000; code++) {
    const character = String.fromCodePoint(code)
    if (!/\p{P}/u.test(character)) continue
    if (character[1]) pairs += `|${character}`
    else ones += `\\${character}`
  }
  return `[${ones}]${pairs}`
}
