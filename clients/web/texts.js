// Texts are the texts of one language, as in words/en.json. A text may have {names} to be
// replaced, and one that counts has a form for each category of Intl.PluralRules. What a
// table lacks comes from the fallback.
export class Texts {
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

  // list returns names as one text.
  list(names) {
    return new Intl.ListFormat(this.language).format(names)
  }
}

const flat = (table) => ({ ...table, ...table.later, errors: { ...table.errors, ...table.later?.errors } })
