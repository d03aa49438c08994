package online

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Config is what a Tracker is made of.
type Config struct {
	Journal journal.Journal
	Events  *events.Events
	Log     *zap.Logger
	// Users calls each for all who are here now, while nobody comes or goes.
	Users func(each func(id string))
	// Away is how long a user who has gone counts as online.
	Away func() time.Duration
}

// Tracker knows who is online at this node, and tells backends. Its methods may be called by
// any goroutine, and wait for nothing, unless they have a context.
type Tracker struct {
	Config        // fixed
	node   string // fixed: the journal's id of this process
	wake   chan struct{}

	working sync.WaitGroup // the goroutine of run
	end     context.CancelFunc

	mu     sync.Mutex // guards the rest; it is a leaf
	on     bool       // somebody asks
	look   bool       // records are to be read, since the settings or the nodes have changed
	known  bool       // they were read since somebody asks
	users  map[string]*user
	queue  queue
	others []string // nodes that are alive beside this one
}

// Configure says whether somebody asks for what is known here.
func (t *Tracker) Configure(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.on == on {
		return
	}
	t.on, t.look, t.known = on, on, false
	clear(t.users)
	t.queue = nil
	t.ring()
}

// Came says that a user has a session and had none.
func (t *Tracker) Came(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.on {
		t.cameLocked(id)
	}
}

func (t *Tracker) cameLocked(id string) {
	u := t.userLocked(id)
	if u.here {
		return
	}
	u.here = true
	u.came = !u.told
	t.planLocked(id, u)
}

// Went says that a user has no session any more.
func (t *Tracker) Went(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u := t.users[id]; t.on && u != nil && u.here {
		u.here, u.leftAt = false, time.Now()
		t.planLocked(id, u)
	}
}

func (t *Tracker) userLocked(id string) *user {
	u := t.users[id]
	if u == nil {
		u = &user{}
		t.users[id] = u
	}
	return u
}

// planLocked sees to it that what is to be told of a user is told.
func (t *Tracker) planLocked(id string, u *user) {
	if at, ok := u.next(time.Now(), max(0, t.Away())); ok {
		t.lookLocked(id, u, at)
	}
}

// lookLocked sees to it that the user is looked at at that time, or before.
func (t *Tracker) lookLocked(id string, u *user, at time.Time) {
	if u.due.IsZero() || at.Before(u.due) {
		u.due = at
		heap.Push(&t.queue, item{id, at})
		t.ring()
	}
}

// ring wakes the goroutine of run.
func (t *Tracker) ring() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Offline returns those of some users who are offline, on all nodes: as backends were told,
// or will be.
func (t *Tracker) Offline(ctx context.Context, ids []string) (offline []string, err error) {
	t.mu.Lock()
	if !t.known {
		t.mu.Unlock()
		return nil, ErrUnknown
	}
	for _, id := range ids {
		if u := t.users[id]; u == nil || !u.isOnline() {
			offline = append(offline, id)
		}
	}
	t.mu.Unlock()
	return t.offlineElsewhere(ctx, offline)
}

// ErrUnknown says that a node has begun, and has not read yet who was online before.
var ErrUnknown = errors.New("it is not known yet who was online before")

// offlineElsewhere returns those of some users of whom no other node says that they are
// online there.
func (t *Tracker) offlineElsewhere(ctx context.Context, ids []string) (list []string, err error) {
	t.mu.Lock()
	others := t.others
	t.mu.Unlock()
	for _, node := range others {
		if ids, err = t.without(ctx, node, ids); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// without returns those users of whom another node does not say that they are online there.
func (t *Tracker) without(ctx context.Context, node string, ids []string) (list []string, err error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(node, id)
	}
	records, err := t.Journal.Records().GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i := range records {
		if records[i].Value == nil {
			list = append(list, ids[i])
		}
	}
	return list, nil
}

// Close ends the telling. Who is online stays written: if they do not come back after the
// next start, that is told then.
func (t *Tracker) Close() {
	t.end()
	t.working.Wait()
}

// item is a user to be looked at at a time.
type item struct {
	id string
	at time.Time
}

// queue implements heap.Interface: the first item is the one that is due first.
type queue []item

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(item)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
