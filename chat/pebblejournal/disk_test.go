package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
)

// onFaultyDisk opens a journal on a disk that fails on command. Maintenance runs only
// when the test calls maintain.
func onFaultyDisk(t *testing.T) (*Journal, *faultfs.FS) {
	t.Helper()
	d := faultfs.New()
	j := open(t, Options{Dir: t.TempDir(), MaxBytes: -1, fs: d, truncate: d.Truncate, interval: -1, memTable: 256 << 10})
	t.Cleanup(func() {
		d.Fail(nil)
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, d
}

// checkRefused checks that appends are refused as unavailable, while the entries 1 to
// kept can be read.
func checkRefused(t *testing.T, j *Journal, room string, kept int) {
	t.Helper()
	if _, err := appendOne(j, say(room, "refused")); !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("append: %v, want ErrUnavailable", err)
	}
	if err := j.Records().Put(context.Background(), "refused", []byte("x")); !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("Put: %v, want ErrUnavailable", err)
	}
	checkKept(t, j, room, kept)
}

func TestJournal_FullDisk_RefusesUntilThereIsRoom(t *testing.T) {
	j, d := onFaultyDisk(t)
	for i := range 10 {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	d.ReportFree(1 << 20)
	checkRefused(t, j, "room", 10)
	j.maintain()
	checkRefused(t, j, "room", 10)
	if err := j.Unavailable(); err == nil || !j.Stats().Unavailable {
		t.Errorf("Unavailable is %v, Stats are %+v", err, j.Stats())
	}
	// Transient entries need no space.
	if _, err := appendOne(j, journal.Entry{Room: "room", Kind: journal.Signal}); err != nil {
		t.Errorf("append of a Signal: %v", err)
	}
	d.ReportFree(1 << 40)
	j.maintain()
	if r := mustAppend(t, j, say("room", "again")); r.Seq != 11 {
		t.Errorf("receipt %+v, want 11", r)
	}
	if err := j.Unavailable(); err != nil || j.Stats().Unavailable {
		t.Errorf("Unavailable is %v, Stats are %+v", err, j.Stats())
	}
}

func TestJournal_FullDisk_IsNoticedByMaintenance(t *testing.T) {
	j, d := onFaultyDisk(t)
	d.ReportFree(1 << 20)
	j.maintain()
	if err := j.queue.refused(); !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("refused: %v", err)
	}
}

// failures are failures of a disk that reports free space. Pebble would end the
// process because of each of them.
var failures = map[string]faultfs.Fault{
	"log can't be written":      faultfs.On("write", ".log", faultfs.ErrNoSpace),
	"log can't be synced":       faultfs.On("sync", ".log", syscall.EIO),
	"log can't be made":         faultfs.On("create", ".log", faultfs.ErrNoSpace),
	"manifest can't be written": faultfs.On("write", "MANIFEST", faultfs.ErrNoSpace),
	"manifest can't be synced":  faultfs.On("sync", "MANIFEST", syscall.EIO),
	"nothing can be written":    faultfs.On("", "", syscall.EROFS),
	"nothing can be made":       faultfs.On("create", "", faultfs.ErrNoSpace),
	"nothing can be synced":     faultfs.On("sync", "", syscall.EIO),
}

func TestJournal_FailingDisk_LosesNothingAndComesBack(t *testing.T) {
	for name, fault := range failures {
		t.Run(name, func(t *testing.T) {
			j, d := onFaultyDisk(t)
			for i := range 10 {
				mustAppend(t, j, say("room", fmt.Sprint(i)))
			}
			l := followed(t, j, "room")
			d.Fail(fault)
			flush(t, j) // this writes the manifest too
			for i := range 3 {
				answer := make(chan error, 1)
				j.Append(context.Background(), say("room", fmt.Sprint("lost", i)), func(_ journal.Receipt, err error) { answer <- err })
				j.maintain() // it cannot recover yet
				d.Fail(nil)
				j.maintain()
				if err := <-answer; err != nil && !errors.Is(err, journal.ErrUnavailable) {
					t.Fatalf("append: %v, want ErrUnavailable", err)
				}
				d.Fail(fault)
			}
			d.Fail(nil)
			j.maintain()
			before := len(readAll(t, j, "room"))
			if r := mustAppend(t, j, say("room", "again")); int(r.Seq) != before+1 {
				t.Errorf("receipt %+v after %d entries", r, before)
			}
			checkKept(t, j, "room", before+1)
			for int(l.Load()) < before+1-10 { // followers are called after done
				runtime.Gosched()
			}
			j2 := reopen(t, j)
			defer j2.Close()
			checkKept(t, j2, "room", before+1)
		})
	}
}

