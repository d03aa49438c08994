package shared

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

const (
	// patience is how long a part waits for the hint of a row before it reads the row from the
	// engine. The hint has the entries as they were and their origin; the engine has them
	// as they are now.
	patience = time.Second

	// transientLife is how long a transient entry waits for the row that it stands behind.
	transientLife = 5 * time.Second

	// looseBytes bounds such entries, and rows that wait for the ones before them.
	looseBytes = 4 << 20

	// rowsAtOnce and bytesAtOnce bound what is read from the engine at once.
	rowsAtOnce  = 64
	bytesAtOnce = 4 << 20
)

// stream shows the rows of a part in their order. Its goroutine makes all calls of followers that
// have caught up.
type stream struct {
	*core
	number int // of the part; fixed

	mu        sync.Mutex      // guards the rest
	row       uint64          // the newest that was shown
	reading   uint64          // the newest that is read from the engine, or was: without the rooms that nobody followed then
	target    uint64          // the newest that is known to be there
	rows      map[uint64]*row // above row; what a node has told
	loose     []looseRow      // transient entries, in the order of each node
	held      int             // bytes of rows and loose
	gap       time.Time       // since when the next row is missing; zero: it is not
	noHints   bool            // hints are not heard: no patience
	expected  Nonce           // of the batch that this node commits now; its answer has the entries
	followers map[string][]*follower
	feeds     []*feedFollower
	closing   bool          // nobody begins to follow any more
	wake      chan struct{} // capacity 1; fixed
}

type looseRow struct {
	*row
	since time.Time
}

func newStream(c *core, number int, newest uint64) *stream {
	return &stream{core: c, number: number, row: newest, target: newest, rows: map[uint64]*row{}, followers: map[string][]*follower{}, wake: make(chan struct{}, 1)}
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
}

// rowsBehind returns rows of the part behind one.
func (s *stream) rowsBehind(ctx context.Context, row uint64) ([]Row, error) {
	after := slices.Repeat([]uint64{NoRows}, s.engine.Parts())
	after[s.number] = row
	return s.engine.Rows(ctx, after, rowsAtOnce)
}

// expect says that a batch of this node will be offered once its answer is known.
func (s *stream) expect(n Nonce) {
	s.mu.Lock()
	s.expected = n
	s.mu.Unlock()
}

// offer takes a row, which this node has recorded or another one has told of.
func (s *stream) offer(r *row, own bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own {
		s.expected = Nonce{}
	}
	signal(s.wake)
	size := r.size()
	switch {
	case r.number > s.row:
		s.target = max(s.target, r.number)
		if _, known := s.rows[r.number]; known && !own || len(r.list) == 0 || s.held+size > looseBytes && !own {
			return // it is read from the engine
		}
		s.rows[r.number] = r
		s.held += size
	case r.number == 0 && len(r.list) > 0 && (own || s.held+size <= looseBytes):
		s.loose = append(s.loose, looseRow{r, time.Now()})
		s.held += size
	}
}

// shown is the newest row that followers of this node were shown, or are just shown.
func (s *stream) shown() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.row
}

// known says that a row is there.
func (s *stream) known(row uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = max(s.target, row)
	signal(s.wake)
}

func (s *stream) hears(hears bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noHints = !hears
	signal(s.wake)
}

