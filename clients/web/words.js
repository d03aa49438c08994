const builtIn = { en: () => import('./words/en.js'), zh: () => import('./words/zh.js') }

// Words are the texts of one language, as in words/en.json. A text may have {names} to be
// replaced, and one that counts has a form for each category of Intl.PluralRules. What a
// table lacks comes from the fallback.
export class Words {
  constructor(table, fallback = table) {
    this.table = table
    this.fallback = fallback
    this.language = table.language
    try {
      this.plural = new Intl.PluralRules(this.language)
    } catch {
      this.plural = new Intl.PluralRules(this.language = 'en')
    }
    this.direction = table.direction // ltr or rtl; otherwise that of the page
  }

  get(key, values = {}) {
    let text = this.table[key] ?? this.fallback[key]
    if (typeof text === 'object') text = text[this.plural.select(values.n)] ?? text.other
    return String(text).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '')
  }

  // error returns what a code of the protocol or of the client means.
  error(code) {
    const errors = { ...this.fallback.errors, ...this.table.errors }
    return String(errors[code] ?? errors.other)
  }
}

// builtInWords returns the words for the first of some languages that has some.
export async function builtInWords(languages) {
  const load = languages.map((language) => builtIn[language.toLowerCase().split('-')[0]]).find(Boolean) ?? builtIn.en
  return new Words((await load()).default)
}

// loadWords gets words from a JSON file.
export async function loadWords(url) {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`)
  const table = await answer.json()
  if (table === null || typeof table !== 'object' || Array.isArray(table)) throw new TypeError(`${url} is not an object with texts`)
  return new Words(table, (await builtIn.en()).default)
}
