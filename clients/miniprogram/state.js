// watchState keeps a page's data.state that of the connection, until the function
// that it returns is called.
module.exports = function watchState(page, chat) {
  page.setData({ state: chat.state })
  return chat.on('state', ({ state }) => page.setData({ state }))
}
