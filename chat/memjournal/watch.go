package memjournal

import (
	"context"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Follow implements journal.Journal. Lost is never called: memory loses nothing that
// somebody follows.
func (j *Journal) Follow(name string, after journal.Seq, to journal.Follower) (journal.Start, error) {
	f := newFollower(j.log, to.Deliver)
	keep := j.retention(name)
	if err := j.lock(context.Background()); err != nil {
		return journal.Start{}, err
	}
	r := j.roomLocked(name)
	j.trimLocked(r, keep, now())
	idle := r.follow(f, after)
	j.listLocked(r)
	start := journal.Start{Epoch: r.life.epoch, Last: r.last}
	start.Stop = j.stopperLocked(func() { j.unfollow(r, f) })
	j.mu.Unlock()
	if idle {
		r.outgoing.drain()
	}
	return start, nil
}

// follow adds a follower, who gets the entries behind after before any later one. If it
// returns true, outgoing must be drained.
func (r *room) follow(f *follower[journal.Entry], after journal.Seq) (idle bool) {
	if after < r.last {
		alone := []*follower[journal.Entry]{f}
		for _, e := range r.listed(r.index(after+1), r.entries.len()) {
			idle = r.outgoing.Put(delivery{e, alone}) || idle
		}
	}
	r.followers = append(slices.Clip(r.followers), f)
	return idle
}

// unfollow returns after the last call of f.
func (s *store) unfollow(r *room, f *follower[journal.Entry]) {
	s.mu.Lock()
	if r.unfollow(f) {
		s.listLocked(r)
		if len(r.followers) == 0 && r.last == 0 {
			s.dropRoomLocked(r)
		}
	}
	s.mu.Unlock()
	f.stop()
}

// Parts implements journal.Feeder: there is one part.
func (j *Journal) Parts() int { return 1 }

// Part implements journal.Feeder.
func (j *Journal) Part(string) int { return 0 }

func checkPart(part int) error {
	if part != 0 {
		return fmt.Errorf("the feed has no part %d, only part 0", part)
	}
	return nil
}

// Positions implements journal.Feeder.
func (j *Journal) Positions(ctx context.Context) ([]journal.Position, error) {
	if err := j.lock(ctx); err != nil {
		return nil, err
	}
	defer j.mu.Unlock()
	return []journal.Position{j.position, j.records.updates}, nil
}

// FollowFeed implements journal.Feeder. lost is never called.
func (j *Journal) FollowFeed(part int, wants func(room string) bool, deliver func(journal.Entry), _ func(journal.Lost)) (stop func(), err error) {
	if err := checkPart(part); err != nil {
		return nil, err
	}
	o := &outlet[journal.Entry]{follower: newFollower(j.log, func(e journal.Entry) {
		if wants(e.Room) {
			deliver(e)
		}
	})}
	if err := j.lock(context.Background()); err != nil {
		return nil, err
	}
	defer j.mu.Unlock()
	j.feed.follow(o)
	return j.stopperLocked(func() {
		j.mu.Lock()
		j.feed.unfollow(o)
		j.mu.Unlock()
		o.stop()
	}), nil
}

// placesAtOnce is how many places of the feed one page looks at.
const placesAtOnce = 4096

// Feed implements journal.Feeder.
func (j *Journal) Feed(ctx context.Context, q journal.FeedQuery) (journal.FeedPage, error) {
	if err := checkPart(q.Part); err != nil {
		return journal.FeedPage{}, err
	}
	if err := j.lock(ctx); err != nil {
		return journal.FeedPage{}, err
	}
	defer j.mu.Unlock()
	page := feedPage{q: q, missing: map[*life]int{}}
	page.Epoch, page.First, page.Last = j.epoch, j.feed.forgotten, j.position
	page.Next = min(max(q.After, page.First), page.Last)
	from, all := j.feed.behind(q.After), j.feed.places.len()
	to := min(all, from+placesAtOnce)
	for i := from; i < to; i++ {
		p := j.feed.places.at(i)
		if !page.add(p, j.feedEntryLocked(p)) {
			return page.FeedPage, nil
		}
	}
	if to == all {
		page.Next = page.Last
	}
	return page.FeedPage, nil
}

// feedEntryLocked returns the entry of a place, or nil if it is no longer kept.
func (s *store) feedEntryLocked(p *place) *journal.Entry {
	r := s.rooms[p.life.name]
	if r == nil || r.life != p.life {
		return nil // another life of that name
	}
	s.trimLocked(r, r.keep, now())
	if r.entry(p.seq) == nil {
		return nil
	}
	shown := r.shown(r.index(p.seq))
	shown.Epoch = r.life.epoch
	return &shown
}

// feedPage is a page of the feed that is being read.
type feedPage struct {
	journal.FeedPage
	q       journal.FeedQuery
	size    int           // of Entries
	missing map[*life]int // which one of Missing is that of a life
}

// add adds a place and its entry, or reports that there is no room for it.
func (f *feedPage) add(p *place, e *journal.Entry) bool {
	if len(f.Entries) >= f.q.Limit {
		return false
	}
	if e == nil {
		f.miss(p)
	} else {
		f.size += e.Size()
		if f.q.Bytes > 0 && f.size > f.q.Bytes && len(f.Entries) > 0 {
			return false
		}
		f.Entries = append(f.Entries, *e)
	}
	f.Next = p.position
	return true
}

// miss adds an entry that is no longer kept. A room loses its entries in order, so what
// a page misses of one life of a room is in one piece.
func (f *feedPage) miss(p *place) {
	if i, ok := f.missing[p.life]; ok {
		f.Missing[i].To = p.seq
		return
	}
	f.missing[p.life] = len(f.Missing)
	f.Missing = append(f.Missing, journal.Missing{Room: p.life.name, From: p.seq, To: p.seq})
}
