package wsconn

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// holding is a holder that only counts.
type holding struct {
	all     *holders[*holding]
	account account
	cut     bool
}

func (h *holding) held() *account { return &h.account }

func (h *holding) cutOff(class int8) {
	if h.account.class < class {
		return
	}
	h.cut = true
	h.all.pay(h)
	h.all.add(h, -h.account.bytes)
}

// Whatever was added and given back, nobody pays who holds less than three quarters of
// what the greatest holds.
func TestHolders_Relieve_TheGreatestPays(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, least := range []int{1, 512, 4 << 10} {
		all := &holders[*holding]{least: least}
		list := make([]*holding, 200)
		for i := range list {
			list[i] = &holding{all: all}
		}
		for range 20_000 {
			h := list[r.IntN(len(list))]
			size := r.IntN(least << (1 + r.IntN(15)))
			all.add(h, size-h.account.bytes)
			if r.IntN(10) > 0 {
				continue
			}
			greatest, sum := 0, 0
			for _, h := range list {
				greatest, sum = max(greatest, h.account.bytes), sum+h.account.bytes
			}
			if got := all.total.Load(); got != int64(sum) {
				t.Fatalf("the total is %d, want %d", got, sum)
			}
			held := map[*holding]int{}
			for _, h := range list {
				held[h] = h.account.bytes
			}
			all.relieve(int64(sum) - 1)
			for i, h := range list {
				if !h.cut {
					continue
				}
				if held[h] < greatest*3/4 && greatest >= least {
					t.Fatalf("%d bytes paid, and the greatest holder has %d", held[h], greatest)
				}
				list[i] = &holding{all: all}
			}
			if greatest >= least && all.total.Load() >= int64(sum) {
				t.Fatal("nobody paid")
			}
		}
	}
}

// unread is a connection whose peer reads nothing.
func unread(t *testing.T, e *Engine) (c *Conn, r *recorder, slow *atomic.Bool) {
	t.Helper()
	s := newScripted()
	s.onWrite = func([]byte) (int, error) { return 0, errWouldBlock }
	r, slow = newRecorder(), new(atomic.Bool)
	c, err := e.register(s, false, r)
	if err != nil {
		t.Fatal(err)
	}
	r.onSlow = func() {
		slow.Store(true)
		c.Close(4001, "slow", nil)
	}
	c.Start()
	return c, r, slow
}

// sendBytes queues about n bytes.
func sendBytes(t *testing.T, c *Conn, n int) {
	t.Helper()
	frame := AppendFrame(nil, ws.OpBinary, false, make([]byte, 1000))
	for ; n > 0; n -= len(frame) + pieceSize {
		if err := c.Send(frame); err != nil {
			t.Fatal(err)
		}
	}
}

// When too much waits for all, the one for whom most waits goes. Others stay, and
// newcomers get in: as long as it suffices, each has 64 KiB.
func TestEngine_OutboxesFull_TheGreatestIsCutOff(t *testing.T) {
	cfg := Config{OutboxLimit: 1 << 20, OutboxTotal: 4 << 20, WriteTimeout: time.Hour, CloseTimeout: time.Hour, PingInterval: time.Hour}
	bubble(t, cfg, func(t *testing.T, e *Engine) {
		bystander, _, cut := unread(t, e)
		sendBytes(t, bystander, 60<<10)
		var greedy []*atomic.Bool
		for range 40 {
			c, _, slow := unread(t, e)
			sendBytes(t, c, 500<<10)
			greedy = append(greedy, slow)
			if queued := e.Queued(); queued > 4<<20 {
				t.Fatalf("%d bytes wait", queued)
			}
		}
		for range 20 {
			c, _, slow := unread(t, e)
			sendBytes(t, c, 60<<10)
			if slow.Load() {
				t.Error("a newcomer with little was cut off")
			}
		}
		n := len(slices.DeleteFunc(greedy, func(slow *atomic.Bool) bool { return !slow.Load() }))
		if cut.Load() || n < 34 || n > 37 {
			t.Errorf("bystander %v, %d of 40 were cut off", cut.Load(), n)
		}
	})
}

