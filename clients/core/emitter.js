// Emitter calls listeners by the type of an event.
export class Emitter {
  constructor() {
    this.listeners = new Map()
  }

  // on registers a listener for events of a type. It returns a function that
  // removes the listener.
  on(type, listener) {
    if (!this.listeners.has(type)) this.listeners.set(type, new Set())
    this.listeners.get(type).add(listener)
    return () => this.listeners.get(type).delete(listener)
  }

  // emit calls the listeners of a type. If one throws, the others are still
  // called, and its error becomes an unhandled rejection.
  emit(type, event) {
    for (const listener of [...(this.listeners.get(type) ?? [])]) {
      try {
        listener(event)
      } catch (err) {
        Promise.reject(err)
      }
    }
  }
}
