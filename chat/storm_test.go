package chat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// TestHub_Storm has clients join, talk, stall, leave and die mid-frame in every
// way, while settings change, and shuts down in the middle of it. Run with
// -race. Afterwards the hub must be empty, and no goroutine and no descriptor
// left.
func TestHub_Storm(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		t.Run(fmt.Sprintf("wrapped=%v", wrapped), func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
			storm(t, seed, wrapped)
			settle(t, "goroutines", goroutines, runtime.NumGoroutine)
			settle(t, "descriptors", descriptors, func() int { return openDescriptors(t) })
		})
	}
}

// wrappedListener is a listener whose connections show no descriptor, as those of
// some listener wrappers: each keeps a goroutine.
type wrappedListener struct{ net.Listener }

func (l wrappedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return struct{ net.Conn }{c}, err
}

func storm(t *testing.T, seed uint64, wrapped bool) {
	set := chat.Settings{MaxConnectionsPerIP: 1000, OutboxLimit: 1 << 16, MaxMessage: 1 << 12}
	unhurried(&set)
	hub, err := chat.NewHub(chat.Config{
		Journal:  memjournal.New(memjournal.Options{MaxBytes: 1 << 20}),
		Settings: set,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(&chat.Handler{Hub: hub})
	if wrapped {
		srv.Listener = wrappedListener{srv.Listener}
	}
	srv.Start()
	defer srv.Close()
	url := "ws" + strings.TrimPrefix(srv.URL, "http")

	const clients, lives = 40, 25
	var wg, halfway sync.WaitGroup
	halfway.Add(clients)
	for i := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for life := range lives {
				if life == lives/2 {
					halfway.Done()
				}
				stormClient(url, r)
			}
		})
	}
	wg.Go(func() {
		for i := range 100 {
			set.MaxMessage, set.PingInterval = 1<<12+i, time.Duration(i+1)*time.Second
			hub.Configure(set)
			if err := hub.Check(); err != nil {
				t.Error(err)
			}
		}
	})
	halfway.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := hub.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	wg.Wait()
	if err := errors.Join(hub.Check(), hub.Empty()); err != nil {
		t.Error(err)
	}
}

// stormClient is one life of a client. Errors are expected: the server may cut
// it off, be full or be gone.
func stormClient(url string, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	query := fmt.Sprintf("?room=%d&history=%d", r.IntN(5), r.IntN(3)*10)
	conn, br, _, err := ws.Dial(ctx, url+query)
	if err != nil {
		return
	}
	defer conn.Close()
	if br != nil {
		ws.PutReader(br)
	}
	stall := r.IntN(4) == 0
	if !stall {
		go io.Copy(io.Discard, conn) // ends with the connection
	}
	for range r.IntN(30) {
		if wsutil.WriteClientText(conn, make([]byte, r.IntN(2000))) != nil {
			return
		}
	}
	switch r.IntN(5) {
	case 0: // dies in the middle of a frame
		f := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(make([]byte, 500))))
		conn.Write(f[:r.IntN(len(f))])
	case 1: // breaks the rules
		conn.Write([]byte{0xff, 0xff, 0xff})
	case 2: // says goodbye
		wsutil.WriteClientMessage(conn, ws.OpClose, ws.NewCloseFrameBody(1000, ""))
	case 3: // resets the connection
		conn.(*net.TCPConn).SetLinger(0)
	}
}

// A room that is still followed may be called by the journal at any moment, and
// start a worker then: Close waits until the last room has been given back.
func TestHub_Close_WaitsForWhoHasARoom(t *testing.T) {
	for range 100 {
		j := memjournal.New(memjournal.Options{})
		hub, err := chat.NewHub(chat.Config{Journal: j})
		if err != nil {
			t.Fatal(err)
		}
		release, err := hub.Hold("r")
		if err != nil {
			t.Fatal(err)
		}
		var speaking sync.WaitGroup
		speaking.Go(func() {
			defer release()
			for range 20 {
				j.Append(t.Context(), journal.Entry{Room: "r", Kind: journal.Message, Body: []byte("1")}, func(journal.Receipt, error) {})
			}
		})
		if err := errors.Join(hub.Close(t.Context()), hub.Empty()); err != nil {
			t.Error(err)
		}
		speaking.Wait()
	}
}

func openDescriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list descriptors")
	}
	return len(list)
}

// settle waits until count is back at what it was, for what closes by itself
// shortly after its owner.
func settle(t *testing.T, what string, want int, count func() int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for count() > want {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d %s are left over\n%s", count()-want, what, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}
