// ChatError is the refusal of a command, by the server with a code of PROTOCOL.md
// or by the client with a code of its own (the README lists them). retry is how
// many milliseconds to wait before trying again, or false: trying again is useless.
// uncertain says that the server may have carried out the command all the same.
export class ChatError extends Error {
  constructor({ code, message = code, retry = false, field, uncertain = false }) {
    super(message)
    Object.assign(this, { name: 'ChatError', code, retry, field, uncertain })
  }
}
