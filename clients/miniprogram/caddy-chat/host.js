// Calls of WeChat. Each may throw, fail, answer late, twice or never: the component goes on
// without the answer.
const patience = 3000 // milliseconds for the answer to a query: a phone may be busy,
const impatience = 500 // and after one that did not come
let answered = true // the last query was

// info returns what WeChat says about the app, as far as it does.
exports.info = function info() {
  return attempt('getAppBaseInfo') || {}
}

exports.windowHeight = function windowHeight() {
  const { windowHeight: height } = attempt('getWindowInfo') || {}
  return height > 0 ? height : 0
}

// copy resolves to whether a text is in the clipboard. WeChat says so itself.
exports.copy = (data) => new Promise((resolve) => {
  attempt('setClipboardData', { data, success: () => resolve(true), fail: () => resolve(false) })
})

// vibrate answers a long press.
exports.vibrate = () => void attempt('vibrateShort', { type: 'light', fail() {} })

// measure resolves to what a query of a component's elements finds, or to undefined. fill
// adds to the query.
exports.measure = (component, fill) => new Promise((resolve) => {
  const timer = setTimeout(() => {
    answered = false
    resolve()
  }, answered ? patience : impatience)
  try {
    const query = component.createSelectorQuery()
    fill(query)
    query.exec((found) => {
      clearTimeout(timer)
      answered = true
      resolve(found)
    })
  } catch (err) {
    clearTimeout(timer)
    resolve()
  }
})

function attempt(name, options) {
  try {
    return wx[name](options)
  } catch (err) {
    if (options && options.fail) options.fail(err)
    return undefined
  }
}
