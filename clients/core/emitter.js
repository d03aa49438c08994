// Emitter calls listeners by the type of an event.
export class Emitter {
  constructor() {
    this.listeners = { __proto__: null }
  }

  // on registers a listener for events of a type. It returns a function that
  // removes the listener.
  on(type, listener) {
    const listeners = (this.listeners[type] ??= new Set())
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  // emit calls the listeners of a type. If one throws, the others are still
  // called, and its error becomes an unhandled rejection.
  emit(type, event) {
    for (const listener of [...(this.listeners[type] ?? [])]) {
      try {
        listener(event)
      } catch (err) {
        Promise.reject(err)
      }
    }
  }
}
