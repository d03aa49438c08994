package room

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// chunkSize is how many bytes of bodies go to a socket at once; a single entry may
// be larger. Many small messages share one system call, and a socket whose client
// does not read is noticed soon.
const chunkSize = 64 << 10

// event is an entry, or something that the worker does between two entries, or the news
// that a receiver will say something. Most rooms see more of the second, so the entry is
// not in it.
type event struct {
	entry   *journal.Entry
	do      func()
	speaker *receiver
}

// fanOut is a batch of consecutive entries on its way to an audience. The room's
// worker owns it.
type fanOut struct {
	entries []*journal.Entry
	size    int         // of their bodies
	spared  []*receiver // that have entries to skip
	oldest  journal.Seq // the lowest target of an entry that reveals it; 0: there is none
	chunks  [encodings]chunk
}

// fanOuts lends a fanOut to each room that has something to deliver: idle rooms
// have none.
var fanOuts = sync.Pool{New: func() any { return new(fanOut) }}

// chunk is the batch in one encoding. All receivers share its bytes, which are
// never changed.
type chunk struct {
	encoded bool
	frames  []byte
	ends    []int          // where the frame of each entry ends
	bare    map[int][]byte // frames without what they reveal; nil until one is needed
}

// frame returns the bytes of the i-th entry. They are empty if the dialect does
// not show it.
func (c *chunk) frame(i int) []byte {
	start := 0
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.frames[start:c.ends[i]:c.ends[i]]
}

// add adds an entry to the batch. It returns false if the batch is full.
func (f *fanOut) add(e *journal.Entry) bool {
	if len(f.entries) > 0 && f.size+len(e.Body) > chunkSize {
		return false
	}
	f.entries = append(f.entries, e)
	f.size += len(e.Body)
	if e.Kind.Reveals() && (f.oldest == 0 || e.Target < f.oldest) {
		f.oldest = e.Target
	}
	return true
}

// flush delivers the batch to everybody in the audience: one encoding for each
// dialect that is present, one Deliver for each receiver. It waits for nobody.
func (f *fanOut) flush(env *environment, a *audience) {
	if len(f.entries) == 0 {
		return
	}
	began := time.Now()
	for i, e := range f.entries {
		f.spare(i, env.node, a, e)
	}
	bytes := 0
	for _, r := range a.receivers {
		c := f.chunk(r.encoding)
		frames := c.frames
		if r.paused {
			continue
		}
		if r.held != nil {
			f.hold(r, c)
			continue
		}
		if r.skip != nil || r.after > 0 || f.oldest > 0 && f.oldest < r.from {
			frames = f.without(r, c)
		}
		if len(frames) > 0 {
			r.session.Deliver(frames)
			bytes += len(frames)
		}
	}
	f.count(&env.counters, len(a.receivers), bytes, time.Since(began))
	for _, r := range f.spared {
		r.skip = nil
	}
	clear(f.entries)
	clear(f.spared)
	*f = fanOut{entries: f.entries[:0], spared: f.spared[:0]}
}

// spare notes who must not get e, the i-th entry of the batch: the raw session
// that it came from, or all sessions of the user it came from. The entry says who that
// is, so nobody else is asked.
func (f *fanOut) spare(i int, node string, a *audience, e *journal.Entry) {
	if e.Kind.Audience() == journal.OtherUsers {
		for _, r := range a.ofUser(e.From.ID) {
			f.spareOne(i, r)
		}
		return
	}
	if r := a.speakers[e.Origin.Session]; r != nil && e.Origin.Node == node {
		f.spareOne(i, r)
	}
}

func (f *fanOut) spareOne(i int, r *receiver) {
	if r.skip == nil {
		f.spared = append(f.spared, r)
	}
	r.skip = append(r.skip, i)
}

// chunk returns the batch in one encoding.
func (f *fanOut) chunk(enc Encoding) *chunk {
	c := &f.chunks[enc]
	if c.encoded {
		return c
	}
	c.encoded = true
	c.frames = make([]byte, 0, f.size+frameOverhead*len(f.entries))
	c.ends = make([]int, len(f.entries))
	for i, e := range f.entries {
		c.frames = enc.Append(c.frames, e)
		c.ends[i] = len(c.frames)
	}
	return c
}

