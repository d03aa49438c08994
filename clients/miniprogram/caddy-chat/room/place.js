// What of a room is in sight. view is the component <caddy-chat>, which has: state, a
// Room; rows; log, the size of its list of messages, as far as it is known.
const host = require('../host')
const { idOf } = require('./item')

const edge = 40 // pixels: less than that from the end counts as being there
const near = 500 // pixels from the end of what is drawn: more is drawn
const enough = 30 // messages that fill a screen
const maxUnread = 1000 // messages that are loaded in search of the first unread one
const maxSearch = 5000 // messages that are loaded in search of one that somebody has asked for
const moveTime = 1000 // milliseconds after which the list stands where it should, whatever WeChat tells
const readDelay = 300 // milliseconds: several messages may move the mark meanwhile

// place shows where reading begins: the first unread message, or the newest.
async function place(view) {
  const { state } = view
  const { known, window } = state
  if (!known || !known.live) return
  if (state.placed) {
    if (state.timeline.placed < enough) { // nobody can scroll in so few
      window.earlier(state.items.length)
      if (!state.stuck) state.older()
    }
    return
  }
  state.placed = view.placing = true
  state.seen = Math.max(state.seen, known.read)
  if (known.unread > 0 && (known.read > 0 || state.visited)) {
    state.divideAfter = known.read
    while (!(state.items[0] && state.items[0].seq <= known.read) && state.items.length < maxUnread && await state.older(100)) ;
  } else if (state.timeline.placed < enough) {
    await state.older()
  }
  state.visited = true
  if (view.state !== state) return
  view.placing = false
  const first = state.firstUnread()
  if (first >= 0) show(view, first)
  else {
    window.begin(state.items.length)
    view.drawLater()
  }
}

// show draws the item at an index and scrolls to it.
function show(view, index) {
  const { state } = view
  state.window.around(index, state.items.length)
  aim(view, idOf(state.items[index]))
  state.forget()
  view.drawLater()
}

// toEnd draws the newest messages and scrolls to them.
function toEnd(view) {
  const { state } = view
  aim(view, undefined)
  state.begin()
  state.trim()
  view.drawLater()
}

// aim names the row that the list goes to, none for its end. Until it is there, what WeChat tells of
// scrolling is about the place before.
function aim(view, target) {
  view.target = target
  view.movesUntil = Date.now() + moveTime
}

// arrived is called when WeChat has scrolled there.
function arrived(view) {
  view.movesUntil = 0
  view.lastTop = undefined
  measureEnd(view)
}

// jump shows a message, wherever it is, and marks it.
async function jump(view, seq) {
  const { state } = view
  if (seq > state.timeline.cut) state.begin()
  for (let loaded = 0; seq > 0 && !(state.items[0] && state.items[0].seq <= seq) && loaded < maxSearch && await state.older(100);) loaded += 100
  if (view.state !== state) return false
  const index = state.items.findIndex((item) => item.seq === seq && (item.type === 'message' || item.type === 'notice'))
  if (index < 0) {
    state.trim()
    view.tell(view.words.get('gone'))
    return false
  }
  view.goal = state.items[index].id
  show(view, index)
  return true
}

// scrolled hears of every scrolling, also of our own. Only one that goes up leaves the end:
// what grows or shrinks must not.
function scrolled(view, { scrollTop, scrollHeight }) {
  const { state } = view
  if (!state || Date.now() < view.movesUntil) return
  const { window } = state
  const height = view.height || host.windowHeight() || 600
  const up = scrollTop < view.lastTop - 1
  const rest = scrollHeight - scrollTop - height
  view.lastTop = scrollTop
  if (up) state.stuck = false
  const follows = rest < edge ? state.atEnd : window.follows && !up
  if (follows !== window.follows) {
    window.follows = follows
    if (follows) state.trim()
    view.drawLater()
  }
  fill(view, scrollTop, rest)
  look(view)
}

// fill draws more, or loads history, where the list comes near its end.
function fill(view, above, below) {
  const { state } = view
  if (!state.placed) return
  const { window, items } = state
  if (above < near) {
    if (window.earlier(items.length)) return view.drawLater()
    if (!state.loading && !state.stuck) state.older() // it changes the state when it is there
  }
  if (!window.follows && below < near) {
    if (window.later(state.length)) view.drawLater()
    else if (!state.stuck) state.newer()
  }
  state.forget()
}

// look finds the newest message that is in sight, soon, and moves the read mark to it.
function look(view) {
  if (view.looking || view.placing) return
  view.looking = setTimeout(async () => {
    const { state } = view
    const seq = state && state.placed && view.isShown() ? await newestInSight(view) : 0
    view.looking = undefined
    if (seq && view.state === state && view.isShown()) saw(view, seq)
  }, readDelay)
}

// leave moves the read mark at once if the newest message is in sight, of a view that is about to go.
function leave(view) {
  const { state } = view
  if (!view.looking || view.drawing || view.placing || !state || !state.placed || !view.isShown()) return
  const { window, atEnd, known } = state
  if (known && window.follows && atEnd) saw(view, known.seq)
}

async function newestInSight(view) {
  const { state: { window, atEnd, known } } = view
  // Recalls and edits have no row of their own.
  if (window.follows && atEnd) return known ? known.seq : 0
  const found = await host.measure(view, (query) => {
    query.select('.log').boundingClientRect()
    query.selectAll('.row').fields({ rect: true, dataset: true })
  })
  if (!found || !found[0] || !found[1]) return 0
  const [log, rows] = found
  const inSight = rows.filter(({ top, bottom }) => bottom <= log.bottom + 1 && bottom > log.top && bottom > top)
  return Math.max(0, ...inSight.map(({ dataset }) => Number(dataset.seq) || 0))
}

// saw notes that the messages up to seq were in sight.
function saw(view, seq) {
  const { state } = view
  const { chat, name, known } = state
  if (seq > state.seen) {
    state.seen = seq
    view.drawLater()
  }
  if (known && known.live && seq > known.read) chat.read(name, seq) // lost with the connection: what is in sight is told again
}

// keepPlace runs change, which draws, and keeps the row with an id where it is on the screen.
// Chromium does that by itself, iOS does not.
async function keepPlace(view, id, change) {
  const at = () => host.measure(view, (query) => {
    query.select(`#${id}`).boundingClientRect()
    query.select('.log').fields({ rect: true, size: true, scrollOffset: true })
  })
  const before = id && await at()
  await change()
  const after = before && before[0] && before[1] && await at()
  if (!after || !after[0] || !after[1]) return
  const grown = after[0].top + after[1].scrollTop - before[0].top - before[1].scrollTop
  const moved = after[1].scrollTop - before[1].scrollTop
  if (Math.abs(grown) < 2 || Math.abs(moved - grown) < Math.abs(grown) / 2) return
  view.setData({ scrollTop: after[1].scrollTop + grown + (view.odd = !view.odd) / 100 }) // the same number twice would do nothing
}

// measureEnd finds out whether the end is in sight, without any scrolling.
async function measureEnd(view) {
  const found = await host.measure(view, (query) => query.select('.log').fields({ rect: true, size: true, scrollOffset: true }))
  const log = found && found[0]
  if (!log || !view.state) return
  view.height = log.height
  scrolled(view, log)
}

module.exports = { arrived, jump, keepPlace, leave, look, measureEnd, place, scrolled, toEnd }
