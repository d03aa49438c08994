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
	patience = 400 * time.Millisecond

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
	epoch     string          // of the store; all that follows is of it
	turn      uint64          // of the epoch
	seen      Seen            // the newest row that was acknowledged or shown here
	own       uint64          // the newest row of this node
	row       uint64          // the newest that was shown
	reading   uint64          // the newest that is read from the engine, or heard of, or was: without the rooms that nobody followed then
	target    uint64          // the newest that is known to be there
	rows      map[uint64]*row // above row; what a node has told
	loose     []looseRow      // transient entries, in the order of each node
	held      int             // bytes of rows and loose
	gap       time.Time       // since when the next row is missing; zero: it is not
	noHints   bool            // hints are not heard: no patience
	expected  Nonce           // of the batch that this node commits now; its answer has the entries
	followers map[string][]*follower
	feeds     []*feedFollower
	lost      []func()      // tell those who followed in an epoch that has ended
	stopRead  func()        // ends what is read for an epoch that has ended
	closing   bool          // nobody begins to follow any more
	wake      chan struct{} // capacity 1; fixed
}

type looseRow struct {
	*row
	since time.Time
}

func newStream(c *core, number int, m Marks) *stream {
	s := &stream{core: c, number: number, rows: map[uint64]*row{}, followers: map[string][]*follower{}, stopRead: func() {}, wake: make(chan struct{}, 1)}
	s.beginLocked(m)
	return s
}

// beginLocked begins with what is in the store.
func (s *stream) beginLocked(m Marks) {
	at := m.Parts[s.number]
	s.epoch, s.turn, s.seen = m.Epoch, m.Turn, Seen{at.Row, at.Nonce}
	s.own, s.row, s.reading, s.target = at.Row, at.Row, 0, at.Row
	s.rows, s.loose, s.held, s.gap, s.expected = map[uint64]*row{}, nil, 0, time.Time{}, Nonce{}
}

// beginAgain begins with what is in the store, in another epoch. It returns how many of the rows that were
// seen are missing, at least.
func (s *stream) beginAgain(m Marks) (missing uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := m.Parts[s.number].Row; s.seen.Row > now {
		missing = s.seen.Row - now
	}
	s.beginLocked(m)
	for _, list := range s.followers {
		for _, f := range list {
			if f.catching { // Follow calls it just now
				f.lost = true
				continue
			}
			s.lost = append(s.lost, func() { f.last(func() { f.to.Lost(journal.Lost{Why: errRolledBack}) }) })
		}
	}
	for _, f := range s.feeds {
		s.lost = append(s.lost, func() { f.last(func() { f.lost(journal.Lost{Epoch: m.Epoch, Why: errRolledBack}) }) })
	}
	s.followers, s.feeds = map[string][]*follower{}, nil
	s.stopRead()
	signal(s.wake)
	return missing
}

// standing is the epoch of the store, and the newest row that was acknowledged or shown here.
func (s *stream) standing() (epoch string, turn uint64, seen Seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, s.turn, s.seen
}

// sawLocked notes a row that is acknowledged or shown.
func (s *stream) sawLocked(row uint64, n Nonce) {
	if row > s.seen.Row {
		s.seen = Seen{row, n}
	}
}

// recorded notes a row of this node, before anybody is told, unless it is 0. It is false if another epoch has
// begun since it was sent: then nobody knows whether it is there.
func (s *stream) recorded(b *Batch, row uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Epoch != s.epoch {
		return false
	}
	s.own = max(s.own, row)
	s.sawLocked(row, b.Nonce)
	return true
}

// behind is the newest row that this node has recorded, or that its followers were shown or are just shown, and its epoch.
func (s *stream) behind() (epoch string, row uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, max(s.own, s.row)
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
	case r.epoch != s.epoch: // one of both nodes will know soon that it has ended
		signal(s.doubt)
	case r.number > s.row:
		s.target = max(s.target, r.number)
		if _, known := s.rows[r.number]; known && !own || len(r.list) == 0 && !r.told || s.held+size > looseBytes && !own {
			return // it is read from the engine
		}
		s.rows[r.number] = r
		s.held += size
	case r.number == 0 && len(r.list) > 0 && (own || s.held+size <= looseBytes):
		s.loose = append(s.loose, looseRow{r, time.Now()})
		s.held += size
	}
}

// known says that a row of an epoch is there.
func (s *stream) known(epoch string, row uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch == s.epoch {
		s.target = max(s.target, row)
	}
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
	if lost := s.lost; lost != nil {
		s.lost = nil
		s.mu.Unlock()
		for _, tell := range lost {
			tell()
		}
		return 0, true
	}
	if r := s.nextLoose(); r != nil {
		s.mu.Unlock()
		s.deliver(r)
		return 0, true
	}
	if r := s.rows[s.row+1]; r != nil {
		delete(s.rows, r.number)
		s.held -= r.size()
		s.row, s.gap = r.number, time.Time{}
		s.sawLocked(r.number, r.nonce)
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	shown, epoch := s.row, s.epoch
	s.stopRead = cancel
	s.mu.Unlock()
	rows, err := s.rowsBehind(ctx, shown)
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
			if storeEpoch(e.Epoch) != epoch {
				signal(s.doubt)
				return time.Second, false
			}
			if byRow[n] == nil {
				byRow[n] = &row{epoch: epoch, number: n}
			}
			byRow[n].list = append(byRow[n].list, delivery{entry: e})
		}
		ranges = behindOf(ranges, entries)
		all = complete || len(ranges) == 0
	}
	for _, r := range found {
		s.mu.Lock()
		if s.epoch != epoch {
			s.mu.Unlock()
			return 0, true
		}
		s.row, s.gap = r.Number, time.Time{}
		s.sawLocked(r.Number, r.Nonce)
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

// hearing says of which rooms the entries of a row are of use that another node has told of. Whoever follows a room
// later than that finds reading above what was there before, and catches up.
func (s *stream) hearing(r *row) (wants func(room string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.epoch != s.epoch { // it may begin just now, and with it reading
		return func(string) bool { return true }
	}
	s.reading = max(s.reading, r.number) // before it asks what is wanted: see follow
	return s.wanted
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
		hole := s.holeLocked(d)
		s.mu.Unlock()
		if hole {
			if err := s.sure(); err != nil {
				s.loseAll(d.entry.Room, err)
			}
		}
		s.mu.Lock()
		if r.epoch != s.epoch {
			s.mu.Unlock()
			return
		}
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
			f.last(func() { f.to.Lost(lostIn(d.entry.Epoch, f.epoch)) })
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

// holeLocked reports whether entries are missing before one. Retention may have removed them, or an import begins there. But it may also be that
// the store was rolled back, a following has begun after that, and a hint is of before.
func (s *stream) holeLocked(d *delivery) bool {
	return d.entry.Kind.Recorded() && slices.ContainsFunc(s.followers[d.entry.Room], func(f *follower) bool {
		return !f.catching && d.entry.Seq > f.next && d.entry.Epoch == f.epoch
	})
}

// loseAll ends the followings of a room.
func (s *stream) loseAll(room string, why error) {
	s.mu.Lock()
	var lost []*follower
	for _, f := range s.followers[room] {
		if !f.catching {
			lost = append(lost, f)
		}
	}
	s.mu.Unlock()
	for _, f := range lost {
		s.unfollow(room, f)
		f.last(func() { f.to.Lost(journal.Lost{Why: why}) })
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
