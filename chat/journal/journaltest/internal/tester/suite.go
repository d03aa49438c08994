// Package tester is a journal under test: what the tests of package journaltest do
// with it, and what they check whenever they do it.
//
// # Files, lowest first
//
//	suite.go     Suite: what Run was told; T: a subtest and its journal
//	entries.go   entries to append
//	calls.go     calls of a callback
//	read.go      reading pages
//	append.go    appending, and what the answers must be
//	heads.go     whether a room contradicts itself
//	follower.go  following a room
//	feed.go      reading and following the feed
//	records.go   records, watching them
//	nodes.go     the nodes of a store
//	snapshot.go  all that a journal shows
package tester

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// patience is how long the suite waits for an event before the test fails.
const patience = 30 * time.Second

// Background is the context of calls that nothing ends early.
var Background = context.Background()

// Suite holds the arguments of Run.
type Suite struct {
	Open    func(t *testing.T) journal.Journal
	Reopen  func(t *testing.T, j journal.Journal) journal.Journal
	Retain  func(t *testing.T, keep func(room string) journal.Retention) journal.Journal
	Enforce func(t *testing.T, j journal.Journal)
	Crash   func(t *testing.T, j journal.Journal) journal.Journal
	Seed    uint64

	Nodes    func(t *testing.T) (open func(t *testing.T) journal.Journal)
	Rollback func(t *testing.T, j journal.Journal, change func())
}

// Random returns one of several random generators with the seed of the suite.
func (s *Suite) Random(n uint64) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, n)) }

// T is a subtest and its journal.
type T struct {
	*testing.T
	Suite *Suite
	J     journal.Journal
}

// Each runs a subtest with a journal of its own.
func (s *Suite) Each(t *testing.T, name string, test func(t *T)) {
	t.Run(name, func(t *testing.T) { test(s.Tester(t, s.Open(t))) })
}

// Tester returns a tester for j, which it closes at the end of the test.
func (s *Suite) Tester(t *testing.T, j journal.Journal) *T {
	x := &T{T: t, Suite: s, J: j}
	t.Cleanup(func() {
		if err := x.J.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return x
}

// Enforce returns once the journal has deleted what it may delete.
func (t *T) Enforce() {
	t.Helper()
	if t.Suite.Enforce != nil {
		t.Suite.Enforce(t.T, t.J)
	}
}

// ReopenJournal closes the journal and opens its store again.
func (t *T) ReopenJournal() {
	t.Helper()
	t.J = t.Suite.Reopen(t.T, t.J)
}

// Close closes the journal.
func (t *T) Close() {
	t.Helper()
	if err := t.J.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
