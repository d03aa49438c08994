import { nameOf } from './text.js'

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
    this.compare = (a, b) => this.name(a).localeCompare(this.name(b), this.language) // users, by name
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

  // name returns what a user is called. The server may not know the name of a guest: the end of
  // the id tells such guests apart.
  name(user) {
    return nameOf(user).replace(/^guest-\w*(?=\w{4}$)/, `${this.get('guest')} `)
  }

  // list returns names as one text; in the style narrow without an "and" where that can be.
  list(names, style) {
    return new Intl.ListFormat(this.language, { style }).format(names)
  }
}

const flat = (table) => ({ ...table, ...table.later, errors: { ...table.errors, ...table.later?.errors } })