// Frames that were written in part are written to their end, and the goodbye follows.
// All else is dropped at once.
func TestConn_CutOff_KeepsWholeFrames(t *testing.T) {
	for _, written := range []int{0, 1, 999, 1004, 1005} {
		for _, closing := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d/%v", written, closing), func(t *testing.T) {
				cfg := Config{OutboxTotal: 64 << 10, CloseTimeout: time.Hour, WriteTimeout: time.Hour}
				bubble(t, cfg, func(t *testing.T, e *Engine) {
					s := newScripted()
					var got bytes.Buffer
					room := written
					s.onWrite = func(p []byte) (int, error) {
						n := min(len(p), room)
						room -= n
						got.Write(p[:n])
						if n < len(p) {
							return n, errWouldBlock
						}
						return n, nil
					}
					r := newRecorder()
					c, err := e.register(s, false, r)
					if err != nil {
						t.Fatal(err)
					}
					goodbye := func() { c.Close(4001, "slow", AppendFrame(nil, ws.OpText, false, []byte("bye"))) }
					r.onSlow = goodbye
					c.Start()
					sendBytes(t, c, 60<<10)
					if closing {
						goodbye()
					}
					other, _, _ := unread(t, e)
					sendBytes(t, other, 30<<10)
					if left := e.Queued(); left > 40<<10 {
						t.Errorf("%d bytes wait", left)
					}
					room = 1 << 20
					c.writable()
					c.Kill(io.EOF)
					var last []string
					for got.Len() > 0 {
						f, err := readFrame(&got)
						if err != nil {
							t.Fatal(err)
						}
						last = append(last, fmt.Sprint(f.Header.OpCode, len(f.Payload)))
					}
					if whole := (written + 1003) / 1004; len(last) != whole+2 ||
						!slices.Equal(last[whole:], []string{"1 3", "8 6"}) {
						t.Errorf("got %v", last)
					}
				})
			})
		}
	}
}

// The right to write is not needed to be cut off: the frames that are being written
// stay in the queue until then.
func TestConn_CutOff_DuringAWrite(t *testing.T) {
	bubble(t, Config{OutboxTotal: 64 << 10, CloseTimeout: time.Hour, WriteTimeout: time.Hour, PingInterval: time.Hour}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		c, client := connect(t, e, r)
		r.onSlow = func() { c.Close(4001, "slow", nil) }
		sendBytes(t, c, 60<<10)
		synctest.Wait() // a write waits now, of some frames
		other, _, _ := unread(t, e)
		sendBytes(t, other, 30<<10)
		for n := 0; ; n++ {
			f, err := readFrame(client)
			if err != nil {
				t.Fatal(err)
			}
			if f.Header.OpCode == ws.OpClose {
				if n == 0 || n > blockingSize/1000+2 {
					t.Errorf("%d frames came before the close frame", n)
				}
				break
			}
		}
		client.Close()
		<-r.closed
	})
}

// feedBytes begins a message of which n bytes come.
func feedBytes(t *testing.T, e *Engine, n int) *recorder {
	t.Helper()
	s, r := newScripted(), newRecorder()
	stream := clientFrame(ws.OpBinary, true, make([]byte, 65_000))[:n]
	s.onRead = func(p []byte) (int, error) {
		if len(stream) == 0 {
			return 0, errWouldBlock
		}
		k := copy(p, stream)
		stream = stream[k:]
		return k, nil
	}
	s.onWrite = func(p []byte) (int, error) { return len(p), nil }
	c, err := e.register(s, false, r)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	synctest.Wait()
	return r
}

// Messages that are not whole have a bound, too, over all connections: here each of
// 2000 clients begins one, and a client that has sent little of it stays.
func TestEngine_UnfinishedMessages_TheGreatestIsClosed(t *testing.T) {
	const bound = 1 << 20
	bubble(t, Config{OutboxTotal: unfinishedShare * bound, CloseTimeout: time.Hour, PingInterval: time.Hour}, func(t *testing.T, e *Engine) {
		small := feedBytes(t, e, 3000)
		for range 2000 {
			feedBytes(t, e, 64_000)
			if n := e.unfinished.total.Load(); n > bound {
				t.Fatalf("%d bytes are kept", n)
			}
		}
		expectOpen(t, small)
		stay := 0
		e.mu.Lock()
		for _, c := range e.conns {
			if c.currentState() == open {
				stay++
			} else if c.why != errUnfinished {
				t.Errorf("ended by %v", c.why)
			}
		}
		e.mu.Unlock()
		if stay < 10 || stay > 20 {
			t.Errorf("%d are open", stay)
		}
	})
}

