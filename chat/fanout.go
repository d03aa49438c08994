package chat

import (
	"slices"
	"sync"
	"time"
)

// chunkSize is how many bytes of frames go to a member's socket at once: many
// small messages share one system call, and a socket that is not read is found
// out soon.
const chunkSize = 64 << 10

// fanOut is a batch of consecutive entries on its way to a room's members. It is
// owned by the room's worker.
type fanOut struct {
	entries []*Entry
	size    int
	spared  []*member
	chunks  [dialects]chunk
}

// fanOuts lends them to rooms that have something to pass on: idle rooms have
// none.
var fanOuts = sync.Pool{New: func() any { return new(fanOut) }}

// chunk is the batch as one dialect says it. Its bytes are shared by all
// receivers and never changed.
type chunk struct {
	made   bool
	frames []byte
	ends   []int // where each entry's frame ends
}

// frame returns the i-th entry's bytes, empty where the dialect has none.
func (c *chunk) frame(i int) []byte {
	start := 0
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.frames[start:c.ends[i]:c.ends[i]]
}

// add takes an entry into the batch, unless the batch is full.
func (f *fanOut) add(e *Entry) bool {
	if len(f.entries) > 0 && f.size+len(e.Body) > chunkSize {
		return false
	}
	f.entries = append(f.entries, e)
	f.size += len(e.Body)
	return true
}

// flush sends the batch to every member: one encoding for each dialect that is
// present, one Send for each member. It never waits for a member.
func (f *fanOut) flush(r *room) {
	if len(f.entries) == 0 {
		return
	}
	began := time.Now()
	for i, e := range f.entries {
		f.spare(r, i, e)
	}
	bytes := 0
	for _, m := range r.members {
		c := f.chunk(m.dialect)
		frames := c.frames
		if m.deaf {
			continue
		}
		if m.held != nil {
			f.holdBack(r.hub, m, c)
			continue
		}
		if m.own != nil || m.after > 0 {
			frames = f.partFor(m, c)
		}
		if len(frames) > 0 {
			m.session.deliver(frames)
			bytes += len(frames)
		}
	}
	f.count(r, bytes, time.Since(began))
	for _, m := range f.spared {
		m.own = nil
	}
	clear(f.entries)
	clear(f.spared)
	*f = fanOut{entries: f.entries[:0], spared: f.spared[:0]}
}

// spare notes who must not hear e, the i-th of the batch: the raw session that
// said it, or all sessions of the user whose signal it is.
func (f *fanOut) spare(r *room, i int, e *Entry) {
	if e.Kind == Signal {
		if a := r.present.users[e.From.ID]; a != nil {
			for _, m := range a.members {
				f.spareMember(i, m)
			}
		}
		return
	}
	if m := r.hub.rawMember(e.Origin); m != nil && m.room == r {
		f.spareMember(i, m)
	}
}

func (f *fanOut) spareMember(i int, m *member) {
	if m.own == nil {
		f.spared = append(f.spared, m)
	}
	m.own = append(m.own, i)
}

// rawMember returns the place in its room of the raw session with that id, who
// must not hear what it said itself, or nil.
func (h *Hub) rawMember(id string) *member {
	h.mu.Lock()
	s := h.sessions[id]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	if t, ok := s.talk.(*rawTalk); ok {
		return &t.member
	}
	return nil
}

// count adds the batch to the hub's counters.
func (f *fanOut) count(r *room, bytes int, took time.Duration) {
	c := &r.hub.counts
	deliveries := len(f.entries) * len(r.members)
	for _, m := range f.spared {
		deliveries -= len(m.own)
	}
	c.entries.Add(uint64(len(f.entries)))
	c.deliveries.Add(uint64(deliveries))
	c.bytesOut.Add(uint64(bytes))
	c.batches.Add(1)
	c.fanOut.Add(int64(took))
}

func (f *fanOut) chunk(d dialect) *chunk {
	c := &f.chunks[d]
	if c.made {
		return c
	}
	c.made = true
	c.frames = make([]byte, 0, f.size+frameOverhead*len(f.entries))
	c.ends = make([]int, len(f.entries))
	for i, e := range f.entries {
		c.frames = d.append(c.frames, e)
		c.ends[i] = len(c.frames)
	}
	return c
}

// partFor returns a copy of the frames without those that m sent itself or has
// already read from the journal, which may be ahead of its deliveries.
func (f *fanOut) partFor(m *member, c *chunk) []byte {
	frames := make([]byte, 0, len(c.frames))
	for i, e := range f.entries {
		if !m.knows(i, e) {
			frames = append(frames, c.frame(i)...)
		}
		if e.Seq >= m.after {
			m.after = 0
		}
	}
	return frames
}

// knows reports whether m must not be told e, the i-th of the batch.
func (m *member) knows(i int, e *Entry) bool {
	return slices.Contains(m.own, i) || e.Seq > 0 && e.Seq <= m.after
}

// holdBack keeps the batch for a member that is still on its way in, or reading
// the journal. One that takes too long is cut off, like any other slow reader,
// as soon as it is there.
func (f *fanOut) holdBack(h *Hub, m *member, c *chunk) {
	for i, e := range f.entries {
		if frame := c.frame(i); len(frame) > 0 && !m.knows(i, e) {
			m.held.add(h, e.Seq, frame)
		}
	}
}
