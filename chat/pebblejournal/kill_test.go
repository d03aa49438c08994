package pebblejournal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// killKept is how many entries of the room "busy" are kept.
const killKept = 10

func killOptions(dir string) Options {
	return Options{Dir: dir, interval: 50 * time.Millisecond, memTable: 1 << 20, Retention: func(room string) journal.Retention {
		if room == "busy" {
			return journal.Retention{Count: killKept}
		}
		return journal.Retention{}
	}}
}

// TestKill_ManyRooms_LosesNothing kills a process that appends to ever new rooms and to
// one that is trimmed, and compacts all the time, until both are large enough. With
// CHAT_LARGE it does so 100 times and until there are 40,000 rooms of one word each:
//
//	CHAT_LARGE=1 go test ./chat/pebblejournal -run Kill -v -timeout 30m
func TestKill_ManyRooms_LosesNothing(t *testing.T) {
	kills, rooms := 6, 300
	if os.Getenv("CHAT_LARGE") != "" {
		kills, rooms = 100, 40_000
	}
	k := &killed{t: t, dir: filepath.Join(t.TempDir(), "store"), busy: map[journal.Seq]string{}}
	for n := 0; n < kills || len(k.words) < rooms || len(k.busy) < 2*killKept; n++ {
		k.runAndKill(50*time.Millisecond + rand.N(300*time.Millisecond))
		k.check(false)
		if t.Failed() {
			t.Fatalf("after %d kills", n+1)
		}
		if (n+1)%10 == 0 {
			t.Logf("%d kills, %d rooms, %d entries in the busy one", n+1, len(k.words), len(k.busy))
		}
	}
	k.check(true)
}

// killed is a store whose process is killed again and again, and what it has
// acknowledged.
type killed struct {
	t     *testing.T
	dir   string
	epoch string
	words []int                  // rooms "word N" that have one entry
	next  int                    // N of the next room
	busy  map[journal.Seq]string // the keys of the entries of "busy"
}

// runAndKill runs the process for some time and notes what it has acknowledged.
func (k *killed) runAndKill(after time.Duration) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKill_Process$", "-test.timeout", "5m")
	cmd.Env = append(os.Environ(), "CHAT_KILL_DIR="+k.dir, "CHAT_KILL_NEXT="+strconv.Itoa(k.next))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var kill *time.Timer
	for lines.Scan() {
		if kill == nil { // it has opened the store and appends
			kill = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		k.note(lines.Text())
	}
	if kill == nil {
		k.t.Errorf("the process has appended nothing")
	}
	_ = cmd.Wait() // it was killed
}

func (k *killed) note(line string) {
	var n, seq int
	var key string
	if _, err := fmt.Sscanf(line, "word %d %d", &n, &seq); err == nil {
		k.words = append(k.words, n)
		k.next = max(k.next, n+1)
		if seq != 1 {
			k.t.Errorf("the first entry of a room has the number %d", seq)
		}
	} else if _, err := fmt.Sscanf(line, "busy %s %d", &key, &seq); err == nil {
		k.busy[journal.Seq(seq)] = key
	} else if line != "PASS" {
		k.t.Errorf("the process says %q", line)
	}
}

// check opens the store and looks for what was acknowledged: the newest rooms, or all.
func (k *killed) check(all bool) {
	k.next += 1000 // what was not acknowledged may be recorded
	j := open(k.t, Options{Dir: k.dir, interval: -1, Retention: killOptions("").Retention})
	defer j.Close()
	ctx := context.Background()
	if k.epoch == "" {
		k.epoch = epochOf(j)
	}
	if got := epochOf(j); got != k.epoch {
		k.t.Errorf("the epoch %s has become %s", k.epoch, got)
	}
	words := k.words
	if !all {
		words = words[max(0, len(words)-2000):]
	}
	names := make([]string, len(words))
	for i, n := range words {
		names[i] = fmt.Sprint("word ", n)
	}
	heads, err := j.Heads(ctx, names)
	if err != nil {
		k.t.Fatal(err)
	}
	for i, h := range heads {
		if h.Last != 1 || h.Newest.Key != "k" || string(h.Newest.Body) != "body of k" {
			k.t.Errorf("room %q has the head %+v", names[i], h)
		}
	}
	k.checkBusy(j)
}

func (k *killed) checkBusy(j *Journal) {
	kept := readAll(k.t, j, "busy")
	if len(kept) == 0 {
		if len(k.busy) > 0 {
			k.t.Error("the busy room is empty")
		}
		return
	}
	last := kept[len(kept)-1].Seq
	keys := map[string]bool{}
	for i, e := range kept {
		if i > 0 && e.Seq != kept[i-1].Seq+1 || keys[e.Key] {
			k.t.Errorf("entry %d with the key %s is behind %d", e.Seq, e.Key, kept[max(0, i-1)].Seq)
		}
		keys[e.Key] = true
		if key, acknowledged := k.busy[e.Seq]; acknowledged && key != e.Key {
			k.t.Errorf("entry %d has the key %s, and was acknowledged with %s", e.Seq, e.Key, key)
		}
	}
	for seq, key := range k.busy {
		if seq > last || seq+killKept > last && !keys[key] {
			k.t.Errorf("entry %d of %d is missing", seq, last)
		}
	}
}

// TestKill_Process is the process that is killed.
func TestKill_Process(t *testing.T) {
	dir := os.Getenv("CHAT_KILL_DIR")
	if dir == "" {
		t.Skip("only TestKill_ManyRooms_LosesNothing runs it")
	}
	from, err := strconv.Atoi(os.Getenv("CHAT_KILL_NEXT"))
	if err != nil {
		t.Fatal(err)
	}
	j := open(t, killOptions(dir))
	var mu sync.Mutex
	say1 := func(e journal.Entry, format string, what any) {
		r, err := appendOne(j, e)
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(os.Stdout, fmt.Sprintf(format, what, r.Seq))
	}
	var next atomic.Int64
	next.Store(int64(from))
	for range 128 {
		go func() {
			for {
				n := next.Add(1)
				say1(say(fmt.Sprint("word ", n), "k"), "word %d %d\n", n)
			}
		}()
	}
	go func() {
		for {
			if err := j.Compact(context.Background()); err != nil {
				t.Error(err)
			}
			time.Sleep(10 * time.Millisecond) // or nothing else would get to the disk
		}
	}()
	for range 4 {
		go func() {
			for {
				key := fmt.Sprint(rand.Uint64())
				say1(say("busy", key), "busy %s %d\n", key)
			}
		}()
	}
	select {} // until it is killed
}
