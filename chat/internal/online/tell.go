package online

import (
	"container/heap"
	"context"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// retry is the time before something is asked of a journal again that has failed.
const retry = 5 * time.Second

// New returns a Tracker. Nobody asks for anything until Configure says so. Close must be
// called before the events and the journal are closed.
func New(cfg Config) *Tracker {
	t := &Tracker{Config: cfg, node: cfg.Journal.Nodes().Self().ID, wake: make(chan struct{}, 1), users: map[string]*user{}}
	ctx, end := context.WithCancel(context.Background())
	t.end = end
	t.working.Go(func() { t.run(ctx) })
	return t
}

// run tells until ctx ends.
func (t *Tracker) run(ctx context.Context) {
	stop, err := t.Journal.Nodes().Watch(t.nodesChanged)
	if err != nil {
		t.Log.Warn("the nodes of the journal cannot be followed: users of a node that ends stay online for the site's servers", zap.Error(err))
	} else {
		defer stop()
	}
	for ctx.Err() == nil {
		wait := t.round(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-t.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// nodesChanged is told which nodes are alive.
func (t *Tracker) nodesChanged(list []journal.Node) {
	if len(list) == 0 { // this node is cut off: nobody knows who has gone elsewhere
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.others = nil
	for _, n := range list {
		if n.ID != t.node {
			t.others = append(t.others, n.ID)
		}
	}
	t.look = t.on
	t.ring()
}

// round tells what is due, and returns how long nothing is.
func (t *Tracker) round(ctx context.Context) (wait time.Duration) {
	defer func() {
		if v := recover(); v != nil {
			wait = retry
			t.Log.Error("who is online not told because of a panic", zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
		}
	}()
	t.mu.Lock()
	look, others := t.look, t.others
	t.look = false
	t.mu.Unlock()
	if look {
		if err := t.read(ctx, others); err != nil {
			t.Log.Warn("who was online cannot be read", zap.Error(err))
			t.mu.Lock()
			t.look = t.on
			t.mu.Unlock()
			return retry
		}
		t.mu.Lock()
		t.known = t.on && !t.look
		t.mu.Unlock()
	}
	for {
		id, wait := t.nextDue()
		if id == "" || ctx.Err() != nil {
			return wait
		}
		t.tell(ctx, id)
	}
}

// nextDue returns a user who is to be looked at now, or how long to wait.
func (t *Tracker) nextDue() (id string, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return "", time.Hour
	}
	if wait = time.Until(t.queue[0].at); wait > 0 {
		return "", wait
	}
	return heap.Pop(&t.queue).(item).id, 0
}

// maxElsewhere bounds the nodes that have ended and are dealt with at once for a user.
const maxElsewhere = 100

// read finds out who was said to be online: by nodes that have ended, and by this one when
// somebody asked before. Those who are not here count as having gone now.
func (t *Tracker) read(ctx context.Context, others []string) error {
	ctx, cancel := context.WithTimeout(ctx, timing.Journal)
	defer cancel()
	t.Users(t.Came)
	return t.Journal.Records().Scan(ctx, prefix, func(r journal.Record) error {
		node, id := split(r.Key)
		if slices.Contains(others, node) {
			return nil
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if !t.on {
			return nil
		}
		u := t.userLocked(id)
		if !u.here && !u.told {
			u.leftAt = time.Now()
		}
		switch {
		case node == t.node && !u.telling:
			u.told, u.came = true, false
		case node != t.node && !slices.Contains(u.elsewhere, r.Key) && len(u.elsewhere) < maxElsewhere:
			u.elsewhere, u.again = append(u.elsewhere, r.Key), true
		}
		t.planLocked(id, u)
		return nil
	})
}

// telling is what is told of a user.
type telling struct {
	id        string
	here      bool
	came      bool
	shared    bool // nothing but whether another node has the user
	elsewhere []string
}

// tell tells what is due of a user.
func (t *Tracker) tell(ctx context.Context, id string) {
	now := telling{id: id}
	t.mu.Lock()
	u := t.users[id]
	if u == nil {
		t.mu.Unlock()
		return
	}
	u.due = time.Time{}
	at, ok := u.next(time.Now(), max(0, t.Away()))
	switch {
	case !ok && u.idle(time.Now()):
		delete(t.users, id)
	case !ok && !u.here && !u.telling:
		t.lookLocked(id, u, u.toldAt.Add(apart))
	case ok && at.After(time.Now()):
		t.lookLocked(id, u, at)
		ok = false
	}
	if !ok {
		t.mu.Unlock()
		return
	}
	now.here, now.came, now.shared = u.here, u.came, u.shared && !u.changed()
	now.elsewhere = slices.Clone(u.elsewhere)
	u.telling, u.came, u.again, u.shared = true, false, false, false
	t.mu.Unlock()
	t.write(ctx, u, now)
}

// write writes the event.
func (t *Tracker) write(ctx context.Context, u *user, now telling) {
	ctx, cancel := context.WithTimeout(ctx, timing.Journal)
	defer cancel()
	e := events.Event{Type: events.Online, User: now.id}
	elsewhere := false
	if !now.here {
		gone, err := t.offlineElsewhere(ctx, []string{now.id})
		switch elsewhere = len(gone) == 0; {
		case err != nil, elsewhere && now.shared:
			t.answered(u, now, false, err)
			return
		case !elsewhere:
			e.Type = events.Offline
		}
	}
	with, more, err := toldOf(ctx, t.Journal.Records(), now.id)
	if err != nil {
		t.answered(u, now, false, err)
		return
	}
	for _, key := range now.elsewhere {
		with = append(with, journal.Record{Key: key})
	}
	own := journal.Record{Key: key(t.node, now.id)}
	if now.here {
		own.Value = strconv.AppendInt(nil, time.Now().UnixMilli(), 10)
	}
	t.Events.WriteWith(e, append(with, own), func(err error) {
		t.answered(u, now, elsewhere, err)
		if more && err == nil {
			t.mu.Lock()
			u.again = true
			t.planLocked(now.id, u)
			t.mu.Unlock()
		}
	})
}

// answered notes what the journal has made of an event. What was dropped is told later.
func (t *Tracker) answered(u *user, now telling, elsewhere bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u.telling, u.toldAt = false, time.Now()
	if err != nil {
		u.came, u.again = u.came || now.came, true
	} else {
		u.told, u.shared = now.here, elsewhere
		u.elsewhere = slices.DeleteFunc(u.elsewhere, func(key string) bool { return slices.Contains(now.elsewhere, key) })
	}
	if t.users[now.id] != u {
		return
	}
	t.planLocked(now.id, u)
	if u.due.IsZero() && !u.here {
		t.lookLocked(now.id, u, u.toldAt.Add(apart)) // to be forgotten
	}
}
