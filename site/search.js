// The words by which a text is found. Chinese has no spaces: each of its characters and each
// pair of neighbours is a word. A query, which is of no field, has pairs only, unless it is one
// character: so what is made of two words is found by most of its pairs. What only asks is left
// out of it. The browser gets this function as text, so it refers to nothing outside of itself.
export function words(text, field) {
  const found = []
  const asked = field ? text : text.replace(/怎样|怎么|如何|为什么|什么|哪里|[的吗呢]|\b(?:an?|the|how|why|what|do|does|is|are|can|i|my|to|of|in)\b/gi, ' ').trim() || text
  for (const run of asked.toLowerCase().split(/[\s\p{Z}\p{P}\p{S}]+/u)) {
    for (const part of run.match(/\p{Script=Han}+|\P{Script=Han}+/gu) ?? []) {
      if (!/\p{Script=Han}/u.test(part)) {
        found.push(part)
        continue
      }
      const characters = [...part]
      if (field || characters.length === 1) found.push(...characters)
      for (let i = 1; i < characters.length; i++) found.push(characters[i - 1] + characters[i])
    }
  }
  return found
}
