package journaltest

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

// Option says more about the journals under test.
type Option func(*tester.Suite)

// Reopen says that the journals are durable. reopen closes a journal and opens its
// store again. The suite closes the journal that it returns.
func Reopen(reopen func(t *testing.T, j journal.Journal) journal.Journal) Option {
	return func(s *tester.Suite) { s.Reopen = reopen }
}

// Retain says that the journals have retention. open returns a new journal that
// keeps of each room what keep returns for it. enforce returns once the journal has
// deleted everything that it may delete; it may be nil if no Read ever shows more
// than is kept.
func Retain(open func(t *testing.T, keep func(room string) journal.Retention) journal.Journal, enforce func(t *testing.T, j journal.Journal)) Option {
	return func(s *tester.Suite) { s.Retain, s.Enforce = open, enforce }
}

// Crash says that the journals survive a crash. crash opens a store again as it is on
// the disk at some moment while crash runs, as if the process of j had been killed
// then, and gives up j. The suite closes the journal that it returns.
func Crash(crash func(t *testing.T, j journal.Journal) journal.Journal) Option {
	return func(s *tester.Suite) { s.Crash = crash }
}

// Nodes says that several journals may use one store at the same time. newStore makes
// a new, empty store. Each call of the function that it returns opens a journal on
// that store, which is a node of its own. The suite closes these journals.
func Nodes(newStore func(t *testing.T) (open func(t *testing.T) journal.Journal)) Option {
	return func(s *tester.Suite) { s.Nodes = newStore }
}

// Rollback says that a store may lose what it has recorded, as after a failover or a
// restore of an older backup. rollback calls change, undoes what it has changed in the
// store of j, and returns. j may notice that later.
func Rollback(rollback func(t *testing.T, j journal.Journal, change func())) Option {
	return func(s *tester.Suite) { s.Rollback = rollback }
}

// Seed repeats the random choices of the run that logged this seed.
func Seed(seed uint64) Option {
	return func(s *tester.Suite) { s.Seed = seed }
}