// followed counts the entries that are delivered of a room.
func followed(t *testing.T, j *Journal, room string) *atomic.Int32 {
	t.Helper()
	var n atomic.Int32
	if _, err := j.Follow(room, journal.Newest, (*counter)(&n)); err != nil {
		t.Fatal(err)
	}
	return &n
}

// counter is a follower that counts.
type counter atomic.Int32

func (c *counter) Deliver(journal.Entry) { (*atomic.Int32)(c).Add(1) }
func (c *counter) Lost(journal.Lost)     {}

// flush makes Pebble write its memory to tables. It returns early if that fails.
func flush(t *testing.T, j *Journal) {
	t.Helper()
	h, err := j.store.Use(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	done, err := h.DB.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	for h.DB.Health() == nil {
		select {
		case <-done:
			return
		default:
			runtime.Gosched()
		}
	}
}

func TestJournal_FailingDisk_AnswersOnlyWhenCertain(t *testing.T) {
	j, d := onFaultyDisk(t)
	mustAppend(t, j, say("room", "first"))
	d.Fail(faultfs.On("", ".log", syscall.EIO)) // the log can't be cut back either
	answer := make(chan error, 1)
	j.Append(context.Background(), say("room", "lost"), func(_ journal.Receipt, err error) { answer <- err })
	// This one is answered at once, after the committer has tried the first.
	if _, err := appendOne(j, journal.Entry{Room: "room", Kind: journal.Signal}); err != nil {
		t.Fatal(err)
	}
	j.maintain()
	select {
	case err := <-answer:
		t.Fatalf("answered with %v while it might yet be recorded", err)
	default:
	}
	checkRefused(t, j, "room", 1)
	d.Fail(nil)
	j.maintain()
	if err := <-answer; !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("answered with %v", err)
	}
	if r := mustAppend(t, j, say("room", "lost")); r.Seq != 2 || r.Duplicate {
		t.Errorf("tried again: %+v", r)
	}
}

