module.exports = {
  // The URL of the chat. Phones accept wss:// only; the devtools also ws://localhost:8080/chat.
  url: 'ws://localhost:8080/chat',

  // Whether users sign in by WeChat, for which the server needs `auth wechat`. If not, they
  // are guests.
  login: false,
}
