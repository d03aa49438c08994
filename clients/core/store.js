// makeStore keeps a few texts in the storage of the platform, under keys that begin
// with the server's URL. If the storage fails, it calls failed(cause) and the client
// goes on without it.
export function makeStore(storage, url, failed) {
  const attempt = (method, name, text) => {
    try {
      return storage?.[method](`caddy-chat ${url.split('?')[0]} ${name}`, text)
    } catch (cause) {
      failed(cause)
    }
  }
  return {
    // get returns undefined if no text is stored under the name.
    get(name) {
      const text = attempt('getItem', name)
      return text && typeof text === 'string' ? text : undefined
    },

    // set stores text; an empty text removes the key.
    set: (name, text) => attempt(text ? 'setItem' : 'removeItem', name, text),

    failed,
  }
}
