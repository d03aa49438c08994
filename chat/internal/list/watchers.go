package list

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Session is one that has its user's list open.
type Session interface {
	// Deliver queues a frame, and Close ends the session. They do not wait.
	Deliver(frames []byte)
	Close(why wire.Code)
}

// watchers are the users who have their lists open on this node, and the rooms in them:
// some 30 bytes for each pair of room and user.
type watchers struct {
	max func() int // pairs of user and room; fixed

	mu     sync.Mutex          // guards the rest; a leaf
	users  map[string]*watcher // by id
	rooms  map[string]*listed  // by name
	made   uint64              // rooms so far
	begun  map[string]bool     // rooms whose rows are being read for a user who does not list them; true: something has come meanwhile
	pairs  int
	pay    []Session       // that end, for too many pairs
	dirty  map[string]news // rooms of which something is to be told
	own    map[pair]bool   // rows of one user that are to be told
	lost   map[int]bool    // parts of the feed that are followed no more
	check  bool            // policies have changed
	judged policiesSum     // by which rows last went and came; zero: none yet
	unsure []string        // users of whom it is not known yet which rows have come back
	closed bool
	busy   bool // the worker is there
}

// listed is a room that somebody lists. watchers.mu guards it.
type listed struct {
	name    string // fixed
	number  uint64 // that orders a watcher's rooms; fixed
	holders []holder
	epoch   epoch       // in which the holders' from are numbers
	checked journal.Seq // the governing entry as of which all holders were members; 0: of none
	silent  bool        // it is in nobody's list: of two, who have said nothing yet
	told    bool        // it is in lists, and silent means nothing any more
}

// holder is who lists a room, and the first entry of it that is shown to them.
type holder struct {
	*watcher
	from journal.Seq // or noMember
}

// noMember is the from of a holder who is a member no more: nothing is told of the room until
// settle has found out what the row is now.
const noMember = journal.Seq(math.MaxUint64)

// watcher is a user who has a list open. watchers.mu guards it.
type watcher struct {
	user     string
	person   access.Person // who pays for it
	rooms    []*listed     // ordered by number
	sessions []*open
	stop     func()                 // ends the following of the user's own room
	bans     map[string]*time.Timer // until the user's bans end; by room
	unjudged bool                   // a list was read by other policies than watchers.judged
	partial  bool                   // the rooms are not all there: the node had too many pairs
}

// open is the list of one session.
type open struct {
	session Session
	held    bool            // an answer is read for it, and not sent yet
	missed  map[string]bool // rooms that have changed meanwhile; true: whose row was there, and is gone
}

type pair struct{ user, room string }

// news is what has happened in a room since it was last told.
type news struct {
	other   bool // something came that does not count
	governs bool // something that governs did
}

func byNumber(a, b *listed) int { return cmp.Compare(a.number, b.number) }

func (u *watcher) lists(room *listed) bool {
	_, there := slices.BinarySearchFunc(u.rooms, room, byNumber)
	return there
}

// holdLocked makes a user a holder of a room, who is none.
func (w *watchers) holdLocked(u *watcher, p place) *listed {
	room := w.rooms[p.room]
	if room == nil {
		w.made++
		room = &listed{name: strings.Clone(p.room), number: w.made} // the text may be a part of a longer one
		w.rooms[room.name] = room
	}
	if n := len(room.holders); n == cap(room.holders) { // growing by a half, as append does, costs a third of all
		room.holders = append(make([]holder, 0, n+n/4+4), room.holders...)
	}
	room.holders = append(room.holders, holder{u, p.from})
	room.checked = 0
	w.pairs++
	return room
}

// releaseLocked makes a user a holder no more.
func (w *watchers) releaseLocked(u *watcher, room *listed) {
	w.pairs--
	room.holders = slices.DeleteFunc(room.holders, func(h holder) bool { return h.watcher == u })
	if len(room.holders) == 0 {
		delete(w.rooms, room.name)
	}
}

// wants reports whether anybody lists a room.
func (w *watchers) wants(room string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, begun := w.begun[room]
	return begun || w.rooms[room] != nil
}

