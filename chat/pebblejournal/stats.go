package pebblejournal

import (
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
)

// statistics are the figures that the committer collects.
type statistics struct {
	mu      sync.Mutex // guards the rest
	commits uint64
	entries uint64
	time    time.Duration // spent on the commits
	totals  format.Totals // as they are on disk

	damaged uint64    // entries and records that could not be read
	told    time.Time // when that was logged last
}

// damageLogInterval is how often it is logged at most that something cannot be read.
const damageLogInterval = time.Hour

// addDamaged counts what could not be read. It returns whether that must be logged now.
func (s *statistics) addDamaged(n int, now time.Time) (tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damaged += uint64(n)
	if tell = now.Sub(s.told) >= damageLogInterval; tell {
		s.told = now
	}
	return tell
}

// load sets the totals of a store that has been opened.
func (s *statistics) load(t format.Totals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals = t
}

// addCommit counts a commit after which the totals are t.
func (s *statistics) addCommit(t format.Totals, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	s.entries += t.Entries - s.totals.Entries
	s.time += took
	s.totals = t
}

func (s *statistics) currentTotals() format.Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}

// snapshot returns the figures in the form of the contract.
func (s *statistics) snapshot() journal.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return journal.Stats{
		Entries: s.totals.Entries - s.totals.DeletedEntries,
		Commits: s.commits, Recorded: s.entries, CommitTime: s.time, Damaged: s.damaged,
	}
}
