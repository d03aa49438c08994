package pebblejournal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
)

// reopenDuring lets the store be opened again while the committer hangs at the disk, and
// returns once both are done.
func reopenDuring(t *testing.T, j *Journal, d *faultfs.FS, hang *faultfs.Hang) {
	t.Helper()
	<-hang.Begun()
	leaving := j.store.Peek().Leaving()
	maintained := make(chan struct{})
	go func() { j.maintain(); close(maintained) }()
	<-leaving
	d.Fail(nil)
	hang.End()
	<-maintained
}

// The disk recovers before the committer knows that it can't take back what the log has.
// Whoever appended is answered all the same.
func TestAppend_ReopenedWhileItIsTakenBack_IsAnswered(t *testing.T) {
	j, d := onFaultyDisk(t)
	mustAppend(t, j, say("room", "0"))
	hang := faultfs.HangOn("truncate", ".log")
	var tried atomic.Bool
	d.Fail(func(op, name string) error {
		if op == "truncate" && !tried.Swap(true) {
			hang.Fault(op, name)
			return syscall.EIO
		}
		return faultfs.On("sync", ".log", syscall.EIO)(op, name)
	})
	answer := make(chan error, 1)
	j.Append(context.Background(), say("room", "lost"), func(_ journal.Receipt, err error) { answer <- err })
	reopenDuring(t, j, d, hang)
	select {
	case err := <-answer:
		if !errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("append: %v", err)
		}
	default:
		t.Error("nobody is answered")
	}
	checkKept(t, j, "room", 1)
	if r := mustAppend(t, j, say("room", "lost")); r.Seq != 2 || r.Duplicate {
		t.Errorf("receipt %+v", r)
	}
}

// The store fails, and the disk recovers, while the log is being synced. What is acknowledged
// then stays.
func TestAppend_ReopenedWhileTheLogIsSynced_Stays(t *testing.T) {
	j, d := onFaultyDisk(t)
	mustAppend(t, j, say("room", "0"))
	hang := faultfs.HangOn("sync", ".log")
	d.Fail(hang.Fault)
	answer := make(chan error, 1)
	j.Append(context.Background(), say("room", "1"), func(_ journal.Receipt, err error) { answer <- err })
	<-hang.Begun()
	j.store.Peek().DB.Fail(syscall.EIO) // as when the manifest cannot be written
	reopenDuring(t, j, d, hang)
	if err := <-answer; err != nil {
		t.Fatalf("append: %v", err) // else the test shows nothing
	}
	checkKept(t, j, "room", 2)
	if r := mustAppend(t, j, say("room", "1")); r.Seq != 2 || !r.Duplicate {
		t.Errorf("receipt %+v", r)
	}
}

// While the log can't be rewound, the store stays open to be read.
func TestReopen_LogCantBeRewound_CanBeRead(t *testing.T) {
	j, d := onFaultyDisk(t)
	mustAppend(t, j, say("room", "0"))
	d.Fail(func(op, name string) error {
		return cmp.Or(faultfs.On("sync", ".log", syscall.EIO)(op, name), faultfs.On("truncate", ".log", syscall.EIO)(op, name))
	})
	answer := make(chan error, 1)
	j.Append(context.Background(), say("room", "lost"), func(_ journal.Receipt, err error) { answer <- err })
	for j.store.Healthy() {
		runtime.Gosched()
	}
	for range 3 {
		j.maintain()
		checkKept(t, j, "room", 1)
	}
	if len(answer) > 0 {
		t.Errorf("answered, though it may be recorded: %v", <-answer)
	}
	d.Fail(nil)
	j.maintain()
	if err := <-answer; !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	checkKept(t, j, "room", 1)
}

// Maintenance that does not know whether it is recorded what it did goes on: nobody else
// opens the store again.
func TestMaintain_IsUncertain_GoesOn(t *testing.T) {
	d := faultfs.New()
	keep := func(string) journal.Retention { return journal.Retention{Count: 1} }
	j := open(t, Options{Dir: t.TempDir(), Retention: keep, fs: d, truncate: d.Truncate, interval: -1})
	defer j.Close()
	j.maintain()
	for i := range 2 * retentionStep {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	d.Fail(func(op, name string) error {
		return cmp.Or(faultfs.On("sync", ".log", syscall.EIO)(op, name), faultfs.On("truncate", ".log", syscall.EIO)(op, name))
	})
	maintained := make(chan struct{})
	go func() { j.maintain(); close(maintained) }()
	select {
	case <-maintained:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for itself")
	}
	if j.store.Healthy() {
		t.Fatal("it wrote nothing") // the test shows nothing
	}
	d.Fail(nil)
	j.maintain()
	if r := mustAppend(t, j, say("room", "again")); r.Seq != 2*retentionStep+1 || r.Duplicate {
		t.Errorf("receipt %+v", r)
	}
}

type loser struct{ told chan journal.Lost }

func (loser) Deliver(journal.Entry)    {}
func (l loser) Lost(lost journal.Lost) { l.told <- lost }

// If the disk fails before followers are told of a loss, they are told later.
func TestLoseAll_DiskFails_IsToldLater(t *testing.T) {
	j, _ := onFaultyDisk(t)
	mustAppend(t, j, say("room", "0"))
	lost := make(chan journal.Lost, 2)
	if _, err := j.Follow("room", journal.Newest, loser{lost}); err != nil {
		t.Fatal(err)
	}
	j.store.Peek().DB.Fail(syscall.EIO)
	if err := j.loseAll(context.Background(), journal.Lost{Epoch: "another"}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		j.unresolved.mu.Lock()
		known := j.unresolved.lost != nil
		j.unresolved.mu.Unlock()
		if known {
			break
		} else if time.Now().After(end) {
			t.Fatal("forgotten")
		}
	}
	if len(lost) > 0 {
		t.Errorf("told at once: %v", <-lost) // the test shows nothing
	}
	j.maintain()
	if l := <-lost; l.Epoch != "another" {
		t.Errorf("told of %v", l)
	}
}