// begin says that rows of a user are going to be read. What comes in rooms that the user does not list yet is heard from
// now on: else nobody would hear what comes between the reading of a row and settle. done must be called behind settle, and
// before another begin.
func (w *watchers) begin(user string, rooms []string) (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = map[string]bool{}
	for _, name := range rooms {
		if u, room := w.users[user], w.rooms[name]; u != nil && name != OwnRoom(user) && (room == nil || !u.lists(room)) {
			w.begun[name] = false
		}
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for name, came := range w.begun {
			if u, room := w.users[user], w.rooms[name]; came && u != nil && room != nil && u.lists(room) {
				w.own[pair{user, name}] = true
			}
		}
		w.begun = nil
	}
}

// enter adds a session, and the user if it is the first. It returns whether the user's own room is
// to be followed: also if another session has just begun to, which does not hear what comes until then.
func (w *watchers) enter(user string, by access.Person, s Session) (follow bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil {
		u = &watcher{user: user, person: by}
		w.users[user] = u
	}
	u.sessions = append(u.sessions, &open{session: s, held: true})
	return u.stop == nil
}

// leave removes a session. It returns how to end the following of the user's room, if it
// was the last.
func (w *watchers) leave(user string, s Session) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil {
		return nil
	}
	u.sessions = slices.DeleteFunc(u.sessions, func(o *open) bool { return o.session == s })
	if len(u.sessions) > 0 {
		return nil
	}
	delete(w.users, user)
	for _, ban := range u.bans {
		ban.Stop()
	}
	for _, room := range u.rooms {
		w.releaseLocked(u, room)
	}
	return u.stop
}

// openLocked returns the list of a session, or nil.
func (w *watchers) openLocked(s Session, user string) *open {
	if u := w.users[user]; u != nil {
		for _, o := range u.sessions {
			if o.session == s {
				return o
			}
		}
	}
	return nil
}

// ready adds the sessions to which something about a room is told now. Those for which an
// answer is read are told later.
func (u *watcher) ready(list []Session, room string) []Session {
	for _, o := range u.sessions {
		if o.held {
			o.miss(room, false)
			continue
		}
		list = append(list, o.session)
	}
	return list
}

func (o *open) miss(room string, gone bool) {
	if o.missed == nil {
		o.missed = map[string]bool{}
	}
	o.missed[room] = o.missed[room] || gone
}

// holders returns the sessions that list a room: those to which the entry is shown, and
// the others.
func (w *watchers) holders(room string, in epoch, entry journal.Seq) (shown, veiled []Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beginsAnewLocked(w.rooms[room], in, nil)
	for _, h := range w.holdersLocked(room) {
		switch {
		case h.from == noMember:
		case h.from <= entry:
			shown = h.ready(shown, room)
		default:
			veiled = h.ready(veiled, room)
		}
	}
	if it := w.rooms[room]; it != nil {
		it.told = true
	}
	return shown, veiled
}

// beginsAnewLocked notes the epoch of a room. If another one was known, the numbers from which it was
// shown mean nothing any more: its rows are to be told, but for that of the user who is told it now.
func (w *watchers) beginsAnewLocked(room *listed, in epoch, but *watcher) (anew bool) {
	if room == nil || in == (epoch{}) || room.epoch == in {
		return false
	}
	anew = room.epoch != epoch{}
	room.epoch = in
	for i := range room.holders {
		if h := &room.holders[i]; anew && h.watcher != but {
			h.from = noMember
			w.own[pair{h.user, room.name}] = true
		}
	}
	return anew
}

func (w *watchers) holdersLocked(room string) []holder {
	if it := w.rooms[room]; it != nil {
		return it.holders
	}
	return nil
}

// holderOf returns a user who lists the room.
func (l *listed) holderOf(u *watcher) *holder {
	return &l.holders[slices.IndexFunc(l.holders, func(h holder) bool { return h.watcher == u })]
}

// see says that a holder is a member, who is shown the room from an entry on.
func (h *holder) see(from journal.Seq) {
	if h.from != noMember {
		from = max(h.from, from) // what was read may be older than a clear
	}
	h.from = from
}

// unchecked returns who lists a room, if it is not known that they were members as of its
// newest governing entry. A room that has none was erased.
func (w *watchers) unchecked(room string, state journal.Seq) (users []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	it := w.rooms[room]
	if it == nil || state > 0 && it.checked >= state {
		return nil
	}
	for _, h := range it.holders {
		users = append(users, h.user)
	}
	return users
}

