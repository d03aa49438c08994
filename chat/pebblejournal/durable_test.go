package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
)

// change1 is an entry that recalls message 2, or replaces its body, with a record.
func change1(kind journal.Kind) journal.Entry {
	e := say("room", "refused")
	e.Kind, e.Target = kind, 2
	e.With = []journal.Record{{Key: "record", Value: []byte("refused")}}
	if kind == journal.Recall {
		e.Body = nil
	}
	return e
}

// checkUnchanged checks that nothing is to be seen of the entry that was refused.
func checkUnchanged(t *testing.T, j *Journal, when string) {
	t.Helper()
	ctx := context.Background()
	entries := readAll(t, j, "room")
	if len(entries) != 5 || entries[1].Recalled || string(entries[1].Body) != "body of k1" {
		t.Errorf("%s: there are %d entries, and the second is %+v", when, len(entries), entries[1])
	}
	if r, err := j.Records().Get(ctx, "record"); err != nil || r.Value != nil {
		t.Errorf("%s: the record is %q, %v", when, r.Value, err)
	}
	feed, err := j.Feed(ctx, journal.FeedQuery{Limit: 10})
	if err != nil || len(feed.Entries) != 5 || len(feed.Missing) > 0 || feed.Entries[1].Recalled {
		t.Errorf("%s: the feed is %+v, %v", when, feed, err)
	}
}

// Readers never see what is not synced: neither while it is, nor if that fails. Nothing of
// it stays when the disk works again.
func TestRead_NotSynced_IsNotSeen(t *testing.T) {
	for _, kind := range []journal.Kind{journal.Message, journal.Recall, journal.Edit} {
		t.Run(kind.Name(), func(t *testing.T) {
			j, d := onFaultyDisk(t)
			for i := range 5 {
				mustAppend(t, j, say("room", fmt.Sprint("k", i)))
			}
			j.rooms.EvictAll() // as if the room had not been used for long
			begun, end := make(chan struct{}), make(chan struct{})
			var once sync.Once
			d.Fail(func(op, name string) error {
				if op != "sync" || !strings.HasSuffix(name, ".log") {
					return nil
				}
				once.Do(func() { close(begun) })
				<-end
				return syscall.EIO
			})
			answer := make(chan error, 1)
			j.Append(context.Background(), change1(kind), func(_ journal.Receipt, err error) { answer <- err })
			<-begun
			checkUnchanged(t, j, "while it is synced")
			close(end)
			if err := <-answer; !errors.Is(err, journal.ErrUnavailable) {
				t.Errorf("Append: %v", err)
			}
			j.rooms.EvictAll()
			checkUnchanged(t, j, "when it was refused")
			if r, err := j.Find(context.Background(), "room", "u1", "refused"); err != nil || r.Seq != 0 {
				t.Errorf("Find of what was refused: %+v, %v", r, err)
			}
			d.Fail(nil)
			j.maintain()
			checkUnchanged(t, j, "when the disk works again")
			mustAppend(t, j, say("room", "next"))
		})
	}
}

// together holds the committer while do queues n items, so that they are one group.
func together(t *testing.T, j *Journal, n int, do func()) {
	t.Helper()
	held, end := make(chan struct{}), make(chan struct{})
	go func() {
		_ = j.change(context.Background(), true, func(*commit.Group) error {
			close(held)
			<-end
			return nil
		})
	}()
	<-held
	do()
	for queued := 0; queued < n; {
		j.queue.mu.Lock()
		queued = len(j.queue.items)
		j.queue.mu.Unlock()
	}
	close(end)
}

// What a group has decided by an entry is no longer so when the group is refused.
func TestCommit_RefusedGroup_HasDecidedNothing(t *testing.T) {
	j, d := onFaultyDisk(t)
	mustAppend(t, j, say("room", "k0"))
	restored := say("other", "k")
	restored.Seq, restored.At = 1, 1000
	errs := make(chan error, 4)
	together(t, j, 4, func() {
		d.Fail(faultfs.On("sync", ".log", syscall.EIO))
		for range 2 {
			go func() {
				_, _, err := j.Restore(context.Background(), []journal.Entry{restored})
				errs <- err
			}()
		}
		for _, e := range []journal.Entry{
			{Kind: journal.Recall, Target: 1}, {Kind: journal.Edit, Target: 1, Body: []byte("x")},
		} {
			e.Room, e.From.ID = "room", "u1"
			j.Append(context.Background(), e, func(_ journal.Receipt, err error) { errs <- err })
		}
	})
	for range 4 {
		if err := <-errs; !errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("an item of the group: %v", err)
		}
	}
	d.Fail(nil)
	j.maintain()
	if n := len(readAll(t, j, "other")); n != 0 {
		t.Errorf("%d entries were restored", n)
	}
}

