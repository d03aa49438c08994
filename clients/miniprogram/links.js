// Where a share card leads: into a room, or to a conversation with a user.
const chat = '/pages/chat/chat'

const pair = ({ room, user }) => (room ? `?room=${encodeURIComponent(room)}` : user ? `?user=${encodeURIComponent(user)}` : '')

// to returns the address of a chat.
exports.to = (place) => chat + pair(place)

// after returns the address of another page that goes on to that chat.
exports.after = (page, place) => page + pair(place)

// read returns the place that the query of a page names. WeChat does not decode it, and
// anybody may have written it.
exports.read = function read({ room, user } = {}) {
  const place = { room: decoded(room), user: decoded(user) }
  return place.room ? { room: place.room } : place.user ? { user: place.user } : {}
}

function decoded(text) {
  try {
    return text ? decodeURIComponent(text) : ''
  } catch (err) {
    return ''
  }
}
