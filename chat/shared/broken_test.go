package shared_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/chat/shared/internal/fake"
)

// TestSimulation_FindsBrokenEngines breaks each promise of an engine that a journal needs. A
// simulation that does not see it would see no fault of the journal, either.
func TestSimulation_FindsBrokenEngines(t *testing.T) {
	for name, wrap := range map[string]func(shared.Engine) shared.Engine{
		"a batch again is recorded again": func(e shared.Engine) shared.Engine { return noClaims{e} },
		"a batch again is a duplicate":    func(e shared.Engine) shared.Engine { return noNonces{e} },
		"an unknown end is a refusal":     func(e shared.Engine) shared.Engine { return hasty{e} },
		"nobody tells where the feed is":  func(e shared.Engine) shared.Engine { return &blind{Engine: e} },
		"entries are not durable":         func(e shared.Engine) shared.Engine { return forgetful{e} },
		"updates do not compare":          func(e shared.Engine) shared.Engine { return rash{e} },
		"a rollback is not noticed":       func(e shared.Engine) shared.Engine { return trusting{e} },
		"a rollback keeps the epoch":      func(e shared.Engine) shared.Engine { return stubborn{e} },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				if err := simulate(t, seed, kindOf(name), wrap); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Error("300 simulations found nothing wrong")
		})
	}
}

func kindOf(name string) kind {
	if strings.HasPrefix(name, "a rollback") {
		return rollsBack
	}
	return stays
}

// noClaims knows no key.
type noClaims struct{ shared.Engine }

func (e noClaims) Commit(b shared.Batch) (shared.Committed, error) {
	items := make([]shared.Item, len(b.Items))
	for i := range items {
		items[i].Entry = b.Items[i].Entry
		_, _ = rand.Read(items[i].Claim[:])
	}
	b.Items = items
	return e.Engine.Commit(b)
}

// noNonces does not know a batch again.
type noNonces struct{ shared.Engine }

func (e noNonces) Commit(b shared.Batch) (shared.Committed, error) {
	_, _ = rand.Read(b.Nonce[:])
	return e.Engine.Commit(b)
}

// hasty takes what is unknown for a refusal.
type hasty struct{ shared.Engine }

func (e hasty) Commit(b shared.Batch) (shared.Committed, error) {
	c, err := e.Engine.Commit(b)
	if err != nil {
		err = errors.Join(journal.ErrUnavailable, err)
	}
	return c, err
}

// blind says what was there when it was asked first.
type blind struct {
	shared.Engine
	once  sync.Once
	marks shared.Marks
	err   error
}

func (e *blind) Marks(ctx context.Context, seen shared.Standing) (shared.Marks, error) {
	e.once.Do(func() { e.marks, e.err = e.Engine.Marks(ctx, seen) })
	return e.marks, e.err
}

// forgetful answers some commits that it has not made.
type forgetful struct{ shared.Engine }

func (e forgetful) Commit(b shared.Batch) (shared.Committed, error) {
	c, err := e.Engine.Commit(b)
	if err != nil && !errors.Is(err, journal.ErrUnavailable) {
		c, err = shared.Committed{}, nil
		for range b.Items {
			c.Outcomes = append(c.Outcomes, shared.Outcome{Receipt: journal.Receipt{Seq: 1, Position: 1}})
		}
	}
	return c, err
}

// rash writes records whatever they have become.
type rash struct{ shared.Engine }

func (e rash) Swap(changes []shared.Change) ([]shared.Swapped, error) {
	for i := range changes {
		changes[i].Blind = true
	}
	return e.Engine.Swap(changes)
}

// trusting takes each store for the one that it was.
type trusting struct{ shared.Engine }

func (e trusting) Marks(ctx context.Context, seen shared.Standing) (shared.Marks, error) {
	seen.Parts, seen.Revision = nil, 0
	m, err := e.Engine.Marks(ctx, seen)
	if err == nil && m.Moved {
		e.Engine.(*fake.Engine).Ignore()
		m.Moved = false
	}
	return m, err
}

func (e trusting) Commit(b shared.Batch) (shared.Committed, error) {
	e.Engine.(*fake.Engine).Ignore()
	b.Seen = shared.Seen{}
	return e.Engine.Commit(b)
}

// stubborn lets a store go on as if nothing was lost.
type stubborn struct{ shared.Engine }

func (e stubborn) Marks(ctx context.Context, seen shared.Standing) (shared.Marks, error) {
	m, err := e.Engine.Marks(ctx, seen)
	m.Lacks = false
	return m, err
}

func (e stubborn) Continue(context.Context, string, bool, shared.Standing) error {
	e.Engine.(*fake.Engine).Ignore()
	return nil
}

func (e stubborn) Commit(b shared.Batch) (shared.Committed, error) {
	b.Seen = shared.Seen{}
	return e.Engine.Commit(b)
}
