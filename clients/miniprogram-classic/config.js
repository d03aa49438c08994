// The only line that you have to change. Phones only connect to wss:// and to
// domains on the mini program's list of socket domains.
module.exports = {
  url: 'ws://localhost:8080/chat?room=tea',
}
