package list

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// Live tells sessions how the lists that they have open change. A room is told of four
// times a second at most, with its newest state.
type Live struct {
	// Fixed.
	reader *Reader
	log    *zap.Logger
	ctx    context.Context // ends with the hub
	node   string          // the journal's id of this process
	frame  func(wire.Frame) []byte
	max    func() int // pairs of user and room

	watchers
	working sync.WaitGroup // the worker, and ends of followings

	follow sync.Mutex // held while the feed begins to be followed
	stops  []func()   // guarded by follow; nil: it is not followed
}

// Config is what Live is made of.
type Config struct {
	Reader  *Reader
	Log     *zap.Logger
	Context context.Context
	Frame   func(wire.Frame) []byte
	Max     func() int
}

// NewLive returns a Live that follows nothing until somebody has a list open.
func NewLive(cfg Config) *Live {
	l := &Live{
		reader: cfg.Reader, log: cfg.Log, ctx: cfg.Context, frame: cfg.Frame, max: cfg.Max,
		node: cfg.Reader.Journal.Nodes().Self().ID,
	}
	l.users, l.rooms = map[string]*watcher{}, map[string][]*watcher{}
	l.dirty, l.own = map[string]news{}, map[pair]bool{}
	return l
}

// pause is the time between two rounds of telling.
const pause = 250 * time.Millisecond

// Open opens the list of a session, as of now, and returns of how many rooms it is. What changes from now on is told once Ready
// is called. Close must be called when the session has ended, also after an error.
func (l *Live) Open(ctx context.Context, s Session, user string, from wire.ListFrom) (answer *wire.Listed, n int, err error) {
	if err := l.followFeed(ctx); err != nil {
		return nil, 0, err
	}
	if l.enter(user, s) {
		if err := l.followOwn(ctx, user); err != nil {
			return nil, 0, err
		}
	}
	// The rooms are followed before they are read: nothing is missed in between.
	rooms, err := l.reader.Rooms(ctx, user)
	if err != nil {
		return nil, 0, err
	}
	live := l.add(user, rooms, l.max())
	answer, err = l.reader.Since(ctx, user, from)
	if err == nil {
		answer.Live = live
	}
	return answer, len(rooms), err
}

// Ready says that the welcome of a session is on its way: what has changed since is told.
func (l *Live) Ready(s Session, user string) {
	l.mu.Lock()
	if u := l.users[user]; u != nil {
		for _, o := range u.sessions {
			if o.session != s {
				continue
			}
			o.held = false
			for room := range o.missed {
				l.own[pair{user, room}] = true
			}
			o.missed = nil
		}
	}
	l.mu.Unlock()
	l.wake()
}

// Close closes the list of a session.
func (l *Live) Close(s Session, user string) {
	if stop := l.leave(user, s); stop != nil {
		l.working.Go(stop) // it waits for the journal
	}
}

// End ends the following, and waits for the worker.
func (l *Live) End() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.follow.Lock()
	stops := l.stops
	l.stops = nil
	l.follow.Unlock()
	for _, stop := range stops {
		stop()
	}
	l.working.Wait()
}

// followFeed begins to follow the feed, when the first list is opened.
func (l *Live) followFeed(ctx context.Context) error {
	l.follow.Lock()
	defer l.follow.Unlock()
	j := l.reader.Journal
	for part := len(l.stops); part < j.Parts(); part++ {
		stop, err := foreign.Call(ctx, func() (func(), error) {
			return j.FollowFeed(part, l.wants, l.heard, func(journal.Lost) { l.lostFeed() })
		}, stopLate)
		if err != nil {
			return err
		}
		l.stops = append(l.stops, stop)
	}
	return nil
}

func stopLate(stop func(), err error) {
	if err == nil {
		stop()
	}
}

// lostFeed is told that the journal follows no more. Whoever comes back opens the list
// anew; those who are here get rows again when something else changes.
func (l *Live) lostFeed() {
	l.log.Warn("lists are not followed any more: the journal has lost its place")
}

// followOwn follows the user's own room, where other nodes say that rows have changed.
func (l *Live) followOwn(ctx context.Context, user string) error {
	start, err := foreign.Call(ctx, func() (journal.Start, error) {
		return l.reader.Journal.Follow(OwnRoom(user), journal.Newest, ownFollower{l, user})
	}, func(start journal.Start, err error) { stopLate(start.Stop, err) })
	if err != nil {
		return err
	}
	l.mu.Lock()
	u := l.users[user]
	if u != nil {
		u.stop = start.Stop
	}
	l.mu.Unlock()
	if u == nil {
		start.Stop()
	}
	return nil
}

// OwnRoom is the room of one user.
func OwnRoom(user string) string { return "@" + user }

