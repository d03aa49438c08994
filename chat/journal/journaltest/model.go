package journaltest

import (
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// model is what a journal should contain, kept in the simplest way.
type model struct {
	rooms   map[string]*modelRoom
	records map[string]string
}

type modelRoom struct {
	entries   []journal.Entry
	keys      map[string]journal.Receipt // the first receipt by user and key
	delivered []journal.Entry            // what should have been delivered
}

func newModel() *model {
	return &model{rooms: map[string]*modelRoom{}, records: map[string]string{}}
}

func (m *model) room(name string) *modelRoom {
	r := m.rooms[name]
	if r == nil {
		r = &modelRoom{keys: map[string]journal.Receipt{}}
		m.rooms[name] = r
	}
	return r
}

// append adds e to the model as a journal should, given the receipt that the journal
// gave. It returns an error if the receipt is wrong.
func (m *model) append(e journal.Entry, got journal.Receipt) error {
	r := m.room(e.Room)
	e.At = got.At
	if !e.Kind.Recorded() {
		r.delivered = append(r.delivered, e)
		return expect(got, journal.Receipt{At: got.At})
	}
	key := fmt.Sprintf("%q %q", e.From.ID, e.Key)
	if first, used := r.keys[key]; used && e.Key != "" {
		first.Duplicate = true
		return expect(got, first)
	}
	e.Seq = journal.Seq(len(r.entries) + 1)
	if n := len(r.entries); n > 0 && got.At < r.entries[n-1].At {
		return fmt.Errorf("time is %d after %d", got.At, r.entries[n-1].At)
	}
	if e.Kind == journal.Recall && e.Target > 0 && int(e.Target) <= len(r.entries) {
		if target := &r.entries[e.Target-1]; target.Kind == journal.Message {
			target.Body, target.Text, target.Recalled = nil, false, true
		}
	}
	r.entries = append(r.entries, e)
	r.delivered = append(r.delivered, e)
	r.keys[key] = got
	return expect(got, journal.Receipt{Epoch: got.Epoch, Seq: e.Seq, At: got.At})
}

func expect(got, want journal.Receipt) error {
	if got != want {
		return fmt.Errorf("receipt %+v, want %+v", got, want)
	}
	return nil
}
