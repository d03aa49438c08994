// Store keeps a few texts in the storage of the platform, under keys that begin
// with the server's URL. If the storage fails, Store calls failed(cause) and the
// client goes on without it.
export class Store {
  constructor(storage, url, failed) {
    this.storage = storage
    this.prefix = `caddy-chat ${url.split('?')[0]} `
    this.failed = failed
  }

  // get returns undefined if nothing is stored under the name.
  get(name) {
    return this.attempt(() => this.storage?.getItem(this.prefix + name)) || undefined
  }

  // set stores text; an empty text removes the key.
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
