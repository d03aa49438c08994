const chat = require('./caddy-chat/index')
const config = require('./config')

App({
  chat,
  onLaunch() {
    if (config.url) this.start()
  },
  start() {
    this.client = chat.start({ url: config.url, name: config.name, avatar: config.avatar, ...config.options })
  },
})
