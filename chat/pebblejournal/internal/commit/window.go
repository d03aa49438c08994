package commit

import (
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
)

// PageMax is how many entries a page has at most.
const PageMax = 1000

// Page returns the state of a pinned room, and the entries that q asks for if
// the cache has all of them.
func (c *Rooms) Page(r *Room, q journal.Query, keep journal.Retention) (state format.RoomState, entries []journal.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, to := SeqRange(q, LimitCount(r.state, keep))
	if from >= to || r.recentEntry(from) == nil {
		return r.state, nil
	}
	first := r.recent[0].Seq
	return r.state, slices.Clone(Fitting(r.recent[from-first:to-first], q))
}

// Known is Page for a room by its name, if the cache has the room and all the entries.
// It waits for nothing.
func (c *Rooms) Known(q journal.Query, keep journal.Retention) (state format.RoomState, entries []journal.Entry, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.byName[q.Room]
	if r == nil || r.failed != nil {
		return state, nil, false
	}
	from, to := SeqRange(q, LimitCount(r.state, keep))
	if from < to && r.recentEntry(from) == nil {
		return state, nil, false
	}
	c.touchLocked(r)
	if from < to {
		first := r.recent[0].Seq
		entries = slices.Clone(Fitting(r.recent[from-first:to-first], q))
	}
	return r.state, entries, true
}

// Fitting returns as many entries as q.Bytes allow, and at least one, from the end at
// which q begins.
func Fitting(entries []journal.Entry, q journal.Query) []journal.Entry {
	size, n := 0, 0
	for n < len(entries) {
		i := n
		if q.Backward {
			i = len(entries) - 1 - n
		}
		if size += entries[i].Size(); n > 0 && size > q.Bytes {
			break
		}
		n++
	}
	if q.Backward {
		return entries[len(entries)-n:]
	}
	return entries[:n]
}

// LimitCount returns the state with no more entries than keep.Count. Its Base and
// Dropped are not adapted.
func LimitCount(state format.RoomState, keep journal.Retention) format.RoomState {
	if n := journal.Seq(keep.Count); n > 0 && state.Last > n {
		state.First = max(state.First, state.Last-n+1)
	}
	return state
}

// SeqRange returns which entries q asks for: from ≤ seq < to.
func SeqRange(q journal.Query, state format.RoomState) (from, to journal.Seq) {
	limit := journal.Seq(min(max(q.Limit, 0), PageMax))
	if q.Backward {
		to = state.Last + 1
		if q.Before > 0 {
			to = max(min(q.Before, to), state.First)
		}
		return max(state.First, to-min(limit, to)), to
	}
	if q.After >= state.Last {
		return state.Last + 1, state.Last + 1
	}
	from = max(q.After+1, state.First)
	return from, min(from+limit, state.Last+1)
}

// HasMore reports whether a room has more entries than the n that were read of the
// range from ≤ seq < to.
func HasMore(q journal.Query, kept format.RoomState, from, to journal.Seq, n int) bool {
	if q.Backward {
		return to-journal.Seq(n) > kept.First
	}
	return from+journal.Seq(n) <= kept.Last
}

// MissingNewest is a head whose newest counting entry is kept and not in memory.
type MissingNewest struct {
	Index int // in the heads
	State format.RoomState
}

// AppendHeads appends the heads of pinned rooms, in the epoch of the store. missing are
// those without their newest entry.
func (c *Rooms) AppendHeads(heads []journal.Head, rooms []*Room, epoch string) (_ []journal.Head, missing []MissingNewest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rooms {
		s := &r.state
		heads = append(heads, journal.Head{})
		if s.Last == 0 {
			continue
		}
		h := &heads[len(heads)-1]
		h.Epoch, h.First, h.Last, h.At, h.Position = format.RoomEpoch(epoch, s.Born), s.First, s.Last, s.LastAt, s.Position
		h.Count, h.Dropped, h.State = s.Count, s.Dropped, s.Governing
		if e := r.newestLocked(); e != nil {
			h.Newest = *e
		} else if s.Counting >= s.First && s.Counting > 0 {
			missing = append(missing, MissingNewest{len(heads) - 1, *s})
		}
	}
	return heads, missing
}

// newestLocked returns the newest counting entry if it is kept and in memory.
func (r *Room) newestLocked() *journal.Entry {
	seq := r.state.Counting
	if seq < r.state.First {
		return nil
	}
	if r.newest != nil && r.newest.Seq == seq {
		return r.newest
	}
	return r.recentEntry(seq)
}

// KeepNewest gives the cache the newest counting entry of a room, if its state is
// still the one by which the entry was read.
func (c *Rooms) KeepNewest(r *Room, state format.RoomState, e *journal.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.state == state && r.recentEntry(e.Seq) == nil {
		c.setNewestLocked(r, e)
		c.touchLocked(r)
		c.evictOldLocked()
	}
}