// bare returns the frame of the i-th entry without its body.
func (f *fanOut) bare(enc Encoding, i int) []byte {
	c := f.chunk(enc)
	if frame := c.bare[i]; frame != nil {
		return frame
	}
	e := *f.entries[i]
	e.Body = nil
	if c.bare == nil {
		c.bare = map[int][]byte{}
	}
	c.bare[i] = enc.Append(nil, &e)
	return c.bare[i]
}

// without returns a copy of the frames without those that r must skip: it sent
// them itself, or has already read them from the journal, which may be ahead of
// delivery. What its client is not shown it gets without the bodies.
func (f *fanOut) without(r *receiver, c *chunk) []byte {
	frames := make([]byte, 0, len(c.frames))
	for i, e := range f.entries {
		switch {
		case r.skips(i, e):
		case r.sees(e):
			frames = append(frames, c.frame(i)...)
		default:
			frames = append(frames, f.bare(r.encoding, i)...)
		}
		if e.Seq >= r.after {
			r.after = 0
		}
	}
	return frames
}

// hold holds the batch for a receiver that gets it later. If it becomes too much,
// the session is cut off when the receiver resumes, like that of any other client
// that reads too slowly.
func (f *fanOut) hold(r *receiver, c *chunk) {
	for i, e := range f.entries {
		frame := c.frame(i)
		if len(frame) == 0 || r.skips(i, e) {
			continue
		}
		h := heldFrame{seq: e.Seq, frame: frame}
		if e.Kind.Reveals() { // what the client is shown may not be known yet
			h.about = &about{e.Target, f.bare(r.encoding, i)}
		}
		r.held.add(h)
	}
}

func (f *fanOut) count(c *Counters, receivers, bytes int, took time.Duration) {
	deliveries := len(f.entries) * receivers
	for _, r := range f.spared {
		deliveries -= len(r.skip)
	}
	c.Entries.Add(uint64(len(f.entries)))
	c.Deliveries.Add(uint64(deliveries))
	c.BytesOut.Add(uint64(bytes))
	c.Batches.Add(1)
	c.FanOut.Add(int64(took))
}

// recording counts entries of a room on their way through the journal.
type recording struct {
	n     atomic.Int32
	least atomic.Int64 // nanoseconds that the quickest took since the last pause, or 0 if there was none
}

// counted counts an entry until done is called.
func (r *recording) counted(done func(journal.Receipt, error)) func(journal.Receipt, error) {
	began := time.Now()
	r.n.Add(1)
	return func(receipt journal.Receipt, err error) {
		r.n.Add(-1)
		took := max(int64(time.Since(began)), 1)
		for least := r.least.Load(); (least == 0 || took < least) && !r.least.CompareAndSwap(least, took); {
			least = r.least.Load()
		}
		done(receipt, err)
	}
}

// isSlow reports whether entries are under way, and the journal was slow with each one since it was asked before.
func (r *recording) isSlow() bool {
	least := time.Duration(r.least.Swap(0))
	return r.n.Load() > 0 && (least == 0 || least > minPause)
}

// letNetworkRun pauses after a batch of several events that took so long. While a
// processor was busy with the batch, nobody has read what clients sent. Without a
// pause the first of their messages would be a batch of its own, and the others
// the next. The pause adds at most a sixth to the time between two batches. With
// ten who speak at once to a thousand, on two processors, a million deliveries
// take 0.45 CPU seconds with it and 0.70 without (2026-11-28). With one sender
// batches have one event and there is no pause.
//
// If the journal is slow and still records what they sent, it pauses once more. With PostgreSQL that makes 0.32 CPU
// seconds 0.23, and of 2.5 million deliveries a second 3.4 (2026-12-01). With the journal in memory an entry
// is under way then by chance only.
func (r *recording) letNetworkRun(took time.Duration) {
	pause := min(took/6, maxPause)
	if pause < minPause {
		return
	}
	time.Sleep(pause)
	if r.isSlow() {
		time.Sleep(pause)
	}
}

const (
	minPause = 50 * time.Microsecond // timers are no finer; a journal that takes longer is slow
	maxPause = 2 * time.Millisecond
)
