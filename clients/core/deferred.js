import { ChatError } from './error.js'

// Deferred is a promise together with its resolve and reject. The caller may
// ignore the promise: its rejection is then not an unhandled rejection.
export class Deferred {
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = (refusal) => reject(new ChatError(refusal))
    })
    this.promise.catch(() => {})
  }
}

// rejected returns a promise that is already rejected.
export function rejected(refusal) {
  const deferred = new Deferred()
  deferred.reject(refusal)
  return deferred.promise
}
