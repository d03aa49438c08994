// Calls of WeChat that a page can do without. Each may throw, fail, or never answer.
exports.title = (title) => attempt('setNavigationBarTitle', { title, fail() {} })

exports.toast = (title) => attempt('showToast', { title, icon: 'none', fail() {} })

exports.copy = (data) => attempt('setClipboardData', { data, fail() {} })

// choose shows lines of [text, run] at the lower edge of the screen.
exports.choose = (lines) => attempt('showActionSheet', {
  itemList: lines.map(([text]) => text),
  success: ({ tapIndex }) => lines[tapIndex] && lines[tapIndex][1](),
  fail() {}, // the user has chosen nothing
})

// ask asks whether to do something that cannot be undone, or, with a text, for a text.
exports.ask = (title, run, text) => attempt('showModal', {
  title,
  ...(text === undefined ? {} : { editable: true, content: text }),
  success: ({ confirm, content }) => confirm && run(content),
  fail() {},
})

function attempt(name, options) {
  try {
    wx[name](options)
  } catch (err) {
    // The page goes on without it.
  }
}
