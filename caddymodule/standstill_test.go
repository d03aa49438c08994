package caddymodule_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// still is an engine whose journals do nothing any more once somebody has said something in
// the room still, as if their database stood still.
type still struct{ journals.Memory }

func init() { caddy.RegisterModule(new(still)) }

func (*still) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat.journals.still", New: func() caddy.Module { return new(still) }}
}

func (*still) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (s *still) Open(ctx context.Context, location string, p journals.Params) (journal.Journal, error) {
	j, err := s.Memory.Open(ctx, location, p)
	return &stillJournal{Journal: j, stands: make(chan struct{})}, err
}

type stillJournal struct {
	journal.Journal
	stands  chan struct{} // closed once the journal stands still
	waiting atomic.Int32  // who has said or read something since
}

func (*stillJournal) Stats() journal.Stats { return journal.Stats{} }
func (*stillJournal) Warnings() []string   { return nil }

// Unavailable says that one waits for the journal, and nobody else.
func (j *stillJournal) Unavailable() error {
	if j.waiting.Load() == 1 {
		return errors.New("one waits")
	}
	return nil
}

func (j *stillJournal) isStill() bool {
	select {
	case <-j.stands:
		return true
	default:
		return false
	}
}

func (j *stillJournal) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if e.Room == "still" && !j.isStill() {
		close(j.stands)
	}
	if !j.isStill() {
		j.Journal.Append(ctx, e, done)
		return
	}
	j.waiting.Add(1) // and is never answered
}

func (j *stillJournal) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	if j.isStill() {
		select {} // for ever
	}
	start, err := j.Journal.Follow(room, after, f)
	stop := start.Stop
	start.Stop = func() {
		if j.isStill() {
			select {}
		}
		stop()
	}
	return start, err
}

func (j *stillJournal) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if j.isStill() {
		j.waiting.Add(1)
		<-ctx.Done()
		return journal.Page{}, ctx.Err()
	}
	return j.Journal.Read(ctx, q)
}

func (j *stillJournal) Close() error {
	if j.isStill() {
		time.Sleep(5 * time.Second) // as long as a journal may take
	}
	return j.Journal.Close()
}

// A process ends soon although its journal stands still, requests wait for that, and clients
// never answer.
func TestShutdown_JournalThatStandsStill(t *testing.T) {
	p := testcaddy.NewProcess(t, "chat {\njournal still\nkey k "+keySecret+" {\nread *\nwrite *\n}\n}")
	p.Start()
	for i := range 10 {
		defer mute(t, p.Addr, i).Close()
	}
	ask := func(method, room, body string) {
		c, err := net.Dial("tcp", p.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_, err = fmt.Fprintf(c, "%s /chat/rooms/%s/messages HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", method, room, p.Addr, keySecret, len(body), body)
		if err != nil {
			t.Fatal(err)
		}
	}
	health := func(want int) func() bool {
		return func() bool {
			code, _ := get(t, "http://"+p.Addr+"/chat/health")
			return code == want
		}
	}
	ask("POST", "still", `{"body":"hi"}`)
	testcaddy.Eventually(t, "one waits for the journal", health(http.StatusServiceUnavailable))
	ask("GET", "tea", "")
	testcaddy.Eventually(t, "two wait for the journal", health(http.StatusOK))
	start, cmd := time.Now(), p.Cmd
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	err := p.Cmd.Wait()
	took := time.Since(start)
	p.Cmd = nil
	if err != nil || took > maxShutdown+time.Second {
		t.Errorf("ended after %v by %v\n%s", took, err, p.Log.String())
	}
	if !strings.Contains(p.Log.String(), "left behind when the hub closed") {
		t.Errorf("nothing was left behind, so nothing stood still:\n%s", p.Log.String())
	}
}
