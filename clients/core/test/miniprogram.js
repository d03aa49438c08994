// FakeApi is a fake of a mini program's global object.
export class FakeApi {
  constructor() {
    this.tasks = []
    this.stored = new Map()
    this.listeners = new Map()
    for (const name of ['AppShow', 'AppHide', 'NetworkStatusChange']) {
      this.listeners.set(name, new Set())
      this[`on${name}`] = (listener) => this.listeners.get(name).add(listener)
      this[`off${name}`] = (listener) => this.listeners.get(name).delete(listener)
    }
  }

  connectSocket(options) {
    this.tasks.push(new FakeTask(options))
    return this.tasks.at(-1)
  }

  getStorageSync(name) {
    return this.stored.get(name) ?? ''
  }

  setStorageSync(name, text) {
    this.stored.set(name, text)
  }

  removeStorageSync(name) {
    this.stored.delete(name)
  }

  emit(name) {
    for (const listener of this.listeners.get(name)) listener({})
  }
}

// FakeTask is a fake SocketTask.
class FakeTask {
  constructor(options) {
    Object.assign(this, { options, sent: [], closed: 0, listeners: {} })
    for (const name of ['Open', 'Message', 'Error', 'Close']) this[`on${name}`] = (listener) => { this.listeners[name] = listener }
  }

  send(options) {
    this.sent.push(options)
  }

  close() {
    this.closed++
  }
}
