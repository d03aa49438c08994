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
//			journaltest.Nodes(func(t *testing.T) func(t *testing.T) journal.Journal {
//				// make a store, return a function that opens a journal on it
//			}),
//		)
//	}
//
// Each option stands for something that not all journals can do: Reopen and Crash for
// durable ones, Retain for those with retention, Nodes and Rollback for those that share
// a store. Without an option its subtests are skipped. Those of journal.Restorer, Successor,
// Lister, Redactor and Reporter run if the journal is one. Run the test with -race.
//
// What depends on how a journal keeps its entries, such as a commit that is interrupted
// at each of its writes, is for tests of that journal. Check tells them whether what is
// left contradicts itself.
//
// A failure that depends on chance logs a seed for Seed, which repeats it. The suite waits for
// events and never sleeps.
//
// # Files, lowest first
//
//	options.go      options
//	append.go, read.go, heads.go, follow.go, key.go, effects.go, condition.go
//	                tests of rooms that every journal runs
//	records.go, feed.go, nodes.go, close.go
//	                tests of the rest that every journal runs
//	reopen.go       tests of durable journals
//	restore.go, optional.go
//	                tests of a journal.Restorer, Lister and Reporter
//	retention.go    tests of journals with retention
//	journaltest.go  Run
//
// Package internal/tester has what these tests do with a journal, and
// internal/simulation uses one at random and compares it with a model.
package journaltest

import (
	"math/rand/v2"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/redaction"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/simulation"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/succession"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

// Run tests the journals that open returns. Each call of open must return a new,
// empty journal that keeps the few thousand entries which a subtest appends. The
// suite closes it.
func Run(t *testing.T, open func(t *testing.T) journal.Journal, opts ...Option) {
	s := &tester.Suite{Open: open, Seed: rand.Uint64()}
	for _, opt := range opts {
		opt(s)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("journaltest.Seed(%d)", s.Seed)
		}
	})
	for _, group := range []struct {
		name string
		run  func(*testing.T, *tester.Suite)
	}{
		{"Append", testAppend},
		{"Read", testRead},
		{"Pages", testPages},
		{"Counts", testCounts},
		{"Heads", testHeads},
		{"Find", testFind},
		{"Follow", testFollow},
		{"Key", testKey},
		{"Recall", testRecall},
		{"Edit", testEdit},
		{"Since", testSince},
		{"With", testWith},
		{"Records", testRecords},
		{"Update", testUpdate},
		{"Watch", testWatch},
		{"Feed", testFeed},
		{"Nodes", testNodes},
		{"Close", testClose},
		{"Reopen", testReopen},
		{"Crash", testCrash},
		{"Restore", testRestore},
		{"Successor", succession.Test},
		{"Lister", testLister},
		{"Redactor", redaction.Test},
		{"Reporter", testReporter},
		{"Trim", testTrim},
		{"Retention", testRetention},
		{"TwoNodes", testTwoNodes},
		{"Rollback", testRollback},
		{"Simulation", simulation.Test},
	} {
		t.Run(group.name, func(t *testing.T) { group.run(t, s) })
	}
}

// Check checks that a journal contradicts itself nowhere: numbers, times, counts,
// positions and heads of these rooms, and that the feed has their entries.
// Nobody may append meanwhile. It is for tests of what is special about a journal, for
// example of a store that was damaged or interrupted. It does not close j.
func Check(t *testing.T, j journal.Journal, rooms ...string) {
	t.Helper()
	x := &tester.T{T: t, Suite: &tester.Suite{}, J: j}
	for _, room := range rooms {
		x.CheckRoom(room)
	}
	x.CheckKeptInFeed(rooms...)
}
