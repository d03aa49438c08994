// Storage may fail, as when it is full: the app goes on, and remembers what it could
// not store until it ends.
const kept = new Map()

// get returns what was stored under a name, or ''.
exports.get = function get(name) {
  if (kept.has(name)) return kept.get(name)
  try {
    return wx.getStorageSync(name) || ''
  } catch (err) {
    return ''
  }
}

exports.set = function set(name, value) {
  kept.delete(name)
  try {
    wx.setStorageSync(name, value)
  } catch (err) {
    kept.set(name, value)
  }
}

exports.remove = function remove(name) {
  kept.delete(name)
  try {
    wx.removeStorageSync(name)
  } catch (err) {
    kept.set(name, '')
  }
}
