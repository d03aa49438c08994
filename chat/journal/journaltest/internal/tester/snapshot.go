package tester

import (
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Snapshot returns all that a journal shows of these rooms, and all records: a line
// for each thing.
func (t *T) Snapshot(rooms ...string) []string {
	t.Helper()
	var lines []string
	for _, room := range rooms {
		t.CheckRoom(room)
		head := t.Head(room)
		head.Newest.Body = nil // it is among the entries
		lines = append(lines, fmt.Sprintf("head of %q: %+v, page %+v", room, head, t.Read(journal.Query{Room: room})))
		for _, e := range t.All(room) {
			body := e.Body
			e.Body = nil
			lines = append(lines, fmt.Sprintf("entry of %q: %+v, body %q", room, e, body))
		}
	}
	f := t.Feed()
	for _, e := range f.Entries {
		lines = append(lines, fmt.Sprintf("in the feed of %s: %d of %q in %s, %d", f.epoch, e.Seq, e.Room, e.Epoch, e.Position))
	}
	for _, m := range f.Missing {
		for seq := m.From; seq <= m.To; seq++ {
			lines = append(lines, fmt.Sprintf("missing in the feed: %d of %q", seq, m.Room))
		}
	}
	err := t.J.Records().Scan(Background, "", func(r journal.Record) error {
		lines = append(lines, fmt.Sprintf("record %q: %q, %+v", r.Key, r.Value, r.Stamp))
		return nil
	})
	if err != nil {
		t.Errorf("Scan: %v", err)
	}
	return lines
}

// CheckSnapshot checks that a journal shows what it did before.
func (t *T) CheckSnapshot(before []string, rooms ...string) {
	t.Helper()
	after := t.Snapshot(rooms...)
	for i, line := range before {
		if i >= len(after) || after[i] != line {
			t.Fatalf("%d and %d lines, before:\n%s\nafter:\n%s", len(before), len(after), line, append(after, "nothing")[min(i, len(after))])
		}
	}
	if len(after) > len(before) {
		t.Fatalf("nothing before, after:\n%s", after[len(before)])
	}
}
