package list

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// Live tells sessions how the lists that they have open change. A room is told of four
// times a second at most, with its newest state.
type Live struct {
	teller

	node string // the journal's id of this process; fixed

	working sync.WaitGroup // the worker, and ends of followings
	parting keyedmutex.Mutex[string]

	follow sync.Mutex // held while the feed begins to be followed
	stops  []func()   // by part of the feed; guarded by follow
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
		teller: teller{reader: cfg.Reader, log: cfg.Log, ctx: cfg.Context, frame: cfg.Frame},
		node:   cfg.Reader.Journal.Nodes().Self().ID,
	}
	l.max, l.users, l.rooms = cfg.Max, map[string]*watcher{}, map[string]*listed{}
	l.dirty, l.own, l.lost = map[string]news{}, map[pair]bool{}, map[int]bool{}
	cfg.Reader.barred = func(user, room string, left time.Duration) {
		l.banEnds(user, room, left, func() { l.BanChanged(user, room) })
	}
	return l
}

// BanChanged makes hold for the lists that are open at this node that somebody is banned from a
// room, or is not any more: the row goes or comes, and no head is shown to who is banned.
func (l *Live) BanChanged(user, room string) {
	l.unsee(user, room)
	l.wake()
}

// pause is the time between two rounds of telling.
const pause = 250 * time.Millisecond

// Open opens the list of a session, as of now, and returns of how many rooms it is. What
// changes from now on is told once Ready is called. by pays for it. Close must be called when the session
// has ended, also after an error.
func (l *Live) Open(ctx context.Context, s Session, user string, by access.Person, from wire.ListFrom) (answer *wire.Listed, n int, err error) {
	if err := l.followFeed(ctx); err != nil {
		return nil, 0, err
	}
	if l.enter(user, by, s) {
		if err := l.followOwn(ctx, user); err != nil {
			return nil, 0, err
		}
	}
	live := false
	answer, rooms, err := l.reader.Since(ctx, user, by, from, func(ps policiesSum, places []place) {
		// The rooms are followed before they are read: nothing is missed in between.
		n, live = len(places), l.add(user, places, ps)
	})
	l.endPaying()
	if err == nil {
		answer.Live = live
		l.opened(user, rooms)
	}
	return answer, n, err
}

// Hold says that something is read for a session that has the list open: until Ready is
// called nothing is told it, which could be newer than what is read, and come before that.
func (l *Live) Hold(s Session, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.openLocked(s, user); o != nil {
		o.held = true
	}
}

