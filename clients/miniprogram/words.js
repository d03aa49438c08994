// The texts of the pages, in the language of WeChat. Those that the component has as well are
// taken from there.
const { looksFor } = require('./caddy-chat/looks')

const en = {
  picture: 'Choose a picture',
  pictureHint: 'Only you will see the picture.',
  about: 'About this chat',
  here: 'Here now',
  joinRoom: 'Open a room',
  roomHint: 'Name of a room',
  idHint: 'Id of a person',
  rename: 'Rename the group',
  invite: 'Share a card to chat with you',
  share: 'Share this chat',
  cardOf: 'Chat with {name}',
  waiting: 'Opening the chat…',
  notify: 'Mute',
  onTop: 'Keep on top',
  more: 'Show more',
  known: 'People you chat with',
  failed: 'WeChat did not do that. Try again.',
  signOutSure: 'Sign out? What was not sent is deleted from this phone. A guest cannot come back as the same person.',
}

const zh = {
  picture: '选择头像',
  pictureHint: '头像只有你自己能看到。',
  about: '聊天信息',
  here: '现在在这里的人',
  joinRoom: '打开聊天室',
  roomHint: '聊天室名称',
  idHint: '对方的 ID',
  rename: '修改群名称',
  invite: '分享名片，邀请别人和你聊天',
  share: '分享这个聊天',
  cardOf: '和 {name} 聊天',
  waiting: '正在打开聊天…',
  notify: '消息免打扰',
  onTop: '置顶聊天',
  more: '显示更多',
  known: '和你聊过的人',
  failed: '微信没有完成此操作，请重试。',
  signOutSure: '退出登录？没有发出的消息会从这部手机上删除。访客退出后不能再以同一个身份回来。',
}

const { words: shared, scale } = looksFor({ language: '' })
const own = shared.language === 'zh' ? zh : en

// scale is how much larger the letters are than usual: the user chooses that in WeChat.
exports.scale = scale

// get returns a text, with values for what stands in braces.
exports.get = (key, values = {}) => (key in own ? own[key].replace(/\{(\w+)\}/g, (_, name) => values[name]) : shared.get(key, values))

// why returns what a refusal of the server or of the client means.
exports.why = ({ code, uncertain, message }) => (uncertain ? shared.get('perhaps') : code ? shared.error(code) : message || shared.error('other'))

exports.shared = shared

// name returns what a user is called.
exports.name = (user) => shared.name(user)

// some returns texts as data.
exports.some = (...keys) => {
  const texts = {}
  for (const key of keys) texts[key] = exports.get(key)
  return texts
}
