import { Texts } from './texts.js'

const builtIn = {
  en: { first: () => import('./words/en.js'), later: () => import('./words/later-en.js') },
  zh: { first: () => import('./words/zh.js'), later: () => import('./words/later-zh.js') },
}

// Words are the texts of the page. Those in later are not needed to draw messages: of the
// built-in languages they are there after loadLater.
export class Words extends Texts {
  async loadLater() {
    try {
      Object.assign(this.fallback, (await builtIn[this.builtIn].later()).default)
    } finally {
      this.asked = true
    }
  }
}

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