// Ready says that the answer to a session is on its way: what has changed since is told.
func (l *Live) Ready(s Session, user string) {
	l.mu.Lock()
	if o := l.openLocked(s, user); o != nil {
		o.held = false
		for room, wasThere := range o.missed {
			l.own[pair{user, room}] = true
			if !wasThere {
				delete(o.missed, room)
			}
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
		stop, err := l.followPart(ctx, part)
		if err != nil {
			return err
		}
		l.stops = append(l.stops, stop)
	}
	return nil
}

func (l *Live) followPart(ctx context.Context, part int) (stop func(), err error) {
	return foreign.Call(ctx, func() (func(), error) {
		return l.reader.Journal.FollowFeed(part, l.wants, l.heard, func(journal.Lost) { l.lostPart(part) })
	}, stopLate)
}

func stopLate(stop func(), err error) {
	if err == nil {
		stop()
	}
}

// lostPart is told that the journal follows a part of the feed no more.
func (l *Live) lostPart(part int) {
	l.mu.Lock()
	l.lost[part] = true
	l.mu.Unlock()
	l.wake()
}

// followAgain follows the parts of the feed that were lost, and tells of all rooms in
// them: what was missed is not known.
func (l *Live) followAgain(ctx context.Context, lost map[int]bool) {
	l.follow.Lock()
	defer l.follow.Unlock()
	for part := range lost {
		if part >= len(l.stops) {
			continue // it ends
		}
		l.stops[part]()
		stop, err := l.followPart(ctx, part)
		if err != nil {
			l.log.Warn("lists are not told of what changes: the journal cannot be followed", zap.Error(err))
			l.stops[part] = func() {}
			l.lostPart(part)
			continue
		}
		l.stops[part] = stop
		l.mu.Lock()
		l.markLocked(func(room string) bool { return l.reader.Journal.Part(room) == part })
		l.mu.Unlock()
	}
}

// PoliciesChanged tells everybody whose rows are gone because no policy lets them read the
// room any more, and everybody whose rows come back. Who comes back later reads the whole
// list.
func (l *Live) PoliciesChanged() {
	l.mu.Lock()
	l.check, l.unsure = true, slices.Collect(maps.Keys(l.users))
	l.mu.Unlock()
	l.wake()
}

// followOwn follows the user's own room, where other nodes say that rows have changed, and
// where the site speaks to the user.
func (l *Live) followOwn(ctx context.Context, user string) error {
	start, err := foreign.Call(ctx, func() (journal.Start, error) {
		return l.reader.Journal.Follow(OwnRoom(user), journal.Newest, ownFollower{l, user})
	}, func(start journal.Start, err error) { stopLate(start.Stop, err) })
	if err != nil {
		return err
	}
	l.mu.Lock()
	stop := start.Stop // if the session has ended
	if u := l.users[user]; u != nil {
		stop, u.stop = u.stop, stop
	}
	l.mu.Unlock()
	if stop != nil {
		stop()
	}
	return nil
}

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

// Deliver takes what names a row that has changed, or else says that the own room's has.
func (f ownFollower) Deliver(e journal.Entry) {
	row := changedRow{e.Room}
	if e.Kind == journal.Aside && json.Unmarshal(e.Body, &row) != nil || row.Room == "" {
		return
	}
	l := f.live
	l.mu.Lock()
	l.own[pair{f.user, row.Room}] = true
	l.mu.Unlock()
	l.wake()
}

// Lost follows again, and tells of all rows: what was missed is not known.
func (f ownFollower) Lost(journal.Lost) {
	l := f.live
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.working.Go(func() { // Lost must not wait
		ctx, cancel := context.WithTimeout(l.ctx, tellTimeout)
		defer cancel()
		if err := l.followOwn(ctx, f.user); err != nil {
			l.log.Warn("a list is not told of what changes elsewhere: the journal cannot be followed", zap.Error(err))
			return
		}
		l.markOwn(f.user)
		l.wake()
	})
}

// heard is called for the entries of rooms that somebody lists.
func (l *Live) heard(e journal.Entry) {
	l.mu.Lock()
	n := l.dirty[e.Room]
	n.other = n.other || !e.Counts()
	n.governs = n.governs || e.Kind.Governs()
	l.dirty[e.Room] = n
	if _, begun := l.begun[e.Room]; begun {
		l.begun[e.Room] = true
	}
	l.mentionedLocked(&e)
	l.mu.Unlock()
	l.wake()
}

// mentionedLocked notes whose rows a message changes by naming them.
func (l *Live) mentionedLocked(e *journal.Entry) {
	for _, id := range e.Mentions {
		if id == wire.Everybody {
			for _, h := range l.holdersLocked(e.Room) {
				l.own[pair{h.user, e.Room}] = true
			}
		} else if u, room := l.users[id], l.rooms[e.Room]; u != nil && room != nil && u.lists(room) {
			l.own[pair{id, e.Room}] = true
		}
	}
}

// wake sees to it that what is to be told is told.
func (l *Live) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || l.closed || l.nothingLocked() {
		return
	}
	l.busy = true
	l.working.Go(l.work)
}

// work tells what there is to tell, round by round.
func (l *Live) work() {
	for {
		l.mu.Lock()
		if l.closed || l.nothingLocked() {
			l.busy = false
			l.mu.Unlock()
			return
		}
		lost, check := l.lost, l.check
		l.lost, l.check = map[int]bool{}, false
		l.mu.Unlock()
		l.prepare(lost, check)
		l.mu.Lock()
		dirty, own := l.dirty, l.own
		l.dirty, l.own = map[string]news{}, map[pair]bool{}
		l.mu.Unlock()
		l.tell(dirty, own)
		select {
		case <-time.After(pause):
		case <-l.ctx.Done():
		}
	}
}

// unsureAtOnce is of how many users one round looks for rows that have come back: some
// tenth of a second.
const unsureAtOnce = 1000

// markFound says that users are to be told of rows that are in their lists now and were not
// when they opened them.
func (l *Live) markFound(ctx context.Context) {
	l.mu.Lock()
	n := min(unsureAtOnce, len(l.unsure))
	some := l.unsure[:n:n]
	l.unsure = l.unsure[n:]
	l.mu.Unlock()
	for i, user := range some {
		items, err := l.reader.seats(ctx, l.reader.Policies(), user, nil)
		if err != nil {
			l.log.Debug("not known yet which rows have come back", zap.Error(err))
			l.mu.Lock()
			l.unsure = append(l.unsure, some[i:]...)
			l.mu.Unlock()
			return
		}
		l.markNew(user, places(items))
	}
}

// prepare finds out of what else is to be told.
func (l *Live) prepare(lost map[int]bool, check bool) {
	defer l.contain()
	ctx, cancel := context.WithTimeout(l.ctx, tellTimeout)
	defer cancel()
	if len(lost) > 0 {
		l.followAgain(ctx, lost)
	}
	if check {
		ps := l.reader.Policies()
		l.judge(sumOf(ps))
		if err := Afresh(ctx, l.reader.Journal.Records()); err != nil {
			l.log.Debug("not noted yet that lists are to be read afresh", zap.Error(err))
			l.mu.Lock()
			l.check = true
			l.mu.Unlock()
		}
		l.markGone(func(user, room string) bool { return ps.Lists(user, room, access.Member) })
	}
	l.markFound(ctx)
}
