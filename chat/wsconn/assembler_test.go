package wsconn

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/gobwas/ws"
)

// collector is a sink that writes down what it gets.
type collector struct{ got []string }

func (c *collector) message(op ws.OpCode, payload []byte, compressed bool) error {
	c.got = append(c.got, fmt.Sprintf("%d:%s", op, payload))
	return nil
}

func (c *collector) fragment(int64) error { return nil }

func (c *collector) control(op ws.OpCode, payload []byte) error { return c.message(op, payload, false) }

// newAssembler returns an assembler of a connection of its own.
func newAssembler(s sink) *assembler {
	all := new(shared)
	all.unfinished.least = leastUnfinished
	all.tuning.Store(Config{}.withDefaults().tuning())
	return &assembler{sink: s, owner: &Conn{shared: all}}
}

// assemble feeds stream in pieces of the given size.
func assemble(stream []byte, piece, max int) ([]string, error) {
	var c collector
	a := newAssembler(&c)
	stream = bytes.Clone(stream) // feed unmasks in place
	for len(stream) > 0 {
		n := min(piece, len(stream))
		if err := a.feed(stream[:n], max, false); err != nil {
			return c.got, err
		}
		stream = stream[n:]
	}
	return c.got, nil
}

func TestAssembler_Feed_PiecesOfAnySizeGiveTheSame(t *testing.T) {
	stream := bytes.Join([][]byte{
		clientFrame(ws.OpText, true, []byte("hello")),
		clientFrame(ws.OpText, true, nil),
		clientFrame(ws.OpText, false, []byte("fr")),
		clientFrame(ws.OpPing, true, []byte("p")),
		clientFrame(ws.OpContinuation, false, nil),
		clientFrame(ws.OpContinuation, true, []byte("ag")),
		clientFrame(ws.OpBinary, true, bytes.Repeat([]byte("x"), 300)),
		clientFrame(ws.OpBinary, true, bytes.Repeat([]byte("y"), 70000)),
		clientFrame(ws.OpClose, true, nil),
	}, nil)
	want, err := assemble(stream, len(stream), 1<<20)
	if err != nil || len(want) != 7 {
		t.Fatalf("%d messages, %v", len(want), err)
	}
	for _, piece := range []int{1, 2, 3, 7, 13, 125, 4096} {
		got, err := assemble(stream, piece, 1<<20)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("pieces of %d: %d messages, %v", piece, len(got), err)
		}
	}
}

func TestAssembler_Feed_LimitIsOfTheWholeMessage(t *testing.T) {
	var stream []byte
	for range 10 {
		stream = append(stream, clientFrame(ws.OpContinuation, false, make([]byte, 10))...)
	}
	stream = append(clientFrame(ws.OpText, false, nil), stream...)
	for max, wantErr := range map[int]bool{100: false, 99: true, 16: true} {
		_, err := assemble(stream, 5, max)
		var ce *CloseError
		if got := errors.As(err, &ce) && ce.Code == ws.StatusMessageTooBig; got != wantErr {
			t.Errorf("limit %d: %v", max, err)
		}
	}
	header := clientFrame(ws.OpText, true, make([]byte, 200))[:8]
	if _, err := assemble(header, 8, 100); err == nil {
		t.Error("a header that announces too much was accepted")
	}
}

func FuzzAssembler_Feed(f *testing.F) {
	f.Add(clientFrame(ws.OpText, true, []byte("hello")), uint16(3))
	f.Add(append(clientFrame(ws.OpText, false, []byte("a")), clientFrame(ws.OpContinuation, true, []byte("b"))...), uint16(1))
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint16(2))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		whole, werr := assemble(stream, len(stream)+1, 1000)
		got, err := assemble(stream, int(piece)+1, 1000)
		if (werr == nil) != (err == nil) || fmt.Sprint(whole) != fmt.Sprint(got) {
			t.Fatalf("in one piece %q, %v; in pieces of %d %q, %v", whole, werr, piece+1, got, err)
		}
	})
}
