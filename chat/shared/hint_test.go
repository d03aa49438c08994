package shared

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func hinted() *row {
	return &row{number: 7, behind: 6, list: []delivery{
		{journal.Entry{
			Room: "r\xff", Kind: journal.Message, Text: true, Quiet: true, From: journal.User{ID: "u", Name: "n", Avatar: "a", Guest: true}, Key: "k\x00", Target: 3,
			Mentions: []string{"", "m"}, Via: "v", Body: []byte("b"), Origin: journal.Origin{Node: "o", Session: "s"}, Seq: 9, At: 10, Count: 5, Position: 6200, Epoch: "e",
		}, time.Unix(0, 11)},
		{journal.Entry{Room: "r", Kind: journal.Signal, Body: []byte{}}, time.Unix(0, 12)},
	}}
}

func TestHint_KeepsARow(t *testing.T) {
	want := hinted()
	b := encodeRow(3, want)
	part, got, err := decodeRow(b[1:])
	if err != nil || part != 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("part %d, %v\n got %+v\nwant %+v", part, err, got, want)
	}
	for n := 1; n < len(b); n++ {
		if _, _, err := decodeRow(b[1:n]); err == nil {
			t.Errorf("the first %d bytes can be read", n)
		}
	}
}

// A transient entry of a node whose clock is an hour behind is shown to whoever follows its room before it comes.
func TestHint_ClocksOfNodesDiffer(t *testing.T) {
	c := newCore(nil, nil)
	j := &Journal{core: c, parts: []*part{newPart(c, nil, 0, Marks{Epoch: "e", Parts: []Mark{{}}})}}
	f := &follower{since: time.Now()}
	j.heard(encodeRow(0, &row{epoch: "e", list: []delivery{{journal.Entry{Room: "r", Kind: journal.Signal}, time.Now().Add(-time.Hour)}}}))
	if due, _ := f.due(&j.parts[0].stream.loose[0].list[0]); !due {
		t.Error("it is not shown")
	}
}

func FuzzHint(f *testing.F) {
	f.Add(encodeRow(3, hinted())[1:])
	f.Fuzz(func(t *testing.T, b []byte) {
		part, r, err := decodeRow(b)
		if err != nil {
			return
		}
		again := encodeRow(part, r)[1:]
		if _, other, err := decodeRow(again); err != nil || !reflect.DeepEqual(r, other) {
			t.Errorf("%x was read as %+v, and then as %+v, %v", b, r, other, err)
		}
	})
}

// sending is an Engine that only sends.
type sending struct {
	Engine
	sent [][]byte
}

func (s *sending) Send(hints [][]byte) error {
	s.sent = append(s.sent, hints...)
	return nil
}

// A hint that is larger than the engine takes comes in pieces, of which none may be missing.
func TestBus_Pieces(t *testing.T) {
	engine := &sending{}
	b := &bus{engine: engine, self: "a", wake: make(chan struct{}, 1)}
	large := bytes.Repeat([]byte("0123456789"), 2000)
	b.send([]byte("first"))
	b.send(large)
	b.send([]byte("last"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.sender(ctx)
	for _, piece := range engine.sent {
		if len(piece) > MaxHint {
			t.Errorf("a piece has %d bytes", len(piece))
		}
	}
	for lost := -1; lost < len(engine.sent); lost++ {
		var heard []string
		other := &bus{self: "b", nodes: map[string]*told{}, heard: func(hint []byte) { heard = append(heard, string(hint)) }}
		for i, piece := range engine.sent {
			if i != lost {
				other.hear(piece)
				other.hear(piece) // one that comes again is dropped
			}
		}
		want := []string{"first", string(large), "last"}
		switch {
		case lost == 0:
			want = want[1:]
		case lost == len(engine.sent)-1:
			want = want[:2]
		case lost > 0:
			want = []string{"first", "last"}
		}
		if fmt.Sprint(heard) != fmt.Sprint(want) {
			t.Errorf("without piece %d of %d, %d hints were heard, want %d", lost, len(engine.sent), len(heard), len(want))
		}
	}
	var heard []string
	late := &bus{self: "b", nodes: map[string]*told{}, heard: func(hint []byte) { heard = append(heard, string(hint)) }}
	late.hear(engine.sent[len(engine.sent)-1])
	late.hear(engine.sent[0])
	if fmt.Sprint(heard) != "[last]" {
		t.Errorf("behind the last hint %q were heard", heard)
	}
	own := &bus{self: "a", heard: func([]byte) { t.Error("a node heard itself") }}
	own.hear(engine.sent[0])
}
