package shared

import (
	"reflect"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/packing"
)

func hinted() *row {
	return &row{number: 7, behind: 6, told: true, list: []delivery{
		{journal.Entry{
			Room: "r\xff", Kind: journal.Message, Text: true, Quiet: true, From: journal.User{ID: "u", Name: "n", Avatar: "a", Guest: true}, Key: "k\x00", Target: 3,
			Mentions: []string{"", "m"}, Via: "v", Body: []byte("b"), Origin: journal.Origin{Node: "o", Session: "s"}, Seq: 9, At: 10, Count: 5, Position: 6200, Epoch: "e",
		}, time.Unix(0, 11)},
		{journal.Entry{Room: "r", Kind: journal.Signal, Body: []byte{}}, time.Unix(0, 12)},
	}}
}

func decoded(b []byte) (part int, r *row, err error) {
	d := &packing.Reader{B: b}
	part, r, n := decodeRow(d)
	if d.Failed {
		return 0, nil, errHint
	}
	return part, r, r.decodeEntries(d, n, func(string) bool { return true })
}

func TestHint_KeepsARow(t *testing.T) {
	want := hinted()
	b := encodeRow(nil, 3, want)
	part, got, err := decoded(b[1:])
	if err != nil || part != 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("part %d, %v\n got %+v\nwant %+v", part, err, got, want)
	}
	for n := 1; n < len(b); n++ {
		if _, _, err := decoded(b[1:n]); err == nil {
			t.Errorf("the first %d bytes can be read", n)
		}
	}
}

// A transient entry of a node whose clock is an hour behind is shown to whoever follows its room before it comes.
func TestHint_ClocksOfNodesDiffer(t *testing.T) {
	c := newCore(nil, nil)
	j := &Journal{core: c, parts: []*part{newPart(c, nil, 0, Marks{Epoch: "e", Parts: []Mark{{}}})}}
	f := &follower{since: time.Now()}
	j.parts[0].stream.followers["r"] = []*follower{f}
	j.heard(encodeRow(nil, 0, &row{epoch: "e", list: []delivery{{journal.Entry{Room: "r", Kind: journal.Signal}, time.Now().Add(-time.Hour)}}}))
	if due, _ := f.due(&j.parts[0].stream.loose[0].list[0]); !due {
		t.Error("it is not shown")
	}
}

// Of a row, what nobody follows here is not read. Whoever follows such a room before the row is shown catches up.
func TestHint_OfRoomsThatAreFollowed(t *testing.T) {
	c := newCore(nil, nil)
	s := newPart(c, nil, 0, Marks{Epoch: "e", Parts: []Mark{{Row: 6}}}).stream
	j := &Journal{core: c, parts: []*part{{core: c, stream: s}}}
	s.followers["b"] = []*follower{{}}
	r := &row{epoch: "e", number: 7}
	for _, room := range []string{"a", "a", "b", "c"} {
		r.list = append(r.list, delivery{journal.Entry{Room: room, Kind: journal.Message, Epoch: "e"}, time.Now()})
	}
	j.heard(encodeRow(nil, 0, r))
	if got := s.rows[7]; got == nil || !got.told || len(got.list) != 1 || got.list[0].entry.Room != "b" {
		t.Fatalf("of the row there is %+v", got)
	}
	for newest, catching := range map[uint64]bool{6: true, 7: false} {
		f := &follower{epoch: "e"}
		if followed, err := s.follow("a", f, newest, false); !followed || err != nil || f.catching != catching {
			t.Errorf("who follows when row %d was the newest: %v, %v, catches up: %v", newest, followed, err, f.catching)
		}
	}

	r.epoch, r.number = "another", 8
	j.heard(encodeRow(nil, 0, r))
	if s.reading != 7 {
		t.Errorf("a row of another epoch was taken for one of this: %d", s.reading)
	}
	none := &row{epoch: "e", number: 9, list: r.list[3:]}
	j.heard(encodeRow(nil, 0, none))
	if got := s.rows[9]; got == nil || !got.told || got.list != nil {
		t.Errorf("of a row that nobody here wants there is %+v", got)
	}
	untold := &row{epoch: "e", number: 10}
	j.heard(encodeRow(nil, 0, untold))
	if s.rows[10] != nil || s.target != 10 {
		t.Error("a row whose entries were not told is not read from the engine")
	}
}

func FuzzHint(f *testing.F) {
	f.Add(encodeRow(nil, 3, hinted())[1:])
	f.Fuzz(func(t *testing.T, b []byte) {
		part, r, err := decoded(b)
		if err != nil {
			return
		}
		again := encodeRow(nil, part, r)[1:]
		if _, other, err := decoded(again); err != nil || !reflect.DeepEqual(r, other) {
			t.Errorf("%x was read as %+v, and then as %+v, %v", b, r, other, err)
		}
	})
}
