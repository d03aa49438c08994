const chat = require('./chat')

App({
  onLaunch() {
    chat.connect()
  },
})
