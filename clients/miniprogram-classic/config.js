// The only line to change. On a phone it must begin with wss://, and the domain
// must be on the mini program's list of socket domains.
module.exports = {
  url: 'ws://localhost:8080/chat?room=tea',
}
