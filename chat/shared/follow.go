package shared

import (
	"context"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Follow implements journal.Journal. It returns when it has delivered what was there before.
func (j *Journal) Follow(room string, after journal.Seq, to journal.Follower) (journal.Start, error) {
	if err := j.use(j.ctx); err != nil {
		return journal.Start{}, j.failed(err)
	}
	p := j.part(room).stream
	since := time.Now()
	var head journal.Head
	var f *follower
	for followed := false; !followed; {
		var newest uint64
		var err error
		if head, newest, err = j.engine.Begin(j.ctx, room, p.number); err != nil {
			return journal.Start{}, j.failed(err)
		}
		f = &follower{caller: caller{log: j.log}, to: to, epoch: head.Epoch, began: LastOf(newest), since: since, next: head.Last + 1}
		if after < head.Last {
			f.next = after + 1
		}
		if followed, err = p.follow(room, f, newest, after < head.Last); err != nil {
			return journal.Start{}, err
		}
		if !followed {
			if _, err := j.compare(j.ctx); err != nil {
				return journal.Start{}, j.failed(err)
			}
		}
	}
	for f.catching {
		if err := p.catchUp(room, f); err != nil {
			p.unfollow(room, f)
			f.stop()
			return journal.Start{}, j.failed(err)
		}
	}
	return journal.Start{Epoch: head.Epoch, Last: head.Last, Stop: func() {
		p.unfollow(room, f)
		f.stop()
	}}, nil
}

// follow adds a follower. It must catch up if it asks for what was there at the row newest, or if a later row
// was shown already, or is just read: perhaps without this room. It does not follow if the epoch of the store is another one.
func (s *stream) follow(room string, f *follower, newest uint64, behind bool) (followed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false, journal.ErrClosed
	}
	if storeEpoch(f.epoch) != s.epoch {
		return false, nil
	}
	f.catching = behind || max(s.row, s.reading) > newest
	s.followers[room] = append(slices.Clip(s.followers[room]), f)
	return true, nil
}

// catchUp delivers a page. With the last one, the follower has caught up: what came meanwhile is in
// the pages, or is delivered by the part from now on.
func (s *stream) catchUp(room string, f *follower) error {
	s.mu.Lock()
	next := f.next
	s.mu.Unlock()
	pages, err := s.engine.Pages(s.ctx, []PageQuery{{journal.Query{Room: room, After: next - 1, Limit: 500, Bytes: bytesAtOnce}, s.number}}, 0)
	if err != nil {
		return err
	}
	page := &pages[0]
	if page.Epoch != f.epoch {
		s.mu.Lock()
		f.catching = false
		s.mu.Unlock()
		s.unfollow(room, f)
		f.last(func() { f.to.Lost(lostIn(page.Epoch, f.epoch)) })
		return nil
	}
	for _, e := range page.Entries {
		f.deliver(e)
		next = e.Seq + 1
	}
	s.mu.Lock()
	if f.lost {
		f.catching = false
		s.mu.Unlock()
		f.last(func() { f.to.Lost(journal.Lost{Why: errRolledBack}) })
		return nil
	}
	f.next = next
	lacks := false
	switch {
	case page.More:
	case f.missed < next:
		f.catching = false
	case page.First > f.missed:
		f.next, f.catching = page.First, false // what was missed is no longer kept
	default:
		lacks = true
	}
	s.mu.Unlock()
	if !lacks {
		return nil
	}
	if err := s.sure(); err != nil { // if the store has lost what this node was told of, another epoch begins, and f is lost
		return err
	}
	select {
	case <-time.After(10 * time.Millisecond):
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// FollowFeed implements journal.Feeder.
func (j *Journal) FollowFeed(part int, wants func(room string) bool, deliver func(journal.Entry), lost func(journal.Lost)) (stop func(), err error) {
	if err := j.checkPart(part); err != nil {
		return nil, err
	}
	p := j.parts[part].stream
	f := &feedFollower{caller: caller{log: j.log}, wants: wants, show: deliver, lost: lost}
	for followed := false; !followed; {
		if err := j.use(j.ctx); err != nil {
			return nil, j.failed(err)
		}
		marks, err := j.compare(j.ctx)
		if err != nil {
			return nil, j.failed(err)
		}
		if followed, err = p.followFeed(f, marks.Epoch, marks.Parts[part].Row); err != nil {
			return nil, err
		}
	}
	return func() {
		p.mu.Lock()
		p.feeds = slices.DeleteFunc(slices.Clone(p.feeds), func(x *feedFollower) bool { return x == f })
		p.mu.Unlock()
		f.stop()
	}, nil
}

// followFeed adds a follower of the feed, unless another epoch has begun. There was the row newest.
func (s *stream) followFeed(f *feedFollower, epoch string, newest uint64) (followed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return false, journal.ErrClosed
	case s.epoch != epoch:
		return false, nil
	}
	// A row that was there before may not be shown here yet. One that is shown and above the
	// mark was recorded before this returns, so it is in the Feed that is read then.
	f.fromRow = max(s.row, newest)
	s.feeds = append(slices.Clip(s.feeds), f)
	return true, nil
}

// placesAtOnce is how many places of the feed a page has at most.
const placesAtOnce = 4096

// Feed implements journal.Feeder.
func (j *Journal) Feed(ctx context.Context, q journal.FeedQuery) (journal.FeedPage, error) {
	if err := j.use(ctx); err != nil {
		return journal.FeedPage{}, err
	}
	if err := j.checkPart(q.Part); err != nil {
		return journal.FeedPage{}, err
	}
	for {
		page, again, err := j.feed(ctx, q)
		if err != nil || !again {
			return page, j.failed(err)
		}
	}
}

// feed reads a page, or asks for another try if rows were forgotten meanwhile.
func (j *Journal) feed(ctx context.Context, q journal.FeedQuery) (page journal.FeedPage, again bool, err error) {
	marks, err := j.engine.Marks(ctx, Standing{})
	if err != nil {
		return page, false, err
	}
	m := marks.Parts[q.Part]
	page.Epoch, page.First, page.Last = marks.Epoch, LastOf(m.Gone), m.Last
	page.Next = min(max(q.After, page.First), page.Last)
	if q.Limit <= 0 || page.Next == page.Last {
		return page, false, nil
	}
	from := RowOf(page.Next)
	if page.Next < LastOf(from) {
		from-- // a part of that row was read
	}
	rows, err := j.parts[q.Part].stream.rowsBehind(ctx, from)
	if err != nil {
		return page, false, err
	}
	if len(rows) == 0 || rows[0].Number != from+1 {
		return page, true, nil
	}
	places, cut := placesOf(rows, page.Next, m.Row, min(q.Limit, placesAtOnce))
	bytes := q.Bytes
	if bytes <= 0 {
		bytes = bytesAtOnce
	}
	entries, all, err := j.engine.Entries(ctx, rangesOf(places), bytes)
	if err != nil {
		return page, false, err
	}
	if len(entries) > 0 && storeEpoch(entries[0].Epoch) != marks.Epoch {
		return page, true, nil
	}
	fillPage(&page, places, entries, all)
	if all && !cut && (len(rows) < rowsAtOnce || rows[len(rows)-1].Number >= m.Row) {
		page.Next = page.Last
	}
	return page, false, nil
}
