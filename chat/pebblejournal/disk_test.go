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
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
)

// onBadDisk opens a journal on a disk that can be told to fail. Its keeper works
// only when it is told to.
func onBadDisk(t *testing.T) (*Journal, *faultfs.FS) {
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

func say(room, key string) journal.Entry {
	return journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "u1"}, Key: key, Body: []byte("body of " + key)}
}

// appendOne appends and waits.
func appendOne(j *Journal, e journal.Entry) (journal.Receipt, error) {
	type answer struct {
		r   journal.Receipt
		err error
	}
	answers := make(chan answer, 1)
	j.Append(e, func(r journal.Receipt, err error) { answers <- answer{r, err} })
	a := <-answers
	return a.r, a.err
}

func mustAppend(t testing.TB, j *Journal, e journal.Entry) journal.Receipt {
	t.Helper()
	r, err := appendOne(j, e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkRefused checks that appends are refused as unavailable, and that what is
// there is read all the same.
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

// checkKept checks that the room holds the entries 1 to n.
func checkKept(t testing.TB, j *Journal, room string, n int) {
	t.Helper()
	entries := readAll(t, j, room)
	if len(entries) != n {
		t.Fatalf("room %q: %d entries, want %d", room, len(entries), n)
	}
	for i, e := range entries {
		if e.Seq != journal.Seq(i+1) {
			t.Fatalf("room %q: entry %d is numbered %d", room, i+1, e.Seq)
		}
	}
}

func readAll(t testing.TB, j *Journal, room string) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	for q := (journal.Query{Room: room, Limit: 1000}); ; {
		page, err := j.Read(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, page.Entries...)
		if !page.More {
			return entries
		}
		q.After = page.Entries[len(page.Entries)-1].Seq
	}
}

func TestJournal_FullDisk_RefusesUntilThereIsRoom(t *testing.T) {
	j, d := onBadDisk(t)
	for i := range 10 {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	d.ReportFree(1 << 20)
	checkRefused(t, j, "room", 10)
	j.keeper.tend()
	checkRefused(t, j, "room", 10)
	if s := j.Details(); s.Unavailable == nil || s.FreeBytes != 1<<20 {
		t.Errorf("Stats: %+v", s)
	}
	// What needs no room goes on.
	if _, err := appendOne(j, journal.Entry{Room: "room", Kind: journal.Signal}); err != nil {
		t.Errorf("append of a Signal: %v", err)
	}
	d.ReportFree(1 << 40)
	j.keeper.tend()
	if r := mustAppend(t, j, say("room", "again")); r.Seq != 11 {
		t.Errorf("receipt %+v, want 11", r)
	}
	if s := j.Details(); s.Unavailable != nil {
		t.Errorf("Stats: %+v", s)
	}
}

func TestJournal_FullDisk_IsNoticedByTheKeeper(t *testing.T) {
	j, d := onBadDisk(t)
	d.ReportFree(1 << 20)
	j.keeper.tend()
	if err := j.queue.refused(); !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("refused: %v", err)
	}
}

// failures are the ways in which a disk that claims to have room may fail
// Pebble where Pebble would end the process.
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
			j, d := onBadDisk(t)
			for i := range 10 {
				mustAppend(t, j, say("room", fmt.Sprint(i)))
			}
			l := followed(t, j, "room")
			d.Fail(fault)
			flush(t, j) // so that the manifest is written too
			for i := range 3 {
				answer := make(chan error, 1)
				j.Append(say("room", fmt.Sprint("lost", i)), func(_ journal.Receipt, err error) { answer <- err })
				j.keeper.tend() // in vain, as yet
				d.Fail(nil)
				j.keeper.tend()
				if err := <-answer; err != nil && !errors.Is(err, journal.ErrUnavailable) {
					t.Fatalf("append: %v, want ErrUnavailable", err)
				}
				d.Fail(fault)
			}
			d.Fail(nil)
			j.keeper.tend()
			before := len(readAll(t, j, "room"))
			if r := mustAppend(t, j, say("room", "again")); int(r.Seq) != before+1 {
				t.Errorf("receipt %+v after %d entries", r, before)
			}
			checkKept(t, j, "room", before+1)
			for int(l.Load()) < before+1-10 { // followers hear after who appended
				runtime.Gosched()
			}
			j2 := reopen(t, j)
			defer j2.Close()
			checkKept(t, j2, "room", before+1)
		})
	}
}

