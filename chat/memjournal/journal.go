package memjournal

import (
	"container/list"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Journal implements journal.Journal and journal.Restorer in memory.
type Journal struct {
	// Fixed.
	retention func(room string) journal.Retention
	records   records

	store
}

// New returns an empty journal. An epoch is the life of one room: a room that was
// removed and begins again has another one.
func New(opt Options) *Journal {
	if opt.Retention == nil {
		opt.Retention = defaultRetention
	}
	j := &Journal{
		retention: opt.Retention,
		records:   records{values: map[string][]byte{}},
		store:     store{rooms: map[string]*room{}, bySilence: list.New(), epoch: newEpoch()},
	}
	j.SetMaxBytes(opt.MaxBytes)
	return j
}

// SetMaxBytes changes Options.MaxBytes. It applies from the next entry on.
func (j *Journal) SetMaxBytes(n int64) {
	if n <= 0 {
		n = defaultMaxBytes
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.maxBytes = n
}

// Rooms calls each for every room that is kept, ordered by name. If each returns
// an error, Rooms stops and returns it.
func (j *Journal) Rooms(_ context.Context, each func(room string) error) error {
	j.mu.Lock()
	names := slices.Sorted(maps.Keys(j.rooms))
	j.mu.Unlock()
	for _, name := range names {
		if err := each(name); err != nil {
			return err
		}
	}
	return nil
}

// Stats returns the journal's figures.
func (j *Journal) Stats() journal.Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return journal.Stats{Entries: j.entries, Bytes: j.bytes}
}

// Append implements journal.Journal.
func (j *Journal) Append(e journal.Entry, done func(journal.Receipt, error)) {
	keep := j.retention(e.Room)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		done(journal.Receipt{}, journal.ErrClosed)
		return
	}
	r := j.roomLocked(e.Room)
	if first, ok := r.keys[messageKey{e.From.ID, e.Key}]; ok {
		j.mu.Unlock()
		first.Duplicate = true
		done(first, nil)
		return
	}
	r.at = max(r.at, time.Now().UnixMilli())
	e.At = r.at
	receipt := journal.Receipt{At: e.At}
	if e.Kind.Recorded() {
		e.Seq = r.last + 1
		receipt.Epoch, receipt.Seq = r.epoch, e.Seq
		j.recordLocked(r, e, keep, e.At)
	}
	idle := r.queue(e)
	j.mu.Unlock()

	done(receipt, nil)
	if idle {
		r.deliverAll()
	}
}

// roomLocked returns the room as the one that spoke last. It makes the room if
// there is none.
func (j *Journal) roomLocked(name string) *room {
	r := j.rooms[name]
	if r == nil {
		r = &room{name: name, epoch: j.epoch}
		r.element = j.bySilence.PushBack(r)
		j.rooms[name] = r
		j.bytes += roomCost
	}
	j.bySilence.MoveToBack(r.element)
	return r
}

// recordLocked records e as the newest entry of r and removes what the bounds no
// longer allow.
func (j *Journal) recordLocked(r *room, e journal.Entry, keep journal.Retention, now int64) {
	if e.Kind.Effect() == journal.Erase {
		j.eraseLocked(r, e.Target)
	}
	if e.Key != "" {
		if r.keys == nil {
			r.keys = map[messageKey]journal.Receipt{}
		}
		k := messageKey{e.From.ID, e.Key}
		r.keys[k] = journal.Receipt{Epoch: r.epoch, Seq: e.Seq, At: e.At}
		r.keyOrder = append(r.keyOrder, k)
		j.bytes += keyCost
	}
	r.entries, r.last = append(r.entries, e), e.Seq
	j.entries++
	j.growLocked(r, int64(e.Size()))
	j.trimLocked(r, keep, now)
	j.trimKeysLocked(r, now)
	j.shrinkLocked()
}

// eraseLocked erases the body of an entry that is kept. A page or a delivery may
// hold a copy of the entry and shares its body, so the bytes are not touched.
func (j *Journal) eraseLocked(r *room, target journal.Seq) {
	if e := r.entry(target); e != nil && e.Kind.Erasable() {
		j.growLocked(r, -int64(len(e.Body)))
		e.Body, e.Text, e.Recalled = nil, false, true
	}
}

// Read implements journal.Journal. Reading does not make a room.
func (j *Journal) Read(_ context.Context, q journal.Query) (journal.Page, error) {
	keep := j.retention(q.Room)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return journal.Page{}, journal.ErrClosed
	}
	r := j.rooms[q.Room]
	if r == nil {
		return journal.Page{Epoch: j.epoch, First: 1}, nil
	}
	j.trimLocked(r, keep, time.Now().UnixMilli())
	return r.page(q), nil
}

// Follow implements journal.Journal.
func (j *Journal) Follow(name string, deliver func(journal.Entry)) (func(), error) {
	f := &follower{deliver}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, journal.ErrClosed
	}
	r := j.roomLocked(name)
	r.followers = append(slices.Clone(r.followers), f)
	return func() { j.unfollow(r, f) }, nil
}

// unfollow returns when everything that was queued before has been delivered. It
// may be called again.
func (j *Journal) unfollow(r *room, f *follower) {
	fence := make(chan struct{})
	j.mu.Lock()
	r.followers = slices.DeleteFunc(slices.Clone(r.followers), func(g *follower) bool { return g == f })
	idle := r.outgoing.Put(delivery{fence: fence})
	if len(r.followers) == 0 && r.last == 0 && j.rooms[r.name] == r {
		j.dropRoomLocked(r)
	}
	j.mu.Unlock()
	if idle {
		r.deliverAll()
	}
	<-fence
}

// Records implements journal.Journal.
func (j *Journal) Records() journal.Records { return &j.records }

// Close implements journal.Journal.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.records.close()
	rooms := slices.Collect(maps.Values(j.rooms))
	j.mu.Unlock()
	for _, r := range rooms {
		j.mu.Lock()
		followers := r.followers
		j.mu.Unlock()
		for _, f := range followers {
			j.unfollow(r, f)
		}
	}
	return nil
}
