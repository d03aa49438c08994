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
//	options.go      options, and what Run was told
//	tester.go       tester: a journal under test and what tests do with it
//	follower.go     a follower that checks every call
//	append.go, read.go, follow.go, key.go, recall.go, records.go, close.go
//	                tests that every journal runs
//	reopen.go       tests of durable journals
//	restore.go      tests of a journal.Restorer
//	retention.go    tests of journals with retention
//	model.go        what a journal should contain, kept in memory
//	simulation.go   random use of a journal, compared with the model
//	journaltest.go  Run
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