// followed counts what is delivered of a room.
func followed(t *testing.T, j *Journal, room string) *atomic.Int32 {
	t.Helper()
	var n atomic.Int32
	if _, err := j.Follow(room, func(journal.Entry) { n.Add(1) }); err != nil {
		t.Fatal(err)
	}
	return &n
}

// flush has Pebble write its memory to tables, if it can.
func flush(t *testing.T, j *Journal) {
	t.Helper()
	h, err := j.store.use(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer h.release()
	done, err := h.db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	for h.db.Health() == nil {
		select {
		case <-done:
			return
		default:
			runtime.Gosched()
		}
	}
}

func TestJournal_FailingDisk_AnswersOnlyWhenSure(t *testing.T) {
	j, d := onBadDisk(t)
	mustAppend(t, j, say("room", "first"))
	d.Fail(faultfs.On("", ".log", syscall.EIO)) // the log can't be cut back either
	answer := make(chan error, 1)
	j.Append(say("room", "lost"), func(_ journal.Receipt, err error) { answer <- err })
	// The next one is answered at once, and shows that the first was tried.
	if _, err := appendOne(j, journal.Entry{Room: "room", Kind: journal.Signal}); err != nil {
		t.Fatal(err)
	}
	j.keeper.tend()
	select {
	case err := <-answer:
		t.Fatalf("answered with %v while it might yet be recorded", err)
	default:
	}
	checkRefused(t, j, "room", 1)
	d.Fail(nil)
	j.keeper.tend()
	if err := <-answer; !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("answered with %v", err)
	}
	if r := mustAppend(t, j, say("room", "lost")); r.Seq != 2 || r.Duplicate {
		t.Errorf("tried again: %+v", r)
	}
}

func TestJournal_FailingDisk_TablesAreTriedAgain(t *testing.T) {
	j, d := onBadDisk(t)
	d.Fail(faultfs.On("", ".sst", faultfs.ErrNoSpace))
	body := strings.Repeat("x", 10_000)
	var kept int
	for i := range 1000 { // ten times what Pebble keeps in memory
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
	j.keeper.tend()
	mustAppend(t, j, say("room", "again"))
	checkKept(t, j, "room", kept+1)
}

func TestJournal_FailingDisk_Close(t *testing.T) {
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
				j.Append(say("room", fmt.Sprint("lost", i)), func(journal.Receipt, error) { answered.Done() })
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

// What Pebble takes for fatal, beside a failing disk, ends the journal until the
// server is restarted.
func TestJournal_PebbleGivesUp(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	mustAppend(t, j, say("room", "first"))
	j.store.peek().db.Fail(failstop.ErrGaveUp)
	j.keeper.tend()
	checkRefused(t, j, "room", 1)
	if err := j.Close(); !errors.Is(err, failstop.ErrGaveUp) {
		t.Errorf("Close: %v", err)
	}
}

func TestJournal_CommitterPanics(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	mustAppend(t, j, say("room", "first"))
	err := j.change(context.Background(), false, func(*group) error { panic("a bug") })
	if !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("change: %v", err)
	}
	j.keeper.tend()
	checkRefused(t, j, "room", 1)
	j.Close()
}

// TestJournal_FailingDisk_Simulation has the disk fail again and again, in every
// way and at any moment, under load. Everything acknowledged must be there, in
// its place, and nothing else.
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
	j, d := onBadDisk(t)
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
		j.keeper.tend()
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

// load appends from several goroutines and remembers the answers.
type load struct {
	j *Journal

	mu           sync.Mutex // guards the rest
	acknowledged map[string]journal.Receipt
	failed       map[string]bool // and not acknowledged since
}

// run has goroutines append n entries each, and tries those again that failed
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
			l.j.Append(e, func(r journal.Receipt, err error) {
				defer answered.Done()
				l.note(t, key, r, err)
			})
		}
		// Nobody waits for ever when the disk fails: what is not sure is
		// answered when it is mended.
		l.j.keeper.tend()
	}
	mended := make(chan struct{})
	go func() {
		answered.Wait()
		close(mended)
	}()
	for {
		select {
		case <-mended:
			return
		default:
			l.j.keeper.tend()
			if l.j.store.check() != nil {
				l.j.store.opt.fs.(*faultfs.FS).Fail(nil)
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

// check checks that what is there is what was acknowledged.
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
