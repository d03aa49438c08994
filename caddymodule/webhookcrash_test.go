package caddymodule_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

var hookKills = flag.Int("hookkills", 3, "how often TestWebhook_BothEndsKilled_LosesNothing kills each end")

// receiverVariable makes the test binary a receiver: its value is the file that it appends to,
// and the address.
const receiverVariable = "CHAT_TEST_RECEIVER"

// receive stores each request before it answers, as a receiver should, until it is killed.
func receive(to string) error {
	file, addr, _ := strings.Cut(to, " ")
	out, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	secret, err := webhook.ParseSecret(hookSecret)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was killed
		}
		if err := webhook.Verify(r.Header, text, time.Now(), secret); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if _, err := out.Write(append(text, '\n')); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
}

// receiver is that process.
type receiver struct {
	t          *testing.T
	file, addr string
	cmd        *exec.Cmd
}

func (r *receiver) start() {
	r.t.Helper()
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), receiverVariable+"="+r.file+" "+r.addr)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *receiver) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // its error says that the process was killed
}

// stored returns the numbers of each room and epoch without repeats, in the order in which
// they came first. A process that is killed in a write may leave half a line at the end; the
// rest of that line is the next request.
func (r *receiver) stored() map[string][]uint64 {
	r.t.Helper()
	text, err := os.ReadFile(r.file)
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	got, seen := map[string][]uint64{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if i := strings.LastIndex(line, `{"epoch":`); i > 0 {
			line = line[i:]
		}
		var b struct {
			Epoch  string
			Events []struct {
				Entry *struct {
					Room, Epoch string
					Seq         uint64
				}
			}
		}
		if json.Unmarshal([]byte(line), &b) != nil {
			continue
		}
		for _, e := range b.Events {
			if e.Entry == nil {
				r.t.Fatalf("there is a gap in %s", line)
			}
			epoch := b.Epoch
			if e.Entry.Epoch != "" {
				epoch = e.Entry.Epoch
			}
			room := e.Entry.Room + " " + epoch
			if id := fmt.Sprint(room, e.Entry.Seq); !seen[id] {
				seen[id] = true
				got[room] = append(got[room], e.Entry.Seq)
			}
		}
	}
	return got
}

// The server and the receiver are killed at random moments while users send. In the end the
// receiver has stored the whole of each room, in its order.
func TestWebhook_BothEndsKilled_LosesNothing(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	r := &receiver{t: t, file: filepath.Join(t.TempDir(), "log"), addr: testcaddy.FreeAddr(t)}
	p := testcaddy.NewProcess(t, testcaddy.BasicAuth+`chat {
		auth caddy
		webhook orders http://`+r.addr+`/ {
			private
			secret `+hookSecret+`
			batch 20 1ms
		}
		`+hardlyLimited+`
	}`)
	talkers := []*talker{newTalker(t, p, "ann"), newTalker(t, p, "ben")}
	r.start()
	defer func() { r.kill() }()
	for range *hookKills {
		p.Start()
		var talking sync.WaitGroup
		for _, k := range talkers {
			talking.Go(k.sendUntilKilled)
		}
		ends := []func(){func() { r.kill(); r.start() }, p.Kill}
		time.Sleep(time.Duration(50+rnd.IntN(150)) * time.Millisecond) // what is under way when they are killed is random
		ends[0]()
		time.Sleep(time.Duration(50+rnd.IntN(1200)) * time.Millisecond)
		ends[1]()
		talking.Wait()
	}
	p.Start()
	want := map[string][]uint64{}
	for _, room := range crashRooms {
		var head struct{ Epoch string }
		p.Get("/chat/rooms/"+room+"/messages?limit=1", &head)
		kept := map[string]uint64{}
		readRoom(t, p, room, kept)
		name := room + " " + head.Epoch
		for _, seq := range kept {
			want[name] = append(want[name], seq)
		}
		slices.Sort(want[name])
	}
	same := func() bool {
		got := r.stored()
		for room := range want {
			if !slices.Equal(got[room], want[room]) {
				return false
			}
		}
		return len(got) == len(want)
	}
	for end := time.Now().Add(2 * time.Minute); !same(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			for room, got := range r.stored() {
				t.Errorf("%s: stored %d, recorded %d, sorted %v", room, len(got), len(want[room]), slices.IsSorted(got))
			}
			t.Fatalf("the receiver has not stored what the journal has; seed %d\n%s", seed, p.Log.String())
		}
	}
	for room, seqs := range want {
		t.Logf("%s: %d entries, %d kills of each end", room, len(seqs), *hookKills)
	}
}
