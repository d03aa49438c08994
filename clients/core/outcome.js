// ChatError is a refusal: the server's, with a code of PROTOCOL.md, or one of the
// client's own codes, which the README lists. retry is how many milliseconds to
// wait before the same may succeed, or false.
export class ChatError extends Error {
  constructor({ code, message, retry = false, field }) {
    super(message ?? code)
    this.name = 'ChatError'
    this.code = code
    this.retry = retry
    this.field = field
  }
}

// Outcome is a promise and its two ends. Nobody has to wait for it: an outcome
// that is not looked at is not an unhandled rejection.
export class Outcome {
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = (refusal) => reject(new ChatError(refusal))
    })
    this.promise.catch(() => {})
  }
}

// refused is the promise of what is refused at once.
export function refused(refusal) {
  const outcome = new Outcome()
  outcome.reject(refusal)
  return outcome.promise
}
