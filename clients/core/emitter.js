// Emitter calls listeners by the type of an event.
export class Emitter {
  constructor() {
    this.listeners = new Map() // by type: a Set
  }

  // on registers a listener for events of a type. It returns a function that
  // removes the listener.
  on(type, listener) {
    const listeners = this.listeners.get(type) ?? new Set()
    this.listeners.set(type, listeners.add(listener))
    return () => listeners.delete(listener)
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
