const { Dates } = require('./dates')
const host = require('./host')
const { wordsFor } = require('./words')

const usual = 17 // pixels of a letter in WeChat, unless the user has chosen another size
const largest = 1.6

// properties are those of both components.
exports.properties = {
  words: { type: Object, value: null },
  language: { type: String, value: '' },
  theme: { type: String, value: 'auto' },
}

// looksFor returns the texts and dates of a component, and what its WXML takes from the
// phone: how much larger the letters are than usual.
exports.looksFor = function looksFor({ words: changed, language }) {
  const info = host.info()
  const words = wordsFor(language || info.language || 'en', changed)
  const size = Number(info.fontSizeSetting)
  const scale = size > usual ? Math.min(size / usual, largest) : 1
  return { words, dates: new Dates(words), scale: Math.round(scale * 100) / 100 }
}

// textsFor returns some texts as data.
exports.textsFor = (words, keys) => {
  const texts = {}
  for (const key of keys) texts[key] = words.get(key)
  return texts
}
