package tags

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// interval is how often it is looked for tags that nobody is shown any more, soon how long after
// something was recorded where somebody has tagged lately, and pause the time between two steps of
// either.
const (
	interval = 24 * time.Hour
	soon     = 10 * time.Second
	pause    = 100 * time.Millisecond
)

// maxLately bounds the rooms that are looked at so soon; in others, tags stay for a day.
const maxLately = 1000

// Sweeper deletes the tags of messages that are no longer kept: each day, and where somebody at
// this node has tagged since it began, soon after the next entries have pushed the messages out. It
// costs nothing while nothing is recorded there.
type Sweeper struct {
	// Fixed.
	journal journal.Journal
	rooms   journal.Lister // of the same journal; nil: it cannot list its rooms
	log     *zap.Logger
	wake    chan struct{} // a room is to be looked at

	// Also is what else is done each day. Fixed once Run is called.
	Also []func(context.Context) error

	tagged atomic.Bool // lately has had rooms

	mu     sync.Mutex             // guards the rest; a leaf
	lately map[string]journal.Seq // rooms with tags: the first entry when the room was looked at
	due    map[string]bool        // those of them that are to be looked at
}

// NewSweeper returns a Sweeper that does nothing before Run.
func NewSweeper(j journal.Journal, rooms journal.Lister, log *zap.Logger) *Sweeper {
	return &Sweeper{journal: j, rooms: rooms, log: log, wake: make(chan struct{}, 1), lately: map[string]journal.Seq{}, due: map[string]bool{}}
}

// Recorded says that something is recorded in a room, which may be a tag. It waits for nothing.
func (s *Sweeper) Recorded(room string, tag bool) {
	if !tag && !s.tagged.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.lately[room]
	if !there && !tag || s.due[room] {
		return
	}
	if !there {
		for other := range s.lately { // some other one
			if len(s.lately) < maxLately {
				break
			}
			delete(s.lately, other)
			delete(s.due, other)
		}
		s.lately[room] = 0
		s.tagged.Store(true)
	}
	s.due[room] = true
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sweeps until ctx ends, and logs each day how many tags it has deleted. What it does not get
// done, it does the next time; so it is while nodes have different configurations.
func (s *Sweeper) Run(ctx context.Context) {
	n, day := 0, time.Now().Add(interval)
	for s.wait(ctx, time.Until(day)) == nil {
		if nodes, err := s.journal.Nodes().List(ctx); err != nil || !journal.Agree(nodes) {
			continue
		}
		some, err := s.contained(ctx, s.sweepLately)
		if n += some; err != nil && ctx.Err() == nil {
			s.log.Debug("tags not deleted yet", zap.Error(err))
		}
		if time.Now().Before(day) {
			continue
		}
		day, err = time.Now().Add(interval), nil
		if s.rooms != nil {
			some, err = s.contained(ctx, func(ctx context.Context) (int, error) { return Sweep(ctx, s.journal, s.rooms, breathe) })
			n += some
		}
		for _, also := range s.Also {
			if _, err := s.contained(ctx, func(ctx context.Context) (int, error) { return 0, also(ctx) }); err != nil && ctx.Err() == nil {
				s.log.Warn("not cleared up: it is done the next day", zap.Error(err))
			}
		}
		if ctx.Err() == nil {
			s.log.Info("deleted the tags of messages that are no longer kept", zap.Int("tags", n), zap.Error(err))
			n = 0
		}
	}
}

// wait waits until there may be something to sweep.
func (s *Sweeper) wait(ctx context.Context, day time.Duration) error {
	s.mu.Lock()
	idle := len(s.due) == 0
	s.mu.Unlock()
	if idle && day > soon {
		timer := time.NewTimer(day - soon)
		defer timer.Stop()
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return timing.Wait(ctx, soon)
}

// sweepLately sweeps the rooms that are due and have lost messages since they were looked at.
func (s *Sweeper) sweepLately(ctx context.Context) (n int, err error) {
	s.mu.Lock()
	due := s.due
	s.due = map[string]bool{}
	s.mu.Unlock()
	rooms := slices.Collect(maps.Keys(due))
	for len(rooms) > 0 && err == nil {
		some := rooms[:min(stepRooms, len(rooms))]
		rooms = rooms[len(some):]
		var swept int
		swept, err = sweepRooms(ctx, s.journal, some, s.hasMoved, breathe)
		n += swept
	}
	if err != nil { // what is left is swept in ten seconds
		s.mu.Lock()
		defer s.mu.Unlock()
		for room := range due {
			s.due[room], s.lately[room] = true, 0
		}
	}
	return n, err
}

// hasMoved reports whether a room has lost messages since it was looked at, and notes its first.
// One that is empty is looked at no more until somebody tags there.
func (s *Sweeper) hasMoved(room string, h *journal.Head) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, there := s.lately[room]
	if there {
		s.lately[room] = h.First
	}
	if h.First > h.Last {
		delete(s.lately, room)
	}
	return h.First != was
}

func (s *Sweeper) contained(ctx context.Context, sweep func(context.Context) (int, error)) (n int, err error) {
	defer func() {
		if v := recover(); v != nil { // of the journal's
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return sweep(ctx)
}

func breathe(ctx context.Context) error { return timing.Wait(ctx, pause) }