func TestJournal_FailingDisk_RetriesTables(t *testing.T) {
	j, d := onFaultyDisk(t)
	d.Fail(faultfs.On("", ".sst", faultfs.ErrNoSpace))
	body := strings.Repeat("x", 10_000)
	var kept int
	for i := range 1000 { // ten times as much as Pebble keeps in memory
		e := say("room", fmt.Sprint(i))
		e.Body = []byte(body)
		_, err := appendOne(j, e)
		if err == nil {
			kept++
		} else if !errors.Is(err, journal.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if kept == 1000 {
		t.Fatal("nothing was refused")
	}
	checkRefused(t, j, "room", kept)
	d.Fail(nil)
	j.maintain()
	mustAppend(t, j, say("room", "again"))
	checkKept(t, j, "room", kept+1)
}

func TestJournal_FailingDisk_CloseAnswersEverybody(t *testing.T) {
	for name, fault := range failures {
		t.Run(name, func(t *testing.T) {
			d := faultfs.New()
			j := open(t, Options{Dir: t.TempDir(), fs: d, truncate: d.Truncate, interval: -1, memTable: 256 << 10})
			for i := range 5 {
				mustAppend(t, j, say("room", fmt.Sprint(i)))
			}
			d.Fail(fault)
			var answered sync.WaitGroup
			for i := range 50 {
				answered.Add(1)
				j.Append(context.Background(), say("room", fmt.Sprint("lost", i)), func(journal.Receipt, error) { answered.Done() })
			}
			j.Close() // may report the failure
			answered.Wait()
			d.Fail(nil)
			j2 := open(t, j.opt)
			defer j2.Close()
			if n := len(readAll(t, j2, "room")); n < 5 {
				t.Errorf("%d entries, want the 5 acknowledged at least", n)
			}
		})
	}
}

// After Pebble gave up, the journal only reads until the server is restarted.
func TestJournal_PebbleGivesUp_NeedsARestart(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	mustAppend(t, j, say("room", "first"))
	j.store.Peek().DB.Fail(failstop.ErrGaveUp)
	j.maintain()
	checkRefused(t, j, "room", 1)
	if err := j.Close(); !errors.Is(err, failstop.ErrGaveUp) {
		t.Errorf("Close: %v", err)
	}
}

func TestJournal_CommitterPanics_KeepsReading(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	mustAppend(t, j, say("room", "first"))
	err := j.change(context.Background(), false, func(*commit.Group) error { panic("a bug") })
	if !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("change: %v", err)
	}
	j.maintain()
	checkRefused(t, j, "room", 1)
	j.Close()
}

// TestJournal_FailingDisk_Simulation lets the disk fail under load, at any moment and
// in every way, again and again. Afterwards every acknowledged entry must be there
// with its number, and no other.
func TestJournal_FailingDisk_Simulation(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	defer func() {
		if t.Failed() {
			t.Logf("SEED=%d", seed)
		}
	}()
	random := rand.New(rand.NewPCG(seed, 0))
	j, d := onFaultyDisk(t)
	load := &load{j: j, acknowledged: map[string]journal.Receipt{}, failed: map[string]bool{}}
	var faults []faultfs.Fault
	for _, name := range []string{".log", "MANIFEST", ".sst", "marker", "", filepath.Base(j.opt.Dir)} {
		for _, op := range []string{"write", "sync", "create", ""} {
			for _, err := range []error{faultfs.ErrNoSpace, syscall.EIO} {
				faults = append(faults, faultfs.On(op, name, err))
			}
		}
	}
	for round := range 30 {
		ok := random.IntN(300)
		fault := faults[random.IntN(len(faults))]
		var ops atomic.Int64
		d.Fail(func(op, name string) error {
			if ops.Add(1) > int64(ok) {
				return fault(op, name)
			}
			return nil
		})
		load.run(t, round, 4, 60)
		d.Fail(nil)
		j.maintain()
		if err := j.queue.refused(); err != nil {
			t.Fatalf("round %d: still refuses: %v", round, err)
		}
		load.check(t)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	load.j = reopen(t, j)
	defer load.j.Close()
	load.check(t)
	t.Logf("%d acknowledged, %d failed", len(load.acknowledged), len(load.failed))
}

// load appends from several goroutines and keeps the answers.
type load struct {
	j *Journal

	mu           sync.Mutex // guards the rest
	acknowledged map[string]journal.Receipt
	failed       map[string]bool // keys that failed and were not acknowledged later
}

// run appends n entries from each goroutine. Some of them are those that failed
// before.
func (l *load) run(t *testing.T, round, goroutines, n int) {
	body := strings.Repeat("x", 2000)
	var answered sync.WaitGroup
	for g := range goroutines {
		for i := range n {
			key := fmt.Sprintf("%d/%d/%d", round, g, i)
			if old := l.anyFailed(); old != "" && i%3 == 0 {
				key = old
			}
			answered.Add(1)
			e := say("room"+key[len(key)-1:], key)
			e.Body = []byte(key + body)
			l.j.Append(context.Background(), e, func(r journal.Receipt, err error) {
				defer answered.Done()
				l.note(t, key, r, err)
			})
		}
		// Uncertain entries are answered only after the disk has recovered.
		l.j.maintain()
	}
	allAnswered := make(chan struct{})
	go func() {
		answered.Wait()
		close(allAnswered)
	}()
	for {
		select {
		case <-allAnswered:
			return
		default:
			l.j.maintain()
			if l.j.store.Check() != nil {
				l.j.opt.fs.(*faultfs.FS).Fail(nil)
			}
		}
	}
}

func (l *load) note(t *testing.T, key string, r journal.Receipt, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		if was, known := l.acknowledged[key]; known && was.Seq != r.Seq {
			t.Errorf("%s was recorded as %d and %d", key, was.Seq, r.Seq)
		}
		l.acknowledged[key] = r
		delete(l.failed, key)
	case errors.Is(err, journal.ErrUnavailable):
		if _, known := l.acknowledged[key]; !known {
			l.failed[key] = true
		}
	default:
		t.Errorf("%s: %v", key, err)
	}
}

func (l *load) anyFailed() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.failed {
		return key
	}
	return ""
}

// check checks that the journal has exactly the acknowledged entries.
func (l *load) check(t *testing.T) {
	t.Helper()
	found := 0
	for room := range 10 {
		for i, e := range readAll(t, l.j, fmt.Sprint("room", room)) {
			r, known := l.acknowledged[e.Key]
			if !known || r.Seq != e.Seq || r.At != e.At || e.Seq != journal.Seq(i+1) || !strings.HasPrefix(string(e.Body), e.Key) {
				t.Errorf("entry %d of room%d is %d with key %q; acknowledged was %+v", i+1, room, e.Seq, e.Key, r)
			}
			found++
		}
	}
	if found != len(l.acknowledged) {
		t.Errorf("%d entries, %d acknowledged", found, len(l.acknowledged))
	}
}
