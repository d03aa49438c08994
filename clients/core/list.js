// The list of the user's conversations, as the server has it: an app that shows one gives
// it to the client, and the others do not load this file.
import { demand, lost } from './link.js'
import { checkEntry, isNumber, isText } from './rooms.js'
import { Timer } from './timer.js'

// list returns what the option list of a Client takes.
export const list = ({ limit } = {}) => (chat) => makeList(chat, limit)

// makeList opens the list with hello, and keeps its rows. A row has a half that all
// members share, which heads change, and the user's own half. A row is never modified: a
// new one replaces it.
function makeList(chat, limit) {
  const maxRooms = 100 // of one command
  const again = 60_000 // a list that is not live is asked for so often

  const rows = new Map() // by room
  const heads = new Map() // by room without a row: the newest head, until the row comes
  const unsure = new Set() // the rooms whose rows are to be asked for
  const ahead = new Set() // the rooms whose row may have a later mark than the server's
  const waiting = new Set() // for each command that waits: the rooms whose rows came meanwhile
  const retry = new Timer(chat.clock)
  const refresh = new Timer(chat.clock)
  let at // when the list was read that the rows began with, in the server's words
  let user // whose list it is
  let next // where the next page begins; undefined if there is none
  let live = false
  let beyond = 0 // what is unread in the rows that are not loaded
  let asking = false // for unsure
  let loading // the promise of more
  let drawn // rows and hidden, until something changes

  const draw = () => {
    if (drawn) return drawn
    const all = [...rows.values()].sort((a, b) => b.top - a.top || b.at - a.at || (a.room < b.room ? -1 : 1))
    return (drawn = { rows: all.filter(({ hidden }) => !hidden), hidden: all.filter(({ hidden }) => hidden) })
  }

  chat.list = {
    get rows() {
      return draw().rows
    },
    get hidden() {
      return draw().hidden
    },
    get unread() {
      return sum() + beyond
    },
    get complete() {
      return at !== undefined && next === undefined
    },
    get live() {
      return live
    },
    get: (room) => rows.get(room),

    more() {
      if (loading || !next) return loading ?? Promise.resolve(0)
      const had = rows.size
      const end = () => (loading = undefined)
      const page = ask({ next, limit }, (answer) => {
        next = answer.next
        if (!next) beyond = 0
        changed()
      })
      loading = page.then(() => rows.size - had)
      loading.then(end, end)
      return loading
    },
  }

  const part = {
    // hello is what hello asks for.
    hello: () => ({ since: at, limit }),

    // welcome takes the list of a welcome: all of it, or what has changed since the last one.
    welcome(answer) {
      if (!answer) return
      demand(answer.at && answer.rows.length >= 0)
      answer.rows.forEach(check)
      if (answer.all) {
        part.forget()
        next = answer.next
      } else if (user !== chat.user.id) {
        part.forget() // these are the changes of another list
        return chat.connection.renew()
      }
      at = answer.at
      user = chat.user.id
      // What the server had not noted when the connection broke may be lost with it.
      for (const room of ahead) unsure.add(room)
      ahead.clear()
      for (const row of answer.rows) take(row)
      if (next && answer.all) beyond = Math.max(0, answer.unread - sum())
      live = answer.live === true
      if (!live) refreshLater()
      lookUp()
      changed()
    },

    // receive takes a row or a head.
    receive(frame) {
      const { type, room } = frame
      if (type === 'row') {
        check(frame)
        for (const newer of waiting) newer.add(room)
        take(frame)
        chat.emit('row', rows.get(room) ?? { room, gone: true })
      } else {
        checkShared(frame)
        const row = rows.get(room)
        if (!row) {
          const head = heads.get(room)
          if (!(head?.last >= frame.last)) heads.set(room, { ...head, ...(frame.entry && { cut: undefined }), ...frame })
          unsure.add(room)
          return lookUp()
        }
        if (frame.last <= row.last) return
        chat.emit('head', put(withHead(row, frame)))
      }
      changed()
    },

    linkLost() {
      live = asking = false
      for (const room of unsure) if (rows.has(room)) ahead.add(room) // there is no answer yet
      retry.clear()
      refresh.clear()
      waiting.clear()
      heads.clear()
      unsure.clear()
    },

    forget() {
      for (const known of [rows, ahead, heads, unsure]) known.clear()
      at = next = undefined
      beyond = 0
      drawn = undefined
    },
  }

  // The mark of a row that changes here is right at once. The server's row follows.
  chat.on('read', ({ room, seq, unread }) => {
    const row = rows.get(room)
    if (!row || seq <= row.read) return
    ahead.add(room)
    chat.emit('row', put(setRead({ ...row }, seq, seq < row.last ? Math.min(unread, row.unread) : 0)))
    changed()
  })

  // ask sends a list, and calls done with the answer once its rows are taken: but for
  // those of which newer ones have come while it waited.
  function ask(fields, done) {
    const newer = new Set()
    waiting.add(newer)
    const answered = chat.request('list', fields, (answer) => {
      answer.rows.forEach(check)
      for (const row of answer.rows) if (!newer.has(row.room)) take(row)
      done(answer)
    })
    const end = () => waiting.delete(newer)
    answered.then(end, end)
    return answered
  }

  // lookUp asks for the rows of unsure.
  function lookUp() {
    if (asking || retry.handle || !unsure.size || !chat.link?.welcomed) return
    const rooms = [...unsure].slice(0, maxRooms)
    const done = (answer) => {
      asking = false
      // Rows that one answer does not take are asked for again.
      if (!answer?.more || !answer.rows.length) {
        for (const room of rooms) {
          unsure.delete(room)
          heads.delete(room)
        }
      }
      lookUp()
      changed()
    }
    asking = true
    ask({ rooms }, done).catch((refusal) => {
      if (refusal.code === lost.code) return
      if (refusal.retry === false) return done()
      asking = false
      retry.set(refusal.retry, lookUp)
    })
  }

  // refreshLater asks for the newest rows again, since the server cannot tell of them.
  function refreshLater() {
    refresh.set(again, () => {
      refreshLater()
      ask({ limit }, changed)
    })
  }

  // take takes a row of the server. One that was asked for may be older than the heads that
  // came meanwhile; and a mark that has moved here is noted a little later there.
  function take(given) {
    const { room } = given
    const { type, ...row } = given
    const known = rows.get(room)
    const head = heads.get(room)
    heads.delete(room)
    unsure.delete(room)
    // A conversation of two is in nobody's list before its first message.
    if (row.gone || (row.with && !row.count)) {
      rows.delete(room)
      ahead.delete(room)
      return
    }
    if (!known && next) beyond = Math.max(0, beyond - share(row))
    if (known?.epoch !== row.epoch) {
      ahead.delete(room)
      put(head ? withHead(row, head) : row)
      return
    }
    const { last, at, count, entry, cut, title, avatar, closed, size } = known
    const merged = last > row.last ? withHead(row, { last, at, count, ...(entry && { entry, cut }), title, avatar, closed, size }) : row
    if (known.read > row.read && ahead.has(room)) {
      setRead(merged, known.read, known.read < merged.last ? Math.min(known.unread + Math.max(0, merged.count - count), merged.unread) : 0)
    } else {
      ahead.delete(room)
    }
    put(merged)
  }

  // withHead returns a row with what a later head says. To send is to read: the mark moves
  // with the user's own message, unless a service said it in the user's name.
  function withHead(row, { type, ...head }) {
    if (head.last <= row.last) return row
    const merged = { ...row, ...head }
    const { entry, last, count } = merged
    if (head.entry && !head.cut) delete merged.cut
    for (const name of ['title', 'avatar', 'closed']) if (!merged[name]) delete merged[name]
    const more = count - row.count
    if (more > 0) {
      delete merged.hidden
      merged.unread += more
    }
    if (more > 0 && entry?.from?.id === chat.user.id && entry.type === 'message' && !entry.via && entry.seq > row.read) {
      setRead(merged, entry.seq, 0)
      ahead.add(row.room)
    } else if (last <= row.read) {
      merged.unread = 0
    }
    return merged
  }

  function put(row) {
    rows.set(row.room, row)
    return row
  }

  function changed() {
    drawn = undefined
    chat.emit('list', chat.list)
  }

  // sum returns what is unread in the rows that are loaded.
  function sum() {
    let unread = 0
    for (const row of rows.values()) unread += share(row)
    return unread
  }

  return part
}

// setRead moves the mark of a new row, and forgets a mention that is read.
function setRead(row, read, unread) {
  if (row.mention <= read) delete row.mention
  return Object.assign(row, { read, unread })
}

// share is what a row adds to the sum.
const share = ({ notify, hidden, unread }) => (notify && !hidden ? unread : 0)

const isCount = (n) => n === 0 || isNumber(n)

// checkShared refuses what is not what all members see of a conversation.
function checkShared({ room, last, at, count, entry }) {
  demand(room && isText(room) && isNumber(at) && isCount(last) && isCount(count))
  if (entry) checkEntry(entry)
}

// check refuses what is no row.
function check(row) {
  if (row.gone) return demand(isText(row.room))
  checkShared(row)
  demand(row.epoch && isCount(row.read) && isCount(row.unread) && (!row.with || isText(row.with.id)))
}
