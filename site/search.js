// The words by which a text is found. Chinese has no spaces: each of its characters and each
// pair of neighbours is a word. The browser gets this function as text, so it refers to
// nothing outside of itself.
export function words(text) {
  const found = []
  for (const run of text.toLowerCase().split(/[\s\p{Z}\p{P}\p{S}]+/u)) {
    for (const part of run.match(/\p{Script=Han}+|\P{Script=Han}+/gu) ?? []) {
      if (!/\p{Script=Han}/u.test(part)) {
        found.push(part)
        continue
      }
      const characters = [...part]
      found.push(...characters)
      for (let i = 1; i < characters.length; i++) found.push(characters[i - 1] + characters[i])
    }
  }
  return found
}
