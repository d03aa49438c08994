package command_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// answering returns a server that is no Caddy, and answers 200 and JSON to everything.
func answering(t *testing.T, write func(w http.ResponseWriter)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		write(w)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// hangsIn returns a server that says that the hub is well until it has begun to answer something else. It
// goes on at stop; with nil it goes on to say so, and ends its answer after 20 seconds without a word.
func hangsIn(t *testing.T, stop chan struct{}) string {
	t.Helper()
	var began atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := strings.HasSuffix(r.URL.Path, "/default")
		if status && began.Load() && stop != nil {
			<-stop
			return
		}
		kind, text := "application/json", `{"name":"default"}`
		if !status {
			kind, text = "application/jsonl", `{"room":"tea","entry":{"type":"message","seq":1}}`+"\n"
		}
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, text)
		if status {
			return
		}
		w.(http.Flusher).Flush()
		began.Store(true)
		select {
		case <-stop:
		case <-time.After(20 * time.Second):
			if stop != nil {
				<-stop
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A Caddy that hangs, at whatever point, holds up nobody, and what something else answers is no
// success.
func TestCommand_HangingCaddy_IsTold(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections wait to be accepted
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	stop := make(chan struct{})
	begun := answering(t, func(w http.ResponseWriter) {
		fmt.Fprint(w, `{"name":`)
		w.(http.Flusher).Flush()
		<-stop
	})
	endless := answering(t, func(w http.ResponseWriter) {
		space := []byte(strings.Repeat(" ", 1<<20))
		for err := error(nil); err == nil; {
			_, err = w.Write(space)
		}
	})
	other := answering(t, func(w http.ResponseWriter) { fmt.Fprint(w, `{"status":"UP"}`) })
	defer close(stop)
	lines := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(lines, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	try := func(admin, want string, args ...string) {
		all.Go(func() {
			began := time.Now()
			out, err := testcaddy.Command(t, admin, args...)
			if took := time.Since(began); err == nil || !strings.Contains(out, want) || took > time.Minute {
				t.Errorf("%v: after %v %v, %s; want %q", args, took, err, out, want)
			}
		})
	}
	for _, args := range []string{"status", "history tea", "tail tea", "export", "import " + lines, "backup /x", "compact", "erase-user u --yes", "erase-room tea --yes"} {
		list := strings.Fields(args)
		try("http://"+silent.Addr().String(), "does not answer in time", list...)
		try(other, `the answer is not as expected, as if another program had given it: it has no "name"`, list...)
	}
	for _, args := range []string{"history tea", "tail tea", "export --from tea", "import " + lines, "backup /x", "compact", "erase-user u --yes", "erase-room tea --yes"} {
		try(hangsIn(t, stop), "meanwhile Caddy hangs: ", strings.Fields(args)...)
	}
	try(hangsIn(t, nil), "the hub has closed, after 1 entry", "tail", "tea", "--json")
	all.Wait()
	try(begun, "the answer does not end in time", "status")
	try(endless, "the answer is longer than 64 MiB", "rooms") // which has a minute for it
	for args, field := range map[string]string{"hubs": "hubs", "ban x": "kind", "kick x": "user", "sanctions": "sanctions", "hooks": "webhooks", "rooms": "rooms", "sessions": "sessions"} {
		try(other, `the answer is not as expected`, strings.Fields(args)...)
		try(other, fmt.Sprintf("it has no %q", field), strings.Fields(args)...)
	}
	all.Wait()
}
