const { Texts } = require('./lib/text')
const tables = require('./lib/words')

// Texts of the component alone.
const own = {
  en: { notCopied: 'WeChat did not copy it. Try again.', cancel: 'Cancel', clearSure: 'Clear what was said until now? You will not see it again, on any device.', mentionedYou: '[@ you]', tapToRetry: 'Tap to try again.', moderate: 'Manage {name}', unmute: 'Let {name} write again', unban: 'Let {name} come again', unmuted: '{name} can write again.', unbanned: '{name} may come again.' },
  zh: { notCopied: '复制失败，请重试。', cancel: '取消', clearSure: '清空到目前为止的聊天记录？清空后在任何设备上都看不到。', mentionedYou: '[有人@我]', tapToRetry: '点此重试。', moderate: '管理 {name}', unmute: '解除对 {name} 的禁言', unban: '解除对 {name} 的封禁', unmuted: '{name} 可以发言了。', unbanned: '{name} 可以再次进入。' },
}

// WeChatTexts does without Intl, which not all phones have in mini programs.
class WeChatTexts extends Texts {
  list(names) {
    return names.join(this.language === 'zh' ? '、' : ', ')
  }
}

// wordsFor returns the texts of a language of WeChat, such as zh_CN: in Chinese or English.
// changed are texts that the app says in another way.
exports.wordsFor = function wordsFor(language, changed) {
  const name = /^zh/i.test(language) ? 'zh' : 'en'
  const { later, errors, ...first } = tables[name]
  const table = { ...first, ...later, ...own[name] }
  const { errors: others, ...texts } = changed || {}
  for (const key of Object.keys(texts)) if (typeof texts[key] === 'string' || (texts[key] && typeof texts[key].other === 'string')) table[key] = texts[key]
  table.errors = { ...errors, ...later.errors, ...others }
  const words = new WeChatTexts(table, name)
  words.asked = true // all texts are here
  return words
}
