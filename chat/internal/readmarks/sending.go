package readmarks

import (
	"sync"
	"time"
)

// Bounds of what moves because it was sent.
const (
	interval   = time.Second // a mark moves at most so often
	maxPending = 20_000      // marks that moved within the interval, or wait: some 10 MiB
	maxMovers  = 32          // moves at the same time: they share an fsync
)

// Sending moves marks to what their users have sent. T is what the caller wants to
// know of the newest message when its mark moves.
//
// A mark moves at once if it has not moved within the last second, and otherwise when
// that second is over, to the newest place. There is one goroutine for each move under
// way, and none for those that wait.
type Sending[T any] struct {
	move func(Key, Mark, T) // fixed. It may wait for the journal

	mu      sync.Mutex // guards the rest
	pending map[Key]*pending[T]
	ready   []*pending[T] // to be moved now
	resting []*pending[T] // moved within the last interval; the oldest first
	timer   *time.Timer   // runs while somebody rests; nil until it is first needed
	movers  int
	closed  bool
	moving  sync.WaitGroup // the movers
}

// pending is a mark that is to move, or has just moved.
type pending[T any] struct {
	key     Key
	to      Mark
	newest  T
	waits   bool // to was not moved to yet
	restsTo time.Time
}

// NewSending returns a Sending that calls move for each move.
func NewSending[T any](move func(Key, Mark, T)) *Sending[T] {
	return &Sending[T]{move: move, pending: map[Key]*pending[T]{}}
}

// Sent says that a user has sent a message. It does not wait. While too many marks
// wait, it does nothing: such a mark moves with the next message.
func (s *Sending[T]) Sent(k Key, to Mark, newest T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	p := s.pending[k]
	switch {
	case p != nil && !p.to.before(to):
		return
	case p != nil:
		p.to, p.newest, p.waits = to, newest, true
		return
	case len(s.pending) >= maxPending:
		return
	}
	p = &pending[T]{key: k, to: to, newest: newest, waits: true}
	s.pending[k] = p
	s.readyLocked(p)
}

func (s *Sending[T]) readyLocked(p *pending[T]) {
	s.ready = append(s.ready, p)
	if s.movers < maxMovers {
		s.movers++
		s.moving.Go(s.moveAll)
	}
}

// moveAll moves what is ready.
func (s *Sending[T]) moveAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		s.movers--
		if len(s.ready) > 0 { // the journal has ended this goroutine
			s.movers++
			s.moving.Go(s.moveAll)
		}
	}()
	for len(s.ready) > 0 {
		p := s.ready[0]
		s.ready = s.ready[1:]
		s.moveLocked(p)
	}
}

// moveLocked moves a mark, with the mutex unlocked meanwhile.
func (s *Sending[T]) moveLocked(p *pending[T]) {
	to, newest := p.to, p.newest
	p.waits = false
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.restLocked(p)
	}()
	s.move(p.key, to, newest)
}

// restLocked lets a mark that has moved rest for the interval.
func (s *Sending[T]) restLocked(p *pending[T]) {
	if s.closed {
		if p.waits {
			s.ready = append(s.ready, p)
		}
		return
	}
	p.restsTo = time.Now().Add(interval)
	s.resting = append(s.resting, p)
	switch {
	case len(s.resting) > 1:
	case s.timer == nil:
		s.timer = time.AfterFunc(interval, s.wake)
	default:
		s.timer.Reset(interval)
	}
}

// wake looks at those that have rested. The timer calls it.
func (s *Sending[T]) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.resting) > 0 && !s.closed {
		p := s.resting[0]
		if wait := p.restsTo.Sub(now); wait > 0 {
			s.timer.Reset(wait)
			return
		}
		s.resting = s.resting[1:]
		if p.waits {
			s.readyLocked(p)
		} else {
			delete(s.pending, p.key)
		}
	}
}

// Close moves what waits, and returns when that is done.
func (s *Sending[T]) Close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, p := range s.resting {
		if p.waits {
			s.readyLocked(p)
		}
	}
	s.resting = nil
	s.mu.Unlock()
	s.moving.Wait()
}
