// Package journaltest proves a journal.Journal. Every promise in that interface's
// comments is a subtest of Run; a journal that passes may be put under a hub.
//
// What no two journals do alike is handed in as options: how to open one again,
// how to have its retention enforced. Nothing sleeps, and what is random comes
// from a seed that a failure prints.
package journaltest

import (
	"math/rand/v2"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Run runs the suite. open makes a new, empty journal that keeps everything it
// is given here, a few thousand entries; the suite closes it.
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

// Option says more about the journals to be proved.
type Option func(*suite)

// Reopen says that the journals are durable. reopen closes one and opens its
// store again; the suite closes what it returns.
func Reopen(reopen func(t *testing.T, j journal.Journal) journal.Journal) Option {
	return func(s *suite) { s.reopen = reopen }
}

// Retain says that the journals have retention. open makes one that keeps of
// each room what keep says. enforce, which may be nil, returns once all that may
// go has gone; without it a Read must be enough to see that it has.
func Retain(open func(t *testing.T, keep func(room string) journal.Retention) journal.Journal, enforce func(t *testing.T, j journal.Journal)) Option {
	return func(s *suite) { s.retain, s.enforce = open, enforce }
}

// Seed has what is random come out as in the run that printed this seed.
func Seed(seed uint64) Option {
	return func(s *suite) { s.seed = seed }
}

// suite is what Run was told.
type suite struct {
	open    func(t *testing.T) journal.Journal
	reopen  func(t *testing.T, j journal.Journal) journal.Journal
	retain  func(t *testing.T, keep func(room string) journal.Retention) journal.Journal
	enforce func(t *testing.T, j journal.Journal)
	seed    uint64
}

// each runs a test on a journal of its own.
func (s *suite) each(t *testing.T, name string, test func(t *tester)) {
	t.Run(name, func(t *testing.T) { test(s.tester(t, s.open(t))) })
}

// tester wraps a journal, which is closed at the test's end.
func (s *suite) tester(t *testing.T, j journal.Journal) *tester {
	x := &tester{T: t, suite: s, j: j}
	t.Cleanup(func() {
		if err := x.j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return x
}

// random is the suite's source of what is random in t.
func (s *suite) random(t *testing.T) *rand.Rand {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("journaltest.Seed(%d)", s.seed)
		}
	})
	return rand.New(rand.NewPCG(s.seed, 0))
}
