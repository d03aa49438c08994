package journaltest

import (
	"math/rand/v2"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Option says more about the journals under test.
type Option func(*suite)

// Reopen says that the journals are durable. reopen closes a journal and opens its
// store again. The suite closes the journal that it returns.
func Reopen(reopen func(t *testing.T, j journal.Journal) journal.Journal) Option {
	return func(s *suite) { s.reopen = reopen }
}

// Retain says that the journals have retention. open returns a new journal that
// keeps of each room what keep returns for it. enforce returns once the journal has
// deleted everything that it may delete; it may be nil if no Read ever shows more
// than is kept.
func Retain(open func(t *testing.T, keep func(room string) journal.Retention) journal.Journal, enforce func(t *testing.T, j journal.Journal)) Option {
	return func(s *suite) { s.retain, s.enforce = open, enforce }
}

// Seed repeats the random choices of the run that logged this seed.
func Seed(seed uint64) Option {
	return func(s *suite) { s.seed = seed }
}

// suite holds the arguments of Run.
type suite struct {
	open    func(t *testing.T) journal.Journal
	reopen  func(t *testing.T, j journal.Journal) journal.Journal
	retain  func(t *testing.T, keep func(room string) journal.Retention) journal.Journal
	enforce func(t *testing.T, j journal.Journal)
	seed    uint64
}

// random returns a random generator with the seed of the suite, and logs the seed
// if t fails.
func (s *suite) random(t *testing.T) *rand.Rand {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("journaltest.Seed(%d)", s.seed)
		}
	})
	return rand.New(rand.NewPCG(s.seed, 0))
}
