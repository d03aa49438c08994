// The texts, in the language of WeChat, and what people and rooms are called.
const texts = {
  en: {
    chats: 'Chats', newGroup: 'New group', more: 'More', send: 'Send', guest: 'Guest', group: 'Group', takenBack: 'This message was taken back.',
    offline: 'No connection. Trying again…', connecting: 'Connecting…', suspended: '', closed: 'The chat was closed.', sending: 'sending', failed: 'not sent',
  },
  zh: {
    chats: '聊天', newGroup: '新群聊', more: '更多', send: '发送', guest: '访客', group: '群聊', takenBack: '此消息已撤回。',
    offline: '连接已断开，正在重试…', connecting: '连接中…', suspended: '', closed: '聊天已关闭。', sending: '发送中', failed: '未发送',
  },
}
const words = texts[/^zh/i.test(wx.getAppBaseInfo().language) ? 'zh' : 'en']

// nameOf returns what a user is called. A guest who has given no name is told apart by the end of
// the id.
function nameOf({ id, name }) {
  return name || id.replace(/^guest-\w*(?=\w{4}$)/, `${words.guest} `)
}

// titleOf returns what a room is called. about is its row in the list or its state: a group has a
// title, a conversation of two is called by the other one, a room without members by its name.
function titleOf(room, about) {
  if (!about) return room
  return about.title || (about.with ? nameOf(about.with) : about.size ? words.group : room)
}

module.exports = { words, nameOf, titleOf }
