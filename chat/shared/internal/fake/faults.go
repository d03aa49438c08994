package fake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Faults says what goes wrong on a node's way to its Store. Numbers are parts of 1: 0.1 is
// one of ten.
type Faults struct {
	Refuse     float64       // of commits and swaps: certainly nothing was recorded
	Lose       float64       // of them: nothing was recorded, and nobody knows
	LoseAnswer float64       // of them: recorded, and nobody knows
	Fail       float64       // of all other calls
	Slow       time.Duration // at most, before each call and after it
	DropHint   float64       // of hints that a node should hear
	DoubleHint float64
	LateHint   float64 // it comes behind the next one
	Deaf       float64 // of hints: hearing ends with it
}

var (
	errCut    = errors.New("the connection is gone")
	errFull   = fmt.Errorf("%w: the server takes no commits", journal.ErrUnavailable)
	errNoRead = fmt.Errorf("%w: the server does not answer", journal.ErrUnavailable)
)

// luck decides what goes wrong.
type luck struct {
	mu     sync.Mutex // guards the rest
	rand   *rand.Rand
	faults Faults
	until  time.Time // until then, no call goes on

	dead chan struct{} // closed: nothing works any more
	once sync.Once
}

// is reports whether something happens that happens in a part of all cases.
func (l *luck) is(part func(*Faults) float64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := part(&l.faults)
	return p > 0 && l.rand.Float64() < p
}

// wait waits as long as the network takes.
func (l *luck) wait(ctx context.Context) error {
	l.mu.Lock()
	d := time.Until(l.until)
	if d < 0 {
		d = 0
	}
	if l.faults.Slow > 0 {
		d += time.Duration(l.rand.Int64N(int64(l.faults.Slow)))
	}
	l.mu.Unlock()
	if d == 0 {
		select {
		case <-l.dead:
			return errCut
		default:
			return ctx.Err()
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.dead:
		return errCut
	}
}
