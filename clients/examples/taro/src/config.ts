// The URL of the chat. Phones accept wss:// only; the devtools also ws://localhost:8080/chat.
export const url: string = 'ws://localhost:8080/chat'

// Whether users sign in by WeChat, for which the server needs `auth wechat`. If not, they
// are guests.
export const login: boolean = false
