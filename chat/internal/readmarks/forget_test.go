package readmarks

import (
	"context"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// The marks of a user, or of a room, go: those of users, of guests, and those of before
// marks had a count. All others stay.
func TestMarks_Forget(t *testing.T) {
	at := Mark{"a", 1, 1, 0}
	keys := []Key{{User: "ann", Room: "tea", Guest: false}, {User: "ann", Room: "rum", Guest: false}, {User: "anna", Room: "tea", Guest: false}, {User: "g", Room: "tea", Guest: true}, {User: "g", Room: "rum", Guest: true}}
	for _, c := range []struct {
		of    Of
		stays []bool
	}{
		{Of{User: "ann"}, []bool{false, false, true, true, true}},
		{Of{Room: "tea"}, []bool{false, true, false, false, true}},
		{Of{User: "g"}, []bool{true, true, true, false, false}},
		{Of{User: "tea"}, []bool{true, true, true, true, true}},
	} {
		records := memjournal.New(memjournal.Options{}).Records()
		m := New(records)
		for _, k := range keys {
			move(t, m, k, at, 10)
		}
		old := Key{User: "ann", Room: "old", Guest: false}
		if err := records.Put(t.Context(), old.oldRecord(), []byte(`{"epoch":"a","seq":1}`)); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, stays := range c.stays {
			if !stays {
				want++
			}
		}
		if c.of.User == "ann" {
			want++
		}
		if n, err := m.Count(t.Context(), c.of); n != want || err != nil {
			t.Errorf("%+v: counted %d, %v, want %d", c.of, n, err, want)
		}
		if n, err := m.Forget(t.Context(), c.of); n != want || err != nil {
			t.Errorf("%+v: forgot %d, %v, want %d", c.of, n, err, want)
		}
		for i, got := range get(t, m, keys...) {
			if (got == at) != c.stays[i] {
				t.Errorf("%+v: the mark of %v is %v", c.of, keys[i], got)
			}
		}
		if n, err := m.Count(t.Context(), c.of); n != 0 || err != nil {
			t.Errorf("%+v: %d are left, %v", c.of, n, err)
		}
		if got := get(t, m, old)[0]; (got.Seq == 1) != (c.of.User != "ann") {
			t.Errorf("%+v: the old mark is %v", c.of, got)
		}
	}
}

func TestMarks_Forget_SaysWhyNot(t *testing.T) {
	records := memjournal.New(memjournal.Options{}).Records()
	move(t, New(records), ann, Mark{"a", 1, 1, 0}, 1)
	m := New(unwritable{records})
	if n, err := m.Forget(t.Context(), Of{User: "ann"}); n != 0 || err != errFull {
		t.Errorf("forgot %d, %v", n, err)
	}
}

type unwritable struct{ journal.Records }

func (unwritable) Put(context.Context, string, []byte) error { return errFull }
