package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/listeners"
)

// followTimeout bounds how long Follow and Watch wait for the store.
const followTimeout = 5 * time.Second

// Follow implements journal.Journal. One goroutine calls Deliver for all rooms: a
// slow one delays everybody. Another one calls it while the follower catches up. A
// panic in it is logged.
func (j *Journal) Follow(name string, after journal.Seq, to journal.Follower) (journal.Start, error) {
	ctx, cancel := context.WithTimeout(j.background, followTimeout)
	defer cancel()
	r, err := j.pinFollowed(ctx, name)
	if err != nil {
		return journal.Start{}, fmt.Errorf("follow room: %w", j.whyGivenUp(err))
	}
	f := listeners.NewFollower(to)
	l := j.listeners.rooms.Add(r.Name(), f)
	if l == nil {
		j.rooms.Unfollow(r)
		return journal.Start{}, journal.ErrClosed
	}
	// What comes after this state is dispatched after the listener was added.
	state := j.rooms.StateOf(r)
	epoch, _ := j.shown.get()
	behind := after < state.Last
	f.Begin(state.Last+1, behind)
	var catchingUp sync.WaitGroup
	following, cancelFollowing := context.WithCancel(j.background)
	if behind {
		catchingUp.Go(func() { j.catchUp(following, l, r.Name(), after) })
	}
	stop := sync.OnceFunc(func() {
		cancelFollowing() // a disk that hangs must not hold up whoever stops
		l.Remove()
		catchingUp.Wait()
		j.rooms.Unfollow(r)
	})
	return journal.Start{Epoch: format.RoomEpoch(epoch, state.Born), Last: state.Last, Stop: stop}, nil
}

// whyGivenUp returns the error of what waited for the store as long as it could.
func (j *Journal) whyGivenUp(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return disk.Unavailable(err)
	}
	return err
}

// pinFollowed pins a room whose head stays until unfollow.
func (j *Journal) pinFollowed(ctx context.Context, name string) (*commit.Room, error) {
	for {
		r, err := j.pin(ctx, name)
		if err != nil {
			return nil, err
		}
		wait := j.rooms.Follow(r)
		if wait == nil {
			return r, nil
		}
		j.rooms.Unpin(r)
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// pin pins a room, unless ctx ends first.
func (j *Journal) pin(ctx context.Context, name string) (*commit.Room, error) {
	var pinned *commit.Room
	var settled atomic.Bool // by whoever sets it first: the room is pinned, or nobody waits for it
	r, err := disk.Within(ctx, j.store, func(h *disk.Handle) (r *commit.Room, err error) {
		if r, err = j.rooms.Pin(name, h.Durable); err != nil {
			return nil, err
		}
		if pinned = r; settled.Swap(true) {
			j.rooms.Unpin(r)
		}
		return r, nil
	})
	if err != nil && settled.Swap(true) {
		j.rooms.Unpin(pinned)
	}
	return r, err
}

// catchUp delivers what a follower has missed, page by page, until it is up to date.
func (j *Journal) catchUp(ctx context.Context, l *listeners.Room, room string, after journal.Seq) {
	for {
		page, err := j.Read(ctx, journal.Query{Room: room, After: after, Limit: commit.PageMax})
		if err != nil {
			if ctx.Err() == nil { // Close and Stop end a following without a word
				j.lose(l, journal.Lost{Why: err})
			}
			return
		}
		for _, e := range page.Entries {
			if !j.callFollower(l, e) {
				return
			}
			after = e.Seq
		}
		if !page.More && l.F.CaughtUp(page.Last) {
			return
		}
	}
}

// deliver gives an entry that was just committed to a follower.
func (j *Journal) deliver(l *listeners.Room, e journal.Entry) {
	if l.F.Wants(&e) {
		j.callFollower(l, e)
	}
}

// callFollower returns false if the follower has stopped.
func (j *Journal) callFollower(l *listeners.Room, e journal.Entry) bool {
	if !l.Begin() {
		return false
	}
	defer l.End()
	j.protect(func() { l.F.To.Deliver(e) })
	return true
}

// lose ends a following.
func (j *Journal) lose(l *listeners.Room, lost journal.Lost) {
	if !l.Begin() {
		return
	}
	defer l.End()
	if l.Drop() {
		j.protect(func() { l.F.To.Lost(lost) })
	}
}

// loseAll ends every following, because the numbers that were shown mean nothing any
// more. The dispatcher does so, after everything that was committed before.
// If the disk fails first, that is tried again once it has recovered.
func (j *Journal) loseAll(ctx context.Context, lost journal.Lost) error {
	return j.queue.put(ctx, commit.Item{
		Maintenance: true,
		Change:      func(*commit.Group) error { return nil },
		Done: func(_ journal.Receipt, err error) {
			if err != nil {
				j.unresolved.addLost(lost)
			}
		},
		Then: func() {
			for _, l := range j.listeners.rooms.All() {
				j.lose(l, lost)
			}
			for _, l := range j.listeners.feed.All() {
				if l.Begin() {
					if l.Drop() {
						j.protect(func() { l.F.lost(lost) })
					}
					l.End()
				}
			}
		},
	})
}

// FollowFeed implements journal.Journal.
func (j *Journal) FollowFeed(part int, wants func(room string) bool, deliver func(journal.Entry), lost func(journal.Lost)) (stop func(), err error) {
	if err := checkPart(part); err != nil {
		return nil, err
	}
	l := j.listeners.feed.Add(struct{}{}, &feedFollower{wants, deliver, lost})
	if l == nil {
		return nil, journal.ErrClosed
	}
	return l.Remove, nil
}

// deliverFeed gives what a group has recorded to those who follow the feed.
func (j *Journal) deliverFeed(g *commit.Group) {
	for _, l := range j.listeners.feed.All() {
		for _, recorded := range g.Recorded {
			e := *recorded.Entry
			e.Epoch = recorded.Receipt.Epoch
			if !l.Begin() {
				break
			}
			j.protect(func() {
				if l.F.wants(e.Room) {
					l.F.deliver(e)
				}
			})
			l.End()
		}
	}
}

// deliverRecords gives changes of records to those who watch them.
func (j *Journal) deliverRecords(list []journal.Record) {
	if len(list) == 0 {
		return
	}
	for _, l := range j.listeners.watchers.All() {
		for _, rec := range list {
			if strings.HasPrefix(rec.Key, l.F.prefix) && !l.F.hold(rec) {
				j.callWatcher(l, rec)
			}
		}
	}
}

func (j *Journal) callWatcher(l *watchListener, rec journal.Record) {
	if l.Begin() {
		defer l.End()
		j.protect(func() { l.F.each(rec) })
	}
}