// Messages with which their Handlers wait count, too, and a connection that is cut off then
// leaves nothing behind that another one might get.
func TestEngine_MessagesThatWait_TheGreatestIsClosed(t *testing.T) {
	const bound, clients = 1 << 20, 60
	bubble(t, Config{OutboxTotal: unfinishedShare * bound, CloseTimeout: time.Hour, PingInterval: time.Hour}, func(t *testing.T, e *Engine) {
		over := make(chan struct{})
		frame := clientFrame(ws.OpBinary, true, make([]byte, 60_000))
		var all []*recorder
		var conns []net.Conn
		for range clients {
			r := newRecorder()
			r.onHear = func(ws.OpCode, []byte) { <-over }
			_, client := connect(t, e, r)
			go client.Write(frame) // nobody reads all of it if it is cut off
			synctest.Wait()
			if n := e.unfinished.total.Load(); n > bound {
				t.Fatalf("%d bytes are kept", n)
			}
			all, conns = append(all, r), append(conns, client)
		}
		stay := 0
		e.mu.Lock()
		for _, c := range e.conns {
			if c.currentState() == open {
				stay++
			}
		}
		e.mu.Unlock()
		if stay < 10 || stay > 20 {
			t.Errorf("%d are open", stay)
		}
		close(over)
		synctest.Wait()
		if n := e.unfinished.total.Load(); n != 0 {
			t.Errorf("%d bytes count although nobody has them", n)
		}
		for i, r := range all {
			conns[i].Close()
			<-r.closed
		}
		for range 2 * clients { // whatever assembler they get
			r := newRecorder()
			_, client := connect(t, e, r)
			client.Write(frame)
			synctest.Wait()
			if len(r.heard()) != 1 {
				t.Error("a message is lost")
			}
			client.Close()
			<-r.closed
		}
	})
}

// What is given up or has been heard is not counted any more.
func TestEngine_UnfinishedMessages_AreGivenBack(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Engine) {
		r := newRecorder()
		_, client := connect(t, e, r)
		frame := clientFrame(ws.OpBinary, true, make([]byte, 60_000))
		client.Write(frame[:50_000])
		synctest.Wait()
		if n := e.unfinished.total.Load(); n < 40_000 || n > 100_000 {
			t.Errorf("%d bytes are counted", n)
		}
		client.Write(frame[50_000:])
		synctest.Wait()
		if n := e.unfinished.total.Load(); n != 0 {
			t.Errorf("%d bytes of a whole message are counted", n)
		}
		client.Write(frame[:50_000])
		synctest.Wait()
		client.Close()
		<-r.closed
		if n := e.unfinished.total.Load(); n != 0 || len(r.heard()) != 1 {
			t.Errorf("%d bytes are counted after the end, %d messages", n, len(r.heard()))
		}
	})
}

// A piece that waits costs the same however many others hold something.
func BenchmarkConn_SendThatWaits(b *testing.B) {
	for _, n := range []int{1, 100, 50_000} {
		b.Run(fmt.Sprintf("holders=%d", n), func(b *testing.B) {
			e := NewEngine(Config{OutboxLimit: 1 << 30, OutboxTotal: math.MaxInt, WriteTimeout: time.Hour})
			frame := AppendFrame(nil, ws.OpText, false, make([]byte, 128))
			conns := make([]*Conn, n)
			for i := range conns {
				s := newScripted()
				s.onWrite = func([]byte) (int, error) { return 0, errWouldBlock }
				conns[i], _ = e.register(s, false, nowhere{})
				for range 30 {
					conns[i].Send(frame)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i&15 == 0 { // as if it had been read
					conns[0].mu.Lock()
					conns[0].dropQueueLocked()
					conns[0].mu.Unlock()
				}
				if err := conns[0].Send(frame); err != nil {
					b.Fatal(err)
				}
			}
			for _, c := range conns {
				c.Kill(io.EOF)
				c.endRead(io.EOF)
			}
			e.Close(b.Context())
		})
	}
}
