// Package journaltest tests an implementation of journal.Journal. Every promise in
// the comments of that interface is a subtest of Run. A journal that passes may be
// used by a hub.
//
// # Use
//
// The author of a journal writes one test:
//
//	func TestJournal(t *testing.T) {
//		journaltest.Run(t,
//			func(t *testing.T) journal.Journal { return open(t, t.TempDir()) },
//			journaltest.Reopen(func(t *testing.T, j journal.Journal) journal.Journal {
//				// close j, open its store again
//			}),
//			journaltest.Retain(
//				func(t *testing.T, keep func(room string) journal.Retention) journal.Journal {
//					// open a new journal with that retention
//				},
//				func(t *testing.T, j journal.Journal) {
//					// delete now what j may delete later
//				}),
//		)
//	}
//
// Without Reopen the journal counts as not durable, without Retain as one that
// keeps everything; the subtests about that are skipped. Those about Restore run if
// the journal is a journal.Restorer. Run the test with -race: much of it is
// concurrent.
//
// A failure that depends on chance logs a seed; pass it to Run with Seed to repeat
// it. The suite waits for events and never sleeps. It needs some seconds and some
// megabytes.
//
// # Files, lowest first
//
//	journaltest.go  Run and its options; the groups of tests
//	tester.go       tester: a journal under test and what tests do with it
//	follower.go     a follower that checks every call
//	append.go, read.go, follow.go, key.go, recall.go, records.go, close.go
//	                the groups that need nothing else
//	reopen.go       journals that are durable
//	restore.go      journals that are journal.Restorer
//	retention.go    journals with retention
//	model.go        what a journal should contain, kept in memory
//	simulation.go   random use of a journal, compared with the model
package journaltest

import (
	"math/rand/v2"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Run tests the journals that open returns. Each call of open must return a new,
// empty journal that keeps the few thousand entries which a subtest appends. The
// suite closes it.
func Run(t *testing.T, open func(t *testing.T) journal.Journal, opts ...Option) {
	s := &suite{open: open, seed: rand.Uint64()}
	for _, opt := range opts {
		opt(s)
	}
	for _, group := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"Append", testAppend},
		{"Read", testRead},
		{"Follow", testFollow},
		{"Key", testKey},
		{"Recall", testRecall},
		{"Records", testRecords},
		{"Close", testClose},
		{"Reopen", testReopen},
		{"Restore", testRestore},
		{"Retention", testRetention},
		{"Simulation", testSimulation},
	} {
		t.Run(group.name, func(t *testing.T) { group.run(t, s) })
	}
}

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

// each runs a subtest with a journal of its own.
func (s *suite) each(t *testing.T, name string, test func(t *tester)) {
	t.Run(name, func(t *testing.T) { test(s.tester(t, s.open(t))) })
}

// tester returns a tester for j, which it closes at the end of the test.
func (s *suite) tester(t *testing.T, j journal.Journal) *tester {
	x := &tester{T: t, suite: s, j: j}
	t.Cleanup(func() {
		if err := x.j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return x
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
