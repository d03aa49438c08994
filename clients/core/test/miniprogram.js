// FakeApi is the global object of a mini program.
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

  tell(name) {
    for (const listener of this.listeners.get(name)) listener({})
  }
}

// FakeTask is a SocketTask.
class FakeTask {
  constructor(options) {
    Object.assign(this, { options, sent: [], closed: 0, hears: {} })
    for (const name of ['Open', 'Message', 'Error', 'Close']) this[`on${name}`] = (hear) => { this.hears[name] = hear }
  }

  send(options) {
    this.sent.push(options)
  }

  close() {
    this.closed++
  }
}
