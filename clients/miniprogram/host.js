// Calls of WeChat. Each may throw, fail, answer late, twice or never: the page goes on without it.
const patience = 20000 // milliseconds for an answer that something waits for

exports.title = (title) => attempt('setNavigationBarTitle', { title, fail() {} })

exports.toast = (title) => attempt('showToast', { title, icon: 'none', fail() {} })

// go opens a page above this one. WeChat has ten pages at most: then it takes the place of this one.
exports.go = (url) => attempt('navigateTo', { url, fail: () => attempt('redirectTo', { url, fail() {} }) })

// replace opens a page in place of this one, and calls done when it is there.
exports.replace = (url, done) => attempt('redirectTo', { url, success: once(done), fail() {} })

// restart opens a page instead of all others.
exports.restart = (url, fail = () => {}) => attempt('reLaunch', { url, fail })

// keep saves a copy of a temporary file, and calls done with its path.
exports.keep = function keep(tempFilePath, done) {
  try {
    wx.getFileSystemManager().saveFile({ tempFilePath, success: ({ savedFilePath }) => done(savedFilePath), fail() {} })
  } catch (err) {
    // There is no picture then.
  }
}

// call resolves to what a call answers.
exports.call = (name, options) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error(`${name} does not answer`)), patience)
  const end = (settle) => (given) => {
    clearTimeout(timer)
    settle(given)
  }
  attempt(name, { ...options, success: end(resolve), fail: end(({ errMsg, message }) => reject(new Error(errMsg || message))) })
})

exports.copy = (data) => attempt('setClipboardData', { data, fail() {} })

// choose shows lines of [text, run] at the lower edge of the screen.
exports.choose = (lines) => attempt('showActionSheet', {
  itemList: lines.map(([text]) => text),
  success: once(({ tapIndex }) => lines[tapIndex] && lines[tapIndex][1]()),
  fail() {}, // the user has chosen nothing
})

// ask asks whether to do something that cannot be undone, or, with a text, for a text.
exports.ask = (title, run, text) => attempt('showModal', {
  title,
  ...(text === undefined ? {} : { editable: true, content: text }),
  success: once(({ confirm, content }) => confirm && run(content)),
  fail() {},
})

// once calls a function the first time only.
function once(run) {
  let done = false
  return (given) => {
    if (done) return
    done = true
    run(given)
  }
}

function attempt(name, options) {
  try {
    wx[name](options)
  } catch (err) {
    options.fail(err) // the page goes on without it
  }
}
