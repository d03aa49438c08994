package memjournal

import (
	"bytes"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// checkLocked returns why an entry may not be recorded in a room, which may be nil.
func (s *store) checkLocked(r *room, e *journal.Entry) error {
	if e.Kind.Effect() == journal.Replace && (r == nil || r.target(e.Target) == nil) {
		return journal.ErrNoTarget
	}
	if e.Since > 0 && r != nil && r.state >= e.Since {
		return journal.ErrStale
	}
	return s.checkSpaceLocked(s.addsLocked(r, e))
}

// addsLocked returns what an entry adds to the records and to the rooms that last.
func (s *store) addsLocked(r *room, e *journal.Entry) (n int64) {
	if lasting(e) && (r == nil || !r.lasts) {
		n = (&life{name: e.Room}).cost()
	}
	switch len(e.With) {
	case 0:
		return n
	case 1:
		return n + s.records.growth(&e.With[0])
	}
	last := make(map[string]int, len(e.With)) // the last word for a key counts
	for i := range e.With {
		last[e.With[i].Key] = i
	}
	for _, i := range last {
		n += s.records.growth(&e.With[i])
	}
	return n
}

// recordLocked records e, whose Seq and At are set, as the newest entry of r, queues the
// deliveries, and removes what the bounds no longer allow. It returns due, and who must
// be drained.
func (s *store) recordLocked(r *room, e *journal.Entry, keep journal.Retention, now int64, due []drainer) []drainer {
	s.position++
	if e.Counts() {
		r.count++
	}
	with := e.With
	e.Count, e.Position, e.Epoch, e.Since, e.With = r.count, s.position, "", 0, nil
	s.affectLocked(r, e)
	s.keepLocked(r, e)
	for _, rec := range with {
		rec.Value = bytes.Clone(rec.Value)
		rec.Stamp = journal.Stamp{Seq: e.Seq, Count: e.Count, Position: e.Position}
		due = s.records.set(rec, due)
	}
	if r.queue(e) {
		due = append(due, &r.outgoing)
	}
	due = s.feed.queue(e, r.life.epoch, due)
	s.feed.add(place{e.Position, r.life, e.Seq, now}, s.maxBytes/10)

	s.trimLocked(r, keep, now)
	s.expireLocked(now)
	s.shrinkLocked(r)
	return due
}

// affectLocked does what e does to its target and to its room's head.
func (s *store) affectLocked(r *room, e *journal.Entry) {
	if e.Counts() {
		r.newest = e.Seq
	}
	if e.Kind.Governs() {
		r.state = e.Seq
	}
	if lasting(e) && !r.lasts {
		r.lasts = true
		s.lasting += r.life.cost()
	}
	t := r.target(e.Target)
	if t == nil || e.Kind.Effect() == journal.NoEffect {
		return
	}
	if e.Kind.Effect() == journal.Replace && e.Body == nil && !e.Text {
		return // it was restored, and its target was gone where it came from
	}
	// A page or a delivery may hold a copy of the target, which shares its body: the
	// bytes are not touched.
	before := t.size
	if e.Kind.Effect() == journal.Erase {
		t.put(nil, false)
		t.recalled = true
	} else {
		t.put(e.Body, e.Text)
		t.edited = e.Seq
	}
	s.growLocked(r, int64(t.size)-int64(before))
}

// keepLocked keeps e and its key.
func (s *store) keepLocked(r *room, e *journal.Entry) {
	k := keep(e)
	if e.Kind.Effect() == journal.Replace {
		k.put(nil, false)
	}
	r.entries.push(k)
	r.last, r.lastAt, r.position = e.Seq, e.At, e.Position
	s.entries++
	s.recorded++
	s.growLocked(r, int64(k.size))
	s.bytes += entryExtra
	s.keepKeyLocked(r, e)
	s.spokeLocked(r)
}

func (s *store) keepKeyLocked(r *room, e *journal.Entry) {
	k := messageKey{e.From.ID, e.Key}
	if _, known := r.keys[k]; known || e.Key == "" {
		return // a restored entry may repeat a key: the first one counts
	}
	if r.keys == nil {
		r.keys = map[messageKey]firstUse{}
	}
	r.keys[k] = firstUse{e.Seq, e.At}
	r.keyOrder.push(k)
	s.bytes += k.cost()
}
