/* global indexedDB, __EMOJI__ */
import Picker from 'emoji-picker-element/picker.js'
import zh from 'emoji-picker-element/i18n/zh_CN.js'

const few = '😀 😂 🙂 😉 😍 😘 😎 🤔 😅 😭 😢 😡 👍 👎 👏 🙏 💪 👋 🎉 ❤️ 💔 🔥 ⭐ ✅ ❌ ☕ 🍵 🍰 🌹 🌙 ☀️ ☔'.split(' ')
const files = JSON.parse(__EMOJI__) // by language: names of files beside this one, which the build inserts

// makePicker returns an element in which the user picks emoji. The large one needs
// IndexedDB; where that is missing or forbidden there is a small one.
export function makePicker(language, picked) {
  const box = document.createElement('div')
  hasDatabase().then((has) => box.append(has ? largePicker(language, picked) : smallPicker(picked)))
  return box
}

function largePicker(language, picked) {
  const locale = files[language] ? language : 'en'
  const picker = new Picker({ locale, dataSource: new URL(files[locale], import.meta.url).href, ...(locale === 'zh' && { i18n: zh }) })
  picker.addEventListener('emoji-click', ({ detail }) => picked(detail.unicode))
  return picker
}

function smallPicker(picked) {
  const grid = document.createElement('div')
  grid.className = 'few'
  for (const emoji of few) {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = emoji
    button.addEventListener('click', () => picked(emoji))
    grid.append(button)
  }
  return grid
}

function hasDatabase() {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open('caddy-chat probe')
      request.onerror = () => resolve(false)
      request.onsuccess = () => {
        request.result.close()
        indexedDB.deleteDatabase('caddy-chat probe')
        resolve(true)
      }
    } catch {
      resolve(false)
    }
  })
}
