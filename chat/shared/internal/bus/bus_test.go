package bus

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

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
	const most = 5_900
	engine := &sending{}
	b := New(engine, most, "a", nil, nil)
	large := bytes.Repeat([]byte("0123456789"), 2000)
	b.Send([]byte("first"))
	b.Send(large)
	b.Send([]byte("last"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Sender(ctx)
	for _, piece := range engine.sent {
		if len(piece) > most {
			t.Errorf("a piece has %d bytes", len(piece))
		}
	}
	for lost := -1; lost < len(engine.sent); lost++ {
		var heard []string
		other := &Bus{self: "b", nodes: map[string]*told{}, heard: func(hint []byte) { heard = append(heard, string(hint)) }}
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
	late := &Bus{self: "b", nodes: map[string]*told{}, heard: func(hint []byte) { heard = append(heard, string(hint)) }}
	late.hear(engine.sent[len(engine.sent)-1])
	late.hear(engine.sent[0])
	if fmt.Sprint(heard) != "[last]" {
		t.Errorf("behind the last hint %q were heard", heard)
	}
	own := &Bus{self: "a", heard: func([]byte) { t.Error("a node heard itself") }}
	own.hear(engine.sent[0])
}
