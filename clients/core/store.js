// Store keeps a few texts in the storage that the app lends. What fails there is
// told to failed(cause), and stops nothing.
export class Store {
  constructor(storage, url, failed) {
    this.storage = storage
    this.prefix = `caddy-chat ${url.split('?')[0]} `
    this.failed = failed
  }

  // get returns undefined where there is nothing.
  get(name) {
    return this.attempt(() => this.storage?.getItem(this.prefix + name)) || undefined
  }

  // set keeps text; an empty one is removed.
  set(name, text) {
    this.attempt(() => {
      if (text) this.storage?.setItem(this.prefix + name, text)
      else this.storage?.removeItem(this.prefix + name)
    })
  }

  attempt(access) {
    try {
      return access()
    } catch (cause) {
      this.failed(cause)
    }
  }
}
