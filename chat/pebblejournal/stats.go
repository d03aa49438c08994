package pebblejournal

import (
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// statistics are the figures that the committer collects.
type statistics struct {
	mu      sync.Mutex // guards the rest
	commits uint64
	entries uint64
	time    time.Duration // spent on the commits
	totals  totals        // as they are on disk
}

// load sets the totals of a store that has been opened.
func (s *statistics) load(t totals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals = t
}

// addCommit counts a commit after which the totals are t.
func (s *statistics) addCommit(t totals, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	s.entries += t.entries - s.totals.entries
	s.time += took
	s.totals = t
}

func (s *statistics) currentTotals() totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}

// snapshot returns the figures in the form of the contract.
func (s *statistics) snapshot() journal.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return journal.Stats{
		Entries: s.totals.entries - s.totals.deletedEntries,
		Commits: s.commits, Recorded: s.entries, CommitTime: s.time,
	}
}
