// Emitter tells listeners what happens.
export class Emitter {
  constructor() {
    this.listeners = new Map()
  }

  // on calls listener at each event of a type, until the function that it
  // returns is called.
  on(type, listener) {
    if (!this.listeners.has(type)) this.listeners.set(type, new Set())
    this.listeners.get(type).add(listener)
    return () => this.listeners.get(type).delete(listener)
  }

  // emit calls the listeners. One that throws stops neither the others nor the
  // client: its error surfaces as an unhandled rejection.
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
