package simulation

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// model is what a journal should contain, kept in the simplest way.
type model struct {
	keep    func(room string) int // retention by count; 0: everything
	rooms   map[string]*modelRoom
	records map[string]journal.Record
}

type modelRoom struct {
	entries   []journal.Entry            // by number, also those that are no longer kept
	first     journal.Seq                // the oldest that is kept for certain
	state     journal.Seq                // the newest governing entry
	keys      map[string]journal.Receipt // the first receipt by user and key
	delivered []journal.Entry            // what should have been delivered
}

func newModel(keep func(room string) int) *model {
	return &model{keep: keep, rooms: map[string]*modelRoom{}, records: map[string]journal.Record{}}
}

func (m *model) room(name string) *modelRoom {
	r := m.rooms[name]
	if r == nil {
		r = &modelRoom{first: 1, keys: map[string]journal.Receipt{}}
		m.rooms[name] = r
	}
	return r
}

func claim(e *journal.Entry) string { return fmt.Sprintf("%q %q", e.From.ID, e.Key) }

// last is the newest number.
func (r *modelRoom) last() journal.Seq { return journal.Seq(len(r.entries)) }

// oldest returns the number below which retention may have removed entries, and may
// not have done so yet.
func (m *model) oldest(name string) journal.Seq {
	r := m.room(name)
	if n := m.keep(name); n > 0 && len(r.entries) >= n {
		return max(r.first, r.last()+2-journal.Seq(n)) // the one that is appended counts already
	}
	return r.first
}

// trim is what Trim, or retention that was enforced, does to the model.
func (m *model) trim(name string, below journal.Seq) {
	r := m.room(name)
	if n := m.keep(name); n > 0 && len(r.entries) > n {
		below = max(below, r.last()+1-journal.Seq(n))
	}
	r.first = max(r.first, min(below, r.last()+1))
}

// judge returns what must become of e now: the first receipt of its key, or an error.
// Where retention is free to have removed something, it follows got.
func (m *model) judge(e *journal.Entry, got error) (*journal.Receipt, error) {
	r := m.room(e.Room)
	if first, used := r.keys[claim(e)]; used && e.Key != "" {
		return &first, nil
	}
	if e.Kind.Effect() == journal.Replace {
		free := e.Target >= r.first && e.Target < m.oldest(e.Room)
		if r.message(e.Target) == nil || free && errors.Is(got, journal.ErrNoTarget) {
			return nil, journal.ErrNoTarget
		}
	}
	if e.Since > 0 && r.state >= e.Since {
		return nil, journal.ErrStale
	}
	return nil, nil
}

// message returns the message with this number if it is kept and not recalled.
func (r *modelRoom) message(seq journal.Seq) *journal.Entry {
	if seq < r.first || seq > r.last() || !r.entries[seq-1].Kind.Erasable() || r.entries[seq-1].Recalled {
		return nil
	}
	return &r.entries[seq-1]
}

// answer adds e to the model as a journal should, given its answer. It returns an
// error if the answer is wrong.
func (m *model) answer(e journal.Entry, got journal.Receipt, err error) error {
	if e.Kind.Recorded() {
		first, want := m.judge(&e, err)
		switch {
		case want != nil || err != nil:
			if !errors.Is(err, want) {
				return fmt.Errorf("answer %+v, %v, want %v", got, err, want)
			}
			return nil
		case first != nil:
			return m.checkDuplicate(&e, got, *first)
		}
	}
	return m.record(e, got)
}

func (m *model) checkDuplicate(e *journal.Entry, got, first journal.Receipt) error {
	r := m.room(e.Room)
	if first.Duplicate = true; first.Seq < r.first || first.Seq < m.oldest(e.Room) && got.Position == 0 {
		first.Count, first.Position = 0, 0
	}
	return expect(got, first)
}

func (m *model) record(e journal.Entry, got journal.Receipt) error {
	r := m.room(e.Room)
	e.At = got.At
	if !e.Kind.Recorded() {
		r.delivered = append(r.delivered, e)
		return expect(got, journal.Receipt{At: got.At})
	}
	e.Seq, e.Position = r.last()+1, got.Position
	if len(r.entries) > 0 {
		before := r.entries[e.Seq-2]
		if e.Count = before.Count; got.At < before.At || got.Position <= before.Position {
			return fmt.Errorf("receipt %+v behind %+v", got, before)
		}
	}
	if e.Counts() {
		e.Count++
	}
	if e.Kind.Governs() {
		r.state = e.Seq
	}
	for _, w := range e.With {
		w.Stamp = journal.Stamp{Seq: e.Seq, Count: e.Count, Position: e.Position}
		if m.records[w.Key] = w; w.Value == nil {
			delete(m.records, w.Key)
		}
	}
	if e.Since, e.With = 0, nil; e.Kind.Effect() != journal.NoEffect {
		if target := r.message(e.Target); target != nil {
			m.change(&e, target)
		}
	}
	r.entries, r.delivered = append(r.entries, e), append(r.delivered, e)
	if e.Key != "" {
		r.keys[claim(&e)] = got
	}
	return expect(got, journal.Receipt{Epoch: got.Epoch, Seq: e.Seq, At: got.At, Count: e.Count, Position: got.Position})
}

func (m *model) change(e, target *journal.Entry) {
	switch e.Kind.Effect() {
	case journal.Erase:
		target.Body, target.Text, target.Recalled = nil, false, true
	case journal.Replace:
		target.Body, target.Text, target.Edited = e.Body, e.Text, e.Seq
	}
}

// kept returns the entries of a room that are kept, as they must be read.
func (m *model) kept(name string) []journal.Entry {
	r := m.room(name)
	list := slices.Clone(r.entries[r.first-1:])
	for i := range list {
		if e := &list[i]; e.Kind.Effect() == journal.Replace {
			if e.Body, e.Text = nil, false; r.message(e.Target) != nil {
				e.Body, e.Text = r.message(e.Target).Body, r.message(e.Target).Text
			}
		}
	}
	return list
}

func expect(got, want journal.Receipt) error {
	if got != want {
		return fmt.Errorf("receipt %+v, want %+v", got, want)
	}
	return nil
}
