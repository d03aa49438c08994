// Package figures has what the committer and readers of a journal count.
package figures

import (
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
)

// Figures are those of a journal. The zero value has counted nothing.
type Figures struct {
	mu      sync.Mutex // guards the rest
	commits uint64
	entries uint64
	time    time.Duration // spent on the commits
	totals  format.Totals // as they are on disk

	damaged        uint64    // entries and records that could not be read
	told           time.Time // when that was logged last
	damagedRecords bool      // some of them are records
	toldRecords    time.Time // when that was logged last
}

// What operators are told of damage that was met since the store was opened.
const (
	damagedEntries = "something in the store is damaged and cannot be read; put a backup in its place if it is needed"
	DamagedRecords = "records are damaged and cannot be read: bans, mutes, members or read marks may be missing. " +
		"Look at them, and put a backup in the place of the store"
)

// Warnings returns them.
func (s *Figures) Warnings() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.damaged > 0 {
		list = append(list, damagedEntries)
	}
	if s.damagedRecords {
		list = append(list, DamagedRecords)
	}
	return list
}

// AddDamagedRecord notes that a record could not be read. It returns whether that must be
// logged now.
func (s *Figures) AddDamagedRecord(now time.Time) (tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damagedRecords = true
	if tell = now.Sub(s.toldRecords) >= damageLogInterval; tell {
		s.toldRecords = now
	}
	return tell
}

// damageLogInterval is how often it is logged at most that something cannot be read.
const damageLogInterval = time.Hour

// AddDamaged counts what could not be read. It returns whether that must be logged now.
func (s *Figures) AddDamaged(n int, now time.Time) (tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damaged += uint64(n)
	if tell = now.Sub(s.told) >= damageLogInterval; tell {
		s.told = now
	}
	return tell
}

// Load sets the totals of a store that has been opened.
func (s *Figures) Load(t format.Totals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals = t
}

// AddCommit counts a commit after which the totals are t.
func (s *Figures) AddCommit(t format.Totals, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	s.entries += t.Entries - s.totals.Entries
	s.time += took
	s.totals = t
}

// Totals are those of the newest commit.
func (s *Figures) Totals() format.Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}

// Stats returns the figures in the form of the contract.
func (s *Figures) Stats() journal.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return journal.Stats{
		Entries: s.totals.Entries - s.totals.DeletedEntries,
		Commits: s.commits, Recorded: s.entries, CommitTime: s.time, Damaged: s.damaged,
	}
}
