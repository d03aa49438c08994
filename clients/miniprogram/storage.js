// Storage may fail, as when it is full: the app goes on, and remembers what it has
// stored until it ends.
const kept = new Map()

// get returns the text that was stored under a name, or ''.
exports.get = function get(name) {
  const value = read(name)
  return typeof value === 'string' ? value : ''
}

// list returns the texts that were stored under a name, or undefined.
exports.list = function list(name) {
  const value = read(name)
  return Array.isArray(value) ? value.filter((it) => typeof it === 'string') : undefined
}

function read(name) {
  if (kept.has(name)) return kept.get(name)
  try {
    return wx.getStorageSync(name)
  } catch (err) {
    return undefined
  }
}

exports.set = function set(name, value) {
  kept.set(name, value)
  try {
    wx.setStorageSync(name, value)
  } catch (err) {
    // It is kept until the app ends.
  }
}

exports.remove = function remove(name) {
  kept.set(name, '')
  try {
    wx.removeStorageSync(name)
  } catch (err) {
    // It is gone until the app ends.
  }
}
