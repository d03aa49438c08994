// Calls of WeChat. Each may throw, fail, answer late, twice or never: the page goes on without it,
// and the user is told where they wait for it.
const words = require('./words')

const patience = 20000 // milliseconds for an answer that something waits for,
const pause = 3000 // after a call that failed and must not,
const once = 1000 // and in which a second tap opens no second page

let opening // while WeChat opens a page
let restarting // the next attempt to open one instead of all others

exports.title = (title) => attempt('setNavigationBarTitle', { title, fail() {} })

exports.toast = (title) => attempt('showToast', { title, icon: 'none', fail() {} })

// go opens a page above this one. WeChat has ten pages at most: then it takes the place of this one.
exports.go = function go(url) {
  if (opening) return
  const turn = opening = {}
  const end = () => { if (opening === turn) opening = undefined }
  setTimeout(end, once)
  attempt('navigateTo', { url, success: end, fail: () => attempt('redirectTo', { url, success: end, fail: failed }) })
}

// replace opens a page in place of this one, and calls done when it is there.
exports.replace = (url, done) => attempt('redirectTo', { url, success: done, fail: failed })

// restart opens a page instead of all others, again and again until it is there: the page from
// which it is called has nothing else to show.
exports.restart = function restart(url) {
  const from = top()
  const againIn = (time) => {
    clearTimeout(restarting)
    restarting = setTimeout(() => from && top() === from && restart(url), time)
  }
  const fail = (why) => {
    failed(why)
    againIn(pause)
  }
  againIn(patience)
  attempt('reLaunch', { url, fail: () => attempt('redirectTo', { url, fail }) })
}

// top returns the page that the user sees.
function top() {
  try {
    return getCurrentPages().pop()
  } catch (err) {
    return undefined
  }
}

// keep saves a copy of a temporary file, and calls done with its path. Without an answer there is
// no copy.
exports.keep = function keep(tempFilePath, done) {
  try {
    wx.getFileSystemManager().saveFile({ tempFilePath, success: (given) => given && given.savedFilePath && done(given.savedFilePath), fail() {} })
  } catch (err) {
    // There is no picture after the next start then.
  }
}

// call resolves to what a call answers.
exports.call = (name, options) => new Promise((resolve, reject) => {
  const no = (why) => reject(new Error((why && (why.errMsg || why.message)) || `${name} does not answer`))
  const timer = setTimeout(no, patience)
  attempt(name, {
    ...options,
    success: (given) => {
      clearTimeout(timer)
      if (given) resolve(given)
      else no()
    },
    fail: (why) => {
      clearTimeout(timer)
      no(why)
    },
  })
})

exports.copy = (data) => attempt('setClipboardData', { data, success() {}, fail: failed })

// choose shows lines of [text, run] at the lower edge of the screen.
exports.choose = (lines) => attempt('showActionSheet', {
  itemList: lines.map(([text]) => text),
  success: ({ tapIndex } = {}) => lines[tapIndex] && lines[tapIndex][1](),
  fail: failed,
})

// ask asks whether to do something that cannot be undone, or, with a text, for a text.
exports.ask = (title, run, text) => attempt('showModal', {
  title,
  ...(text === undefined ? {} : { editable: true, content: text }),
  success: ({ confirm, content } = {}) => confirm && run(content),
  fail: failed,
})

// failed tells of a call that WeChat refused. That the user has closed a menu is none.
function failed(why) {
  if (!/cancel/.test(why && why.errMsg)) exports.toast(words.get('failed'))
}

// attempt makes a call, whose first answer counts.
function attempt(name, { success = () => {}, fail, ...options }) {
  let answered = false
  const first = (run) => (given) => {
    if (answered) return
    answered = true
    run(given)
  }
  try {
    wx[name]({ ...options, success: first(success), fail: first(fail) })
  } catch (err) {
    first(fail)(err)
  }
}
