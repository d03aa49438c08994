package chat_test

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// busyRounds is set to 100 by "make busy".
var busyRounds = flag.Int("busy-rounds", 5, "rounds of TestHub_BusyProcessors")

// spinning is set for a process that only keeps the processors busy.
const spinning = "CADDY_CHAT_SPINNING"

// atEnd is called once all tests have ended.
var atEnd []func()

// TestMain is the main function of such a process, too. It ends with the test that has
// started it, even if that is killed.
func TestMain(m *testing.M) {
	if os.Getenv(spinning) == "" {
		code := m.Run()
		for _, end := range atEnd {
			end()
		}
		os.Exit(code)
	}
	threads := 10 * runtime.NumCPU()
	runtime.GOMAXPROCS(threads + 1)
	for range threads {
		go func() {
			for n := 0; ; n++ {
				runtime.KeepAlive(n)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// keepBusy has ten threads for each processor do nothing but work.
func keepBusy(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), spinning+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill() // where no thread is left to see the end of its input
		_ = cmd.Wait()
	})
}

// tooLate is when a message is late. One that lay unread would come with the answer to
// the next ping, up to 25 s later.
const tooLate = 2 * time.Second

// Beside twenty busy threads on two processors, no message is late. In each round all
// clients say something at once, after a silence in which their connections were parked.
func TestHub_BusyProcessors_NoMessageIsLate(t *testing.T) {
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			url := serveBusy(t, scheme)
			const clients = 20
			var conns []net.Conn
			for range clients {
				conns = append(conns, dialBusy(t, url))
			}
			keepBusy(t)
			latest := time.Duration(0)
			for round := range *busyRounds {
				time.Sleep(100 * time.Millisecond) // the silence
				took, err := busyRound(conns, round)
				if err != nil {
					t.Fatalf("round %d: %v", round+1, err)
				}
				if latest = max(latest, took); took > tooLate {
					t.Errorf("round %d: a message came after %v", round+1, took)
				}
				if (round+1)%10 == 0 || round+1 == *busyRounds {
					t.Logf("%s: %d of %d rounds, the latest message after %v", scheme, round+1, *busyRounds, latest.Round(time.Millisecond))
				}
			}
		})
	}
}

// serveBusy returns the URL of a room.
func serveBusy(t *testing.T, scheme string) string {
	t.Helper()
	cfg := chat.Config{Journal: memjournal.New(memjournal.Options{})}
	unhurried(&cfg.Settings)
	hub, err := chat.NewHub(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(&chat.Handler{Hub: hub})
	if scheme == "wss" {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(func() {
		srv.Close()
		if err := hub.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, addr, _ := strings.Cut(srv.URL, "://")
	return scheme + "://" + addr + "/?room=busy"
}

func dialBusy(t *testing.T, url string) net.Conn {
	t.Helper()
	dialer := ws.Dialer{TLSConfig: &tls.Config{InsecureSkipVerify: true}}
	conn, early, _, err := dialer.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if early != nil {
		t.Fatal("the server spoke first")
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// busyRound has each client send a message and receive those of all others. It returns
// when the last one came.
func busyRound(conns []net.Conn, round int) (took time.Duration, err error) {
	start := time.Now()
	var mu sync.Mutex // guards took and err
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			failed := wsutil.WriteClientText(conn, fmt.Append(nil, round, " of ", i))
			for range len(conns) - 1 {
				if failed == nil {
					failed = receiveBusy(conn, round)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took = max(took, time.Since(start))
			if failed != nil {
				err = failed
			}
		})
	}
	wg.Wait()
	return took, err
}

func receiveBusy(conn net.Conn, round int) error {
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	got, err := wsutil.ReadServerText(conn)
	if err == nil && !strings.HasPrefix(string(got), fmt.Sprint(round, " of ")) {
		err = fmt.Errorf("received %q in round %d", got, round)
	}
	return err
}
