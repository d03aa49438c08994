// The settings: the only file that you have to change.
module.exports = {
  // The URL of the chat. Phones only connect to wss:// and to domains on the mini
  // program's list of socket domains; the devtools also to ws://localhost:8080/chat.
  url: 'ws://localhost:8080/chat',

  // Whether users sign in by WeChat, for which the server needs `auth wechat`. If
  // not, they are guests.
  login: false,

  // The rooms that a new user starts with.
  rooms: ['lobby'],
}