// changedRow is the body of a transient entry in a user's own room.
type changedRow struct {
	Room string `json:"room"`
}

// Tell says, on all nodes, that a row of a user has changed.
func (l *Live) Tell(ctx context.Context, user, room string) {
	body, err := json.Marshal(changedRow{room})
	if err != nil {
		return // of texts
	}
	e := journal.Entry{Room: OwnRoom(user), Kind: journal.Aside, From: journal.User{ID: user}, Body: body, Origin: journal.Origin{Node: l.node}}
	l.reader.Journal.Append(ctx, e, func(journal.Receipt, error) {}) // who misses it reads the list when it comes back
}

// ownFollower implements journal.Follower.
type ownFollower struct {
	live *Live
	user string
}

func (f ownFollower) Deliver(e journal.Entry) {
	var row changedRow
	if e.Kind != journal.Aside || json.Unmarshal(e.Body, &row) != nil || row.Room == "" {
		return
	}
	l := f.live
	l.mu.Lock()
	l.own[pair{f.user, row.Room}] = true
	l.mu.Unlock()
	l.wake()
}

func (f ownFollower) Lost(journal.Lost) {}

// heard is called for the entries of rooms that somebody lists.
func (l *Live) heard(e journal.Entry) {
	l.mu.Lock()
	n := l.dirty[e.Room]
	n.counts = n.counts || e.Counts()
	n.other = n.other || !e.Counts()
	l.dirty[e.Room] = n
	l.mu.Unlock()
	l.wake()
}

// wake sees to it that what is to be told is told.
func (l *Live) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || l.closed || len(l.dirty)+len(l.own) == 0 {
		return
	}
	l.busy = true
	l.working.Go(l.work)
}

// work tells what there is to tell, round by round.
func (l *Live) work() {
	for {
		l.mu.Lock()
		dirty, own := l.dirty, l.own
		if l.closed || len(dirty)+len(own) == 0 {
			l.busy = false
			l.mu.Unlock()
			return
		}
		l.dirty, l.own = map[string]news{}, map[pair]bool{}
		l.mu.Unlock()
		l.tell(dirty, own)
		select {
		case <-time.After(pause):
		case <-l.ctx.Done():
		}
	}
}

// tellTimeout bounds one round.
const tellTimeout = 10 * time.Second

func (l *Live) tell(dirty map[string]news, own map[pair]bool) {
	defer func() {
		if v := recover(); v != nil {
			l.log.Error("changes of lists not told because of a panic", zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(l.ctx, tellTimeout)
	defer cancel()
	rooms := make([]string, 0, len(dirty))
	for room := range dirty {
		rooms = append(rooms, room)
	}
	heads, err := l.reader.Journal.Heads(ctx, rooms)
	if err != nil {
		l.log.Debug("changes of lists not told", zap.Error(err))
		return
	}
	for i, room := range rooms {
		if n := dirty[room]; n.counts && !n.other && heads[i].Newest.Seq > heads[i].State {
			l.tellHead(room, &heads[i])
			continue
		}
		// Not everybody may be shown the newest message, or something else has changed.
		users, _ := l.holders(room)
		for _, user := range users {
			if _, told := own[pair{user, room}]; !told {
				own[pair{user, room}] = true
			}
		}
	}
	for p := range own {
		l.tellRow(ctx, p)
	}
}

// tellHead tells everybody who lists a room what is new: also those who hear the room, so
// that a list is right whatever else its client does.
func (l *Live) tellHead(room string, head *journal.Head) {
	_, sessions := l.holders(room)
	if len(sessions) == 0 {
		return
	}
	entry := wire.EntryOf(&head.Newest)
	f := wire.Head{Room: room, Last: uint64(head.Last), At: head.Newest.At, Count: head.Count, Entry: &entry}
	entry.Body, f.Cut = wire.Shortened(entry.Body, entry.Text)
	deliver(sessions, l.frame(&f))
}

// tellRow tells a user's sessions their row of a room.
func (l *Live) tellRow(ctx context.Context, p pair) {
	rows, err := l.reader.Rows(ctx, p.user, []string{p.room})
	if err != nil || len(rows) == 0 {
		l.log.Debug("a row not told", zap.Error(err))
		return
	}
	row := &rows[0]
	l.settle(p.user, p.room, row.Gone)
	sessions := l.sessionsOf(p.user, p.room)
	if !row.Gone && row.Count == 0 && l.reader.IsDirect(p.room) {
		return
	}
	deliver(sessions, l.frame(row))
}

func deliver(sessions []Session, frame []byte) {
	for _, s := range sessions {
		s.Deliver(frame)
	}
}