// If the log can't be cut back either, nobody can know what became of an entry.
func TestClose_LogCannotBeRewound_IsUncertain(t *testing.T) {
	d := faultfs.New()
	opt := Options{Dir: t.TempDir(), fs: d, truncate: d.Truncate, interval: -1, memTable: 256 << 10}
	j := open(t, opt)
	mustAppend(t, j, say("room", "k0"))
	d.Fail(func(op, name string) error {
		return errors.Join(faultfs.On("sync", ".log", syscall.EIO)(op, name), faultfs.On("truncate", "", syscall.EIO)(op, name))
	})
	answer := make(chan error, 1)
	j.Append(context.Background(), say("room", "k1"), func(_ journal.Receipt, err error) { answer <- err })
	for j.queue.refused() == nil {
		time.Sleep(time.Millisecond)
	}
	_ = j.Close() // it tells of the disk
	if err := <-answer; !errors.Is(err, journal.ErrUncertain) {
		t.Errorf("Append: %v, want ErrUncertain", err)
	}
	d.Fail(nil)
	j = open(t, opt)
	defer j.Close()
	if n := len(readAll(t, j, "room")); n != 1 && n != 2 {
		t.Errorf("%d entries are there", n)
	}
}

// A trim that was planned in one life of a room deletes nothing in the next.
func TestTrim_PlannedInAnEarlierLife_DeletesNothing(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	ctx := context.Background()
	fill := func(name string) {
		for i := range 5 {
			mustAppend(t, j, say("room", fmt.Sprint(name, i)))
		}
	}
	fill("old ")
	over, err := j.findExcess(ctx, "room", journal.Retention{Count: 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := j.planTrim(ctx, over, trimMax, commit.KeepYoungKeys)
	if err != nil || plan.To != 4 {
		t.Fatal(plan, err)
	}
	if err := j.Trim(ctx, "room", journal.All); err != nil {
		t.Fatal(err)
	}
	fill("new ")
	if err := j.applyTrims(ctx, []commit.Trim{plan}); err != nil {
		t.Fatal(err)
	}
	checkKept(t, j, "room", 5)
}

// What is recorded while the feed forgets what is old stays in the feed.
func TestFeed_AppendWhileItForgets_Stays(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	mustAppend(t, j, say("room", "old"))
	var once sync.Once
	err := j.forgetFeed(context.Background(), func(int64, uint64) bool {
		once.Do(func() { mustAppend(t, j, say("room", "new")) })
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	feed, err := j.Feed(context.Background(), journal.FeedQuery{Limit: 10})
	if err != nil || len(feed.Entries) != 1 || feed.Entries[0].Key != "new" || feed.First != 1 {
		t.Errorf("the feed is %+v, %v", feed, err)
	}
}

// Stop does not wait for a disk that does not answer.
func TestFollow_Stop_EndsWhatCatchesUp(t *testing.T) {
	j, d := onFaultyDisk(t)
	for i := range 200 {
		mustAppend(t, j, say("room", fmt.Sprint("k", i)))
	}
	flush(t, j)
	j = reopen(t, j)
	defer j.Close()
	if _, err := j.Heads(t.Context(), []string{"room"}); err != nil { // the room is known, its entries are not
		t.Fatal(err)
	}
	hang := faultfs.HangOn("read", ".sst")
	defer hang.End()
	defer d.Fail(nil)
	d.Fail(hang.Fault)
	start, err := j.Follow("room", 0, new(counter))
	if err != nil {
		t.Fatal(err)
	}
	<-hang.Begun()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		start.Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(time.Minute):
		t.Fatal("Stop waits for the disk")
	}
}

// A page of the feed says what was forgotten while it was read.
func TestFeed_ForgetsMeanwhile_SaysSo(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	for i := range 10 {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	epoch, before := j.shown.get()
	n := 0
	if err := j.forgetFeed(context.Background(), func(int64, uint64) bool { n++; return n <= 5 }); err != nil {
		t.Fatal(err)
	}
	j.shown.set(epoch, before) // as if the reader had looked before
	page, err := j.Feed(context.Background(), journal.FeedQuery{Limit: 100})
	if err != nil || page.First != 5 || len(page.Entries) != 5 || page.Entries[0].Position != 6 {
		t.Errorf("%+v, %v", page, err)
	}
}

// While it is not certain whether an entry is recorded, its key is not called new.
func TestFind_LogCannotBeRewound_IsUncertain(t *testing.T) {
	d := faultfs.New()
	refuse := func(string, int64) error { return faultfs.ErrNoSpace }
	j := open(t, Options{Dir: t.TempDir(), fs: d, truncate: refuse, interval: -1})
	mustAppend(t, j, say("room", "kept"))
	d.Fail(faultfs.On("sync", ".log", faultfs.ErrNoSpace))
	answers := make(chan error, 1)
	j.Append(context.Background(), say("room", "lost"), func(_ journal.Receipt, err error) { answers <- err })
	for j.Unavailable() == nil { // then what comes is in another group
		runtime.Gosched()
	}
	if r, err := j.Find(context.Background(), "room", "u1", "lost"); !errors.Is(err, journal.ErrUncertain) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := j.Find(context.Background(), "room", "u1", "kept"); err != nil || r.Seq != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := j.Find(context.Background(), "room", "u1", "other"); err != nil || r.Seq != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	d.Fail(nil)
	_ = j.Close()
	if err := <-answers; !errors.Is(err, journal.ErrUncertain) {
		t.Error(err)
	}
}
