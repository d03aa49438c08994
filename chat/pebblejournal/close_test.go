package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
)

// hangs are what a disk that does not answer may hold up.
var hangs = []struct{ op, part string }{
	{"sync", ".log"}, {"write", ".log"}, {"create", ".log"}, {"sync", "WITNESS"}, {"rename", "WITNESS"},
	{"write", ".sst"}, {"sync", "MANIFEST"}, {"read", ".sst"},
}

// Close gives up on a disk that does not answer, having answered everybody; when the
// disk answers again, the directory is free, and has all that was acknowledged.
func TestClose_HangingDisk_GivesUpAndAnswersEverybody(t *testing.T) {
	for _, c := range hangs {
		t.Run(c.op+" "+c.part, func(t *testing.T) {
			t.Parallel()
			d := faultfs.New()
			j := open(t, Options{
				Dir: t.TempDir(), fs: d, truncate: d.Truncate, interval: -1, patience: 200 * time.Millisecond, CacheBytes: 1,
			})
			mustAppend(t, j, say("room", "acknowledged"))
			flush(t, j)
			hang := faultfs.HangOn(c.op, c.part)
			d.Fail(hang.Fault)
			answers := make(chan error, 8)
			for i := range 3 {
				j.Append(context.Background(), say("room", fmt.Sprint("later", i)), func(_ journal.Receipt, err error) { answers <- err })
			}
			go func() { // this reads tables, and turns the log into one
				_, _ = j.Read(context.Background(), journal.Query{Room: "other", Limit: 1})
				_ = j.Compact(context.Background())
			}()
			<-hang.Begun()
			put := make(chan error, 1)
			go func() { put <- j.Records().Put(context.Background(), "key", []byte("x")) }()
			began := time.Now()
			if err := j.Close(); err == nil {
				t.Error("Close says that all is well")
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("Close took %v", took)
			}
			for i := range 3 {
				err := <-answers
				if i == 0 && c.part == ".log" && c.op != "create" && !errors.Is(err, journal.ErrUncertain) {
					t.Errorf("what was being written is answered with %v", err)
				}
				if err != nil && !errors.Is(err, journal.ErrUncertain) && !errors.Is(err, journal.ErrClosed) {
					t.Errorf("answered with %v", err)
				}
			}
			<-put
			if _, err := j.Read(context.Background(), journal.Query{Room: "room"}); !errors.Is(err, journal.ErrClosed) {
				t.Errorf("Read after Close: %v", err)
			}
			if j2, err := Open(Options{Dir: j.opt.Dir}); !errors.Is(err, ErrLocked) {
				t.Errorf("another journal opened it: %v, %v", j2, err)
			}
			d.Fail(nil)
			hang.End()
			checkFreed(t, j)
		})
	}
}

// checkFreed waits until the directory is free, and checks what is there.
func checkFreed(t *testing.T, j *Journal) {
	t.Helper()
	var j2 *Journal
	for err := ErrLocked; errors.Is(err, ErrLocked); runtime.Gosched() {
		j2, err = Open(Options{Dir: j.opt.Dir, interval: -1})
	}
	if j2 == nil {
		t.Fatal("it cannot be opened")
	}
	defer j2.Close()
	n := len(readAll(t, j2, "room"))
	checkKept(t, j2, "room", n)
	if again := mustAppend(t, j2, say("room", "acknowledged")); again.Seq != 1 || !again.Duplicate {
		t.Errorf("acknowledged was %+v", again)
	}
	if len(j2.store.Warnings()) > 0 || epochOf(j2) != epochOf(j) {
		t.Errorf("the store warns: %v", j2.store.Warnings())
	}
}

// A scan that stands still, because its caller does or waits for the journal, lets go of a
// store that must be opened again.
func TestScan_StoreIsReopened_LetsGo(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	putMany(t, j, 3*scanBatch/putSize)
	reopened := make(chan error, 1)
	reopen := sync.OnceFunc(func() {
		h := j.store.Peek()
		go func() { _, err := j.store.Reopen(0, j.takeOver); reopened <- err }()
		<-h.Leaving()
	})
	err := j.Records().Scan(context.Background(), "", func(rec journal.Record) error {
		reopen()
		_, err := j.Records().Get(context.Background(), rec.Key) // waits until the store is open
		return err
	})
	if !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("scan: %v", err)
	}
	if err := <-reopened; err != nil {
		t.Error(err)
	}
}

func TestClosed_IsUnavailable(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	if err := j.Unavailable(); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Unavailable(); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
	// A panic of done ends nobody, whichever goroutine calls it.
	j.Append(context.Background(), say("room", "k"), func(journal.Receipt, error) { panic("of the caller") })
	j.Append(context.Background(), journal.Entry{Kind: journal.Recall}, func(journal.Receipt, error) { panic("of the caller") })
}