// showAll shows rows until end is closed, and then what is there without patience.
func (s *stream) showAll(ctx context.Context, end <-chan struct{}) {
	ended := false
	for {
		wait, more := s.show(ctx, ended)
		if more {
			continue
		}
		if ended || ctx.Err() != nil {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-end:
			ended = true
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// show shows what is next, and reports whether there may be more now, or how long to wait.
func (s *stream) show(ctx context.Context, hurry bool) (wait time.Duration, more bool) {
	s.mu.Lock()
	if r := s.nextLoose(); r != nil {
		s.mu.Unlock()
		s.deliver(r)
		return 0, true
	}
	if r := s.rows[s.row+1]; r != nil {
		delete(s.rows, r.number)
		s.held -= r.size()
		s.row, s.gap = r.number, time.Time{}
		s.mu.Unlock()
		s.deliver(r)
		return 0, true
	}
	wait = time.Hour
	if len(s.loose) > 0 {
		wait = transientLife
	}
	if s.target <= s.row {
		s.gap = time.Time{}
		s.mu.Unlock()
		return wait, false
	}
	if s.gap.IsZero() {
		s.gap = time.Now()
	}
	if left := patience - time.Since(s.gap); left > 0 && !hurry && !s.noHints {
		s.mu.Unlock()
		return min(wait, left), false
	}
	s.mu.Unlock()
	return s.read(ctx)
}

// nextLoose returns transient entries that may be shown now, and forgets those that have waited
// too long. Entries of a node wait for no other node.
func (s *stream) nextLoose() *row {
	for i := 0; i < len(s.loose); i++ {
		r := s.loose[i]
		late := time.Since(r.since) > transientLife
		if r.behind > s.row && !late {
			continue
		}
		s.loose = slices.Delete(s.loose, i, i+1)
		s.held -= r.size()
		if r.behind <= s.row {
			return r.row
		}
		i--
	}
	return nil
}

// read reads rows that nobody has told of. It stops at one that this node is just recording.
func (s *stream) read(ctx context.Context) (wait time.Duration, more bool) {
	rows, err := s.rowsBehind(ctx, s.shown())
	if err != nil || len(rows) == 0 {
		return time.Second, false
	}
	s.mu.Lock()
	s.reading = max(s.reading, rows[len(rows)-1].Number) // before it asks what is wanted: see follow
	s.mu.Unlock()
	var ranges []Range
	var found []*Row
	for i := range rows {
		s.mu.Lock()
		own := rows[i].Nonce == s.expected
		_, told := s.rows[rows[i].Number]
		s.mu.Unlock()
		if own || told {
			break
		}
		found = append(found, &rows[i])
		for _, r := range rows[i].Ranges {
			if s.wanted(r.Room) {
				ranges = append(ranges, r)
			}
		}
	}
	if len(found) == 0 {
		return time.Second, false
	}
	byRow := map[uint64]*row{}
	for all := len(ranges) == 0; !all; {
		entries, complete, err := s.engine.Entries(ctx, ranges, bytesAtOnce)
		if err != nil {
			return time.Second, false
		}
		for _, e := range entries {
			n := RowOf(e.Position)
			if byRow[n] == nil {
				byRow[n] = &row{number: n}
			}
			byRow[n].list = append(byRow[n].list, delivery{entry: e})
		}
		ranges = behindOf(ranges, entries)
		all = complete || len(ranges) == 0
	}
	for _, r := range found {
		s.mu.Lock()
		s.row, s.gap = r.Number, time.Time{}
		s.mu.Unlock()
		if known := byRow[r.Number]; known != nil {
			slices.SortFunc(known.list, func(a, b delivery) int { return cmp.Compare(a.entry.Position, b.entry.Position) })
			// Of two lives of a room, both ask for the entry of the second one.
			known.list = slices.CompactFunc(known.list, func(a, b delivery) bool { return a.entry.Position == b.entry.Position })
			s.deliver(known)
		}
	}
	return 0, true
}

// behindOf is what is still to be read of ranges, of which entries were read: nothing if there
// were none, because they are no longer kept.
func behindOf(ranges []Range, entries []journal.Entry) []Range {
	if len(entries) == 0 {
		return nil
	}
	last := entries[len(entries)-1]
	for i, r := range ranges {
		if r.Room == last.Room && r.Lo <= last.Seq && last.Seq <= r.Hi {
			if rest := ranges[i:]; last.Seq < r.Hi {
				rest[0].Lo = last.Seq + 1
				return rest
			}
			return ranges[i+1:]
		}
	}
	return nil
}

func (s *stream) wanted(room string) bool {
	s.mu.Lock()
	feeds := s.feeds
	followed := len(s.followers[room]) > 0
	s.mu.Unlock()
	if followed {
		return true
	}
	for _, f := range feeds {
		if f.wants(room) {
			return true
		}
	}
	return false
}

// deliver calls those who follow a room, and then those who follow the feed.
func (s *stream) deliver(r *row) {
	for i := range r.list {
		d := &r.list[i]
		var to, lost []*follower
		s.mu.Lock()
		for _, f := range s.followers[d.entry.Room] {
			due, gone := f.due(d)
			if due {
				to = append(to, f)
			}
			if gone {
				lost = append(lost, f)
			}
		}
		feeds := s.feeds
		s.mu.Unlock()
		for _, f := range to {
			f.deliver(d.entry)
		}
		for _, f := range lost {
			s.unfollow(d.entry.Room, f)
			f.last(func() { f.to.Lost(journal.Lost{Epoch: d.entry.Epoch, Why: errNewLife}) })
		}
		if !d.entry.Kind.Recorded() {
			continue
		}
		for _, f := range feeds {
			if r.number > f.fromRow {
				f.call(func() {
					if f.wants(d.entry.Room) {
						f.show(d.entry)
					}
				})
			}
		}
	}
}

func (s *stream) unfollow(room string, f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(s.followers[room]), func(x *follower) bool { return x == f })
	if len(rest) == 0 {
		delete(s.followers, room)
		return
	}
	s.followers[room] = rest
}

// end ends all followings.
func (s *stream) end() {
	s.mu.Lock()
	all := s.followers
	feeds := s.feeds
	s.followers, s.feeds = map[string][]*follower{}, nil
	s.mu.Unlock()
	for _, list := range all {
		for _, f := range list {
			f.stop()
		}
	}
	for _, f := range feeds {
		f.stop()
	}
}

// followed reports whether somebody follows a room on this node.
func (s *stream) followed(room string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.followers[room]) > 0
}
