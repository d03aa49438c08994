const builtIn = {
  en: { first: () => import('./words/en.js'), later: () => import('./words/later-en.js') },
  zh: { first: () => import('./words/zh.js'), later: () => import('./words/later-zh.js') },
}

// Words are the texts of one language, as in words/en.json. A text may have {names} to be
// replaced, and one that counts has a form for each category of Intl.PluralRules. What a
// table lacks comes from the fallback. The texts in later are not needed to draw messages:
// of the built-in languages they are there after loadLater.
export class Words {
  constructor(table, language, fallback = table) {
    this.table = flat(table)
    this.fallback = flat(fallback)
    this.builtIn = language
    this.language = table.language
    try {
      this.plural = new Intl.PluralRules(this.language)
    } catch {
      this.plural = new Intl.PluralRules(this.language = 'en')
    }
    this.direction = table.direction // ltr or rtl; otherwise that of the page
  }

  async loadLater() {
    try {
      Object.assign(this.fallback, (await builtIn[this.builtIn].later()).default)
    } finally {
      this.asked = true
    }
  }

  get(key, values = {}) {
    let text = this.table[key] ?? this.fallback[key]
    if (typeof text === 'object') text = text[this.plural.select(values.n)] ?? text.other
    return String(text).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '')
  }

  // error returns what a code of the protocol or of the client means.
  error(code) {
    const errors = { ...this.fallback.errors, ...this.table.errors }
    return String(errors[code] ?? (this.asked ? errors.other ?? code : this.get('loading')))
  }
}

const flat = (table) => ({ ...table, ...table.later, errors: { ...table.errors, ...table.later?.errors } })

// builtInWords returns the words for the first of some languages that has some.
export async function builtInWords(languages) {
  const language = languages.map((name) => name.toLowerCase().split('-')[0]).find((name) => Object.hasOwn(builtIn, name)) ?? 'en'
  return new Words((await builtIn[language].first()).default, language)
}

// loadWords gets words from a JSON file.
export async function loadWords(url) {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`)
  const table = await answer.json()
  if (table === null || typeof table !== 'object' || Array.isArray(table)) throw new TypeError(`${url} is not an object with texts`)
  return new Words(table, 'en', (await builtIn.en.first()).default)
}
