package pebblejournal

import (
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Details are the figures of a journal on disk. Counters begin at 0 when it is
// opened.
type Details struct {
	Entries   uint64 // kept; what deletion has not yet reached is counted too
	DiskBytes int64  // taken by the store
	FreeBytes int64  // on its disk

	Commits      uint64        // groups made durable
	Recorded     uint64        // entries in them
	LargestGroup int           // entries in the largest of them
	CommitTime   time.Duration // spent on writing and syncing them
	LongestTime  time.Duration // of one

	Queued      int   // bytes waiting to be written
	Unavailable error // why nothing can be recorded just now, or nil
}

// Details returns the journal's figures. It is cheap enough to be called every
// second.
func (j *Journal) Details() Details {
	s := j.meter.details()
	s.Queued = j.queue.waiting()
	s.Unavailable = j.queue.refused()
	s.FreeBytes = j.store.free()
	if h, _, _ := j.store.tryUse(); h != nil {
		s.DiskBytes = int64(h.db.Metrics().DiskSpaceUsage())
		h.release()
	}
	return s
}

// Stats returns those figures that every journal may have.
func (j *Journal) Stats() journal.Stats {
	s := j.Details()
	return journal.Stats{
		Entries: s.Entries, Bytes: s.DiskBytes, Commits: s.Commits, Recorded: s.Recorded,
		CommitTime: s.CommitTime, Unavailable: s.Unavailable != nil,
	}
}

// Unavailable returns why nothing can be recorded just now, or nil.
func (j *Journal) Unavailable() error { return j.queue.refused() }

// meter gathers the figures.
type meter struct {
	mu      sync.Mutex // guards the rest
	figures Details
	tally   tally // as it is durable
}

// committed counts a group that took so long.
func (m *meter) committed(g *group, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := int(g.tally.entries - m.tally.entries)
	m.tally = g.tally
	f := &m.figures
	f.Commits++
	f.Recorded += uint64(n)
	f.LargestGroup = max(f.LargestGroup, n)
	f.CommitTime += took
	f.LongestTime = max(f.LongestTime, took)
}

func (m *meter) begin(t tally) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tally = t
}

func (m *meter) total() tally {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tally
}

func (m *meter) details() Details {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.figures
	s.Entries = m.tally.entries - m.tally.deletedEntries
	return s
}
