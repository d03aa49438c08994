// watchState sets data.state of a page to the state of the client, and again when it
// changes. The function that it returns stops that.
module.exports = function watchState(page, chat) {
  page.setData({ state: chat.state })
  return chat.on('state', ({ state }) => page.setData({ state }))
}
