// The one file to change.
module.exports = {
  // Where the chat is. On a phone only wss:// works, of a domain that is on the
  // mini program's list; in the devtools ws://localhost:8080/chat does, too.
  url: 'ws://localhost:8080/chat',

  // Whether users sign in by WeChat: the server needs `auth wechat`. Otherwise
  // they are guests.
  login: false,

  // The rooms that everybody starts with.
  rooms: ['lobby'],
}