// keepMembers notes from which entry on a room is shown to those who list it, as of its newest
// governing entry; 0: they are no members any more, and are told that their row is gone.
func (w *watchers) keepMembers(name string, state journal.Seq, from map[string]journal.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.rooms[name]
	if room == nil {
		return
	}
	all := true
	for i := range room.holders {
		h := &room.holders[i]
		since, known := from[h.user]
		all = all && known // others have opened their lists meanwhile
		if known && since == 0 {
			h.from = noMember
			w.own[pair{h.user, name}] = true
		}
		h.from = max(h.from, since)
	}
	if all {
		room.checked = state
	}
}

// hideBefore hides the entries of a room before one from a user who lists it.
func (w *watchers) hideBefore(user string, p place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, h := range w.holdersLocked(p.room) {
		if h.user == user {
			w.rooms[p.room].holders[i].from = max(h.from, p.from)
		}
	}
}

// unsee says that it is not known any more whether a user may read a room, and that the user is
// to be told of the row. No head of the room is shown until that is settled.
func (w *watchers) unsee(user, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u, room := w.users[user], w.rooms[name]
	if u == nil {
		return
	}
	if room != nil && u.lists(room) {
		room.holderOf(u).from, room.checked = noMember, 0 // a row that is being read now may come after this
	}
	w.own[pair{user, name}] = true
}

// banEnds calls then when a ban of a user who has a list open is over.
func (w *watchers) banEnds(user, room string, left time.Duration, then func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil {
		return
	}
	if old := u.bans[room]; old != nil {
		old.Reset(left)
		return
	}
	if u.bans == nil {
		u.bans = map[string]*time.Timer{}
	}
	u.bans[strings.Clone(room)] = time.AfterFunc(left, then)
}

func (w *watchers) dropLocked(u *watcher, room *listed) {
	if i, there := slices.BinarySearchFunc(u.rooms, room, byNumber); there {
		u.rooms = slices.Delete(u.rooms, i, i+1)
		w.releaseLocked(u, room)
	}
}

// markLocked says that all rooms in which are to be told of.
func (w *watchers) markLocked(which func(room string) bool) {
	for room := range w.rooms {
		if which(room) {
			w.dirty[room] = news{other: true, governs: true}
		}
	}
}

// markOwn says that a user is to be told of all rows.
func (w *watchers) markOwn(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.users[user]; u != nil {
		w.markRowsLocked(u)
		w.own[pair{user, OwnRoom(user)}] = true
	}
}

// markRowsLocked says that a user is to be told of all rows that are watched.
func (w *watchers) markRowsLocked(u *watcher) {
	for _, room := range u.rooms {
		w.own[pair{u.user, room.name}] = true
	}
}

// markHolders says that all who list a room are to be told of their rows.
func (w *watchers) markHolders(room string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.holdersLocked(room) {
		w.own[pair{h.user, room}] = true
	}
}

// markGone says that those who list rooms are to be told of their rows, if the policies
// no longer let them read the room.
func (w *watchers) markGone(has func(user, room string) bool) {
	w.mu.Lock()
	rooms := slices.Collect(maps.Keys(w.rooms))
	w.mu.Unlock()
	for _, room := range rooms {
		w.mu.Lock()
		holders := slices.Clone(w.holdersLocked(room))
		w.mu.Unlock()
		for _, h := range holders {
			if !has(h.user, room) {
				w.mu.Lock()
				w.own[pair{h.user, room}] = true
				w.mu.Unlock()
			}
		}
	}
}

// markNew says that a user is to be told of those rows that the list does not have.
func (w *watchers) markNew(user string, places []place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil || u.partial {
		return
	}
	for _, p := range places {
		if room := w.rooms[p.room]; room == nil || !u.lists(room) {
			w.own[pair{user, p.room}] = true
		}
	}
}

// nothingLocked reports whether there is nothing to tell.
func (w *watchers) nothingLocked() bool {
	return len(w.dirty)+len(w.own)+len(w.lost)+len(w.unsure) == 0 && !w.check
}

// again puts back what could not be told.
func (w *watchers) again(dirty map[string]news, own map[pair]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for room, n := range dirty {
		old := w.dirty[room]
		w.dirty[room] = news{n.other || old.other, n.governs || old.governs}
	}
	for p := range own {
		if u := w.users[p.user]; u != nil {
			w.own[p] = true
		}
	}
}
