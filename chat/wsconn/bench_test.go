package wsconn

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// nowhere is a sink and a Handler.
type nowhere struct{}

func (nowhere) message(ws.OpCode, []byte, bool) error { return nil }
func (nowhere) control(ws.OpCode, []byte) error       { return nil }
func (nowhere) fragment(int64) error                  { return nil }
func (nowhere) Message(ws.OpCode, []byte)             {}
func (nowhere) Slow()                                 {}
func (nowhere) Closed(error)                          {}

// Unmasking and checking UTF-8 is nearly all that reading costs above the system
// call. Masks are applied in place, so each round feeds a fresh copy.
func BenchmarkAssembler_Feed(b *testing.B) {
	for _, c := range []struct {
		name    string
		op      ws.OpCode
		payload string
	}{
		{"text128", ws.OpText, strings.Repeat("hello ", 21) + "to"},
		{"chinese128", ws.OpText, strings.Repeat("你好", 21) + "to"},
		{"binary128", ws.OpBinary, strings.Repeat("x", 128)},
		{"text16KiB", ws.OpText, strings.Repeat("x", 16<<10)},
	} {
		b.Run(c.name, func(b *testing.B) {
			frame := clientFrame(c.op, true, []byte(c.payload))
			buf := make([]byte, len(frame))
			a := newAssembler(nowhere{})
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, frame)
				if err := a.feed(buf, 64<<10, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What one delivery costs: frames that all share, to each of many sockets in
// turn. The clients read in goroutines of the same process, so a part of the
// time is theirs.
func BenchmarkConn_Send(b *testing.B) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("frames=%d", n), func(b *testing.B) {
			const members = 100
			conns := connectMany(b, members)
			frames := bytes.Repeat(AppendFrame(nil, ws.OpText, false, bytes.Repeat([]byte("x"), 128)), n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c := conns[i%members]
				c.Await(0) // which costs a lock, where nothing waits
				if err := c.Send(frames); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// connectMany returns our sides of connections over loopback whose clients read
// all they are sent.
func connectMany(b *testing.B, n int) (conns []*Conn) {
	e := NewEngine(Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for range n {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		go io.Copy(io.Discard, client)
		b.Cleanup(func() { client.Close() })
		server, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		c, err := e.Attach(server, false, nowhere{})
		if err != nil {
			b.Fatal(err)
		}
		c.Start()
		conns = append(conns, c)
	}
	b.Cleanup(func() {
		for _, c := range conns {
			c.Kill(io.EOF)
		}
		if err := e.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return conns
}
