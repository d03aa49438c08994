package pebblejournal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
)

// Whatever hangs, compaction and backup end with their context, and a backup leaves
// nothing behind once the disk goes on.
func TestCompactAndBackup_HangingDisk_EndWithTheirContext(t *testing.T) {
	for _, c := range []struct{ op, part string }{
		{"create", ".sst"}, {"write", ".sst"}, {"sync", ".sst"}, {"write", "MANIFEST"}, {"sync", "MANIFEST"},
		{"link", ".sst"}, {"write", ".log"}, {"sync", ".log"},
	} {
		t.Run(c.op+" "+c.part, func(t *testing.T) {
			t.Parallel()
			j, d := onFaultyDisk(t)
			for i := range 10 {
				mustAppend(t, j, say("room", fmt.Sprint(i)))
			}
			flush(t, j)
			mustAppend(t, j, say("room", "in the log"))
			dir := filepath.Join(t.TempDir(), "backup")
			for name, do := range map[string]func(context.Context) error{
				"compact": j.Compact,
				"backup":  func(ctx context.Context) error { return j.Backup(ctx, dir) },
			} {
				hang := faultfs.HangOn(c.op, c.part)
				d.Fail(hang.Fault)
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- do(ctx) }()
				select {
				case err := <-ended: // it does not do that
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
				case <-hang.Begun():
					cancel()
					if err := <-ended; !errors.Is(err, context.Canceled) {
						t.Errorf("%s: %v", name, err)
					}
				}
				cancel()
				d.Fail(nil)
				hang.End()
				awaitUnused(t, j)
				if _, err := os.Stat(dir); name == "backup" && !errors.Is(err, fs.ErrNotExist) && ctx.Err() != nil && hung(hang) {
					t.Errorf("the backup was left behind: %v", err)
				}
				os.RemoveAll(dir)
			}
			checkKept(t, j, "room", 11)
		})
	}
}

func hung(h *faultfs.Hang) bool {
	select {
	case <-h.Begun():
		return true
	default:
		return false
	}
}

// awaitUnused waits until nobody uses the store.
func awaitUnused(t *testing.T, j *Journal) {
	t.Helper()
	if _, err := j.store.Reopen(0, j.takeOver); err != nil {
		t.Fatal(err)
	}
}

func TestCompactAndBackup_NoRoom_SayHowMuchTheyNeed(t *testing.T) {
	j, d := onFaultyDisk(t)
	for i := range 10 {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	dir := filepath.Join(t.TempDir(), "backup")
	d.ReportFree(1 << 10)
	for name, err := range map[string]error{
		"compact": j.Compact(context.Background()),
		"backup":  j.Backup(context.Background(), dir),
	} {
		if !errors.Is(err, journal.ErrUnavailable) || !strings.Contains(err.Error(), "MiB needed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the backup was begun")
	}
}

// A full disk that does not say so makes Pebble try for ever; the caller is told.
func TestCompactAndBackup_DiskTakesNothing_End(t *testing.T) {
	for _, part := range []string{".sst", "MANIFEST", ""} {
		j, d := onFaultyDisk(t)
		mustAppend(t, j, say("room", "k"))
		dir := filepath.Join(t.TempDir(), "backup")
		d.Fail(faultfs.On("", part, faultfs.ErrNoSpace))
		if err := j.Compact(context.Background()); !errors.Is(err, journal.ErrUnavailable) && part != "MANIFEST" {
			t.Errorf("%q: compact: %v", part, err)
		}
		err := j.Backup(context.Background(), dir)
		d.Fail(nil)
		if _, stat := os.Stat(dir); err == nil || stat == nil {
			t.Errorf("%q: backup: %v, %v", part, err, stat)
		}
		j.maintain()
		checkKept(t, j, "room", 1)
	}
}

func TestBackup_BadDirectory_SaysWhatToDo(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir()})
	defer j.Close()
	exists, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(j.opt.Dir, link); err != nil {
		t.Skip(err) // links need a right on Windows
	}
	for dir, wants := range map[string]string{
		link:                                "within the journal",
		filepath.Join(link, "archive"):      "within the journal",
		"":                                  "no such directory",
		exists:                              "choose another name",
		j.opt.Dir:                           "within the journal",
		filepath.Join(j.opt.Dir, "archive"): "within the journal",
	} {
		err := j.Backup(context.Background(), dir)
		if err == nil || !strings.Contains(err.Error(), wants) || errors.Is(err, fs.ErrExist) != (dir == exists) {
			t.Errorf("%q: %v", dir, err)
		}
	}
	if files := filesOf(t, exists, ""); len(files) > 0 {
		t.Errorf("it left %v", files)
	}
}

func TestCompactAndBackup_Closed_End(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir()})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(context.Background()); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
	if err := j.Backup(context.Background(), filepath.Join(t.TempDir(), "backup")); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
}

// Pebble ends the goroutine that calls it when it gives up; whoever waits is told.
func TestStore_PebbleEndsTheGoroutine_IsAnError(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	end := func() { runtime.Goexit() }
	err := j.store.Aside(context.Background(), func(context.Context, *disk.Handle) error { end(); return nil })
	if !errors.Is(err, failstop.ErrGaveUp) || !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("aside: %v", err)
	}
	_, err = disk.Within(context.Background(), j.store, func(*disk.Handle) (int, error) { end(); return 0, nil })
	if !errors.Is(err, failstop.ErrGaveUp) {
		t.Errorf("within: %v", err)
	}
	awaitUnused(t, j) // both have let go of the store
}

// A disk that does not answer holds up a reader for as long as that wants to wait.
func TestReads_HangingDisk_EndWithTheirContext(t *testing.T) {
	d := faultfs.New()
	j := open(t, Options{Dir: t.TempDir(), fs: d, truncate: d.Truncate, interval: -1, CacheBytes: 1})
	defer j.Close()
	value := bytes.Repeat([]byte("x"), 2000)
	for i := range 50 { // many blocks, because opening reads some
		e := say(fmt.Sprint("room", i), "k")
		e.Body = value
		mustAppend(t, j, e)
		if err := j.Records().Put(context.Background(), fmt.Sprint("key", i), value); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, j)
	for name, read := range map[string]func(context.Context) error{
		"Read": func(ctx context.Context) error {
			_, err := j.Read(ctx, journal.Query{Room: "room30", Limit: 10})
			return err
		},
		"Pages": func(ctx context.Context) error {
			_, err := j.Pages(ctx, []journal.Query{{Room: "room30", Limit: 10}}, 0)
			return err
		},
		"Heads": func(ctx context.Context) error {
			_, err := j.Heads(ctx, []string{"room30"})
			return err
		},
		"Feed": func(ctx context.Context) error {
			_, err := j.Feed(ctx, journal.FeedQuery{Limit: 10})
			return err
		},
		"Get": func(ctx context.Context) error {
			_, err := j.Records().Get(ctx, "key30")
			return err
		},
		"Scan": func(ctx context.Context) error {
			return j.Records().Scan(ctx, "", func(journal.Record) error { return nil })
		},
		"Trim": func(ctx context.Context) error {
			return j.Trim(ctx, "room30", 1)
		},
		"Trim of all": func(ctx context.Context) error {
			return j.Trim(ctx, "room31", journal.All)
		},
		"Rooms": func(ctx context.Context) error {
			return j.Rooms(ctx, func(string) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := j.store.Reopen(0, j.takeOver); err != nil { // so that nothing is in memory
				t.Fatal(err)
			}
			j.rooms.EvictAll()
			hang := faultfs.HangOn("read", ".sst")
			d.Fail(hang.Fault)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- read(ctx) }()
			select {
			case <-hang.Begun():
			case err := <-ended:
				t.Fatalf("it did not read: %v", err)
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
			d.Fail(nil)
			hang.End()
			if err := read(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A watch that begins while the disk does not answer holds up nobody else, and ends with
// the journal.
func TestWatch_HangingDisk_HoldsUpNoDelivery(t *testing.T) {
	d := faultfs.New()
	j := open(t, Options{Dir: t.TempDir(), fs: d, truncate: d.Truncate, interval: -1, CacheBytes: 1})
	putMany(t, j, 1000)
	flush(t, j)
	if _, err := j.store.Reopen(0, j.takeOver); err != nil { // so that nothing is in memory
		t.Fatal(err)
	}
	hang := faultfs.HangOn("read", ".sst")
	d.Fail(hang.Fault)
	ended := make(chan error, 1)
	go func() { _, err := j.Records().Watch("key05", func(journal.Record) {}); ended <- err }()
	select {
	case <-hang.Begun():
	case err := <-ended:
		t.Fatalf("it did not read: %v", err)
	}
	answered := make(chan error, 1)
	go func() { answered <- j.Records().Put(context.Background(), "other", []byte("x")) }()
	select {
	case err := <-answered:
		if err != nil {
			t.Error(err)
		}
	case <-ended:
		t.Error("nothing was delivered before the watch ended")
	}
	d.Fail(nil)
	hang.End()
	<-ended
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// putSize is how many bytes each value of putMany has.
const putSize = 1 << 10

func putMany(t *testing.T, j *Journal, n int) {
	t.Helper()
	for i := range n {
		if err := j.Records().Put(context.Background(), fmt.Sprintf("key%04d", i), bytes.Repeat([]byte("x"), putSize)); err != nil {
			t.Fatal(err)
		}
	}
}

// What changes while a watch begins comes after what was there, and nothing comes twice.
func TestWatch_ChangesMeanwhile_ComeInOrder(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	putMany(t, j, 2*scanBatch/putSize)
	put := func(value string) {
		if err := j.Records().Put(context.Background(), "key0001", []byte(value)); err != nil {
			t.Error(err)
		}
	}
	var got []string
	seen := make(chan struct{})
	calls := 0
	stop, err := j.Records().Watch("key", func(rec journal.Record) {
		if calls++; calls == 3 {
			put("a")
			put("b")
		}
		if rec.Key == "key0001" {
			got = append(got, string(rec.Value[:1]))
		}
		if string(rec.Value) == "c" {
			close(seen)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	put("c")
	<-seen
	stop()
	if want := "[x a b c]"; fmt.Sprint(got) != want || calls != 2*scanBatch/putSize+3 {
		t.Errorf("%d calls, %v, want %s", calls, got, want)
	}
}

// More changes than may be held end a watch that is behind.
func TestWatch_TooManyChanges_Fails(t *testing.T) {
	w := &watcher{behind: true}
	rec := journal.Record{Key: "key", Value: make([]byte, journal.MaxRecord)}
	for range heldMax/journal.MaxRecord + 1 {
		if !w.hold(rec) {
			t.Fatal("it was not held")
		}
	}
	if _, err := w.next(); !errors.Is(err, journal.ErrUnavailable) || w.held != nil {
		t.Errorf("%v; it holds %d", err, len(w.held))
	}
}

// Whoever waits for the committer, which waits for the disk, waits as long as it wants.
func TestChanges_HangingDisk_EndWithTheirContext(t *testing.T) {
	j, d := onFaultyDisk(t)
	mustAppend(t, j, say("room", "first"))
	hang := faultfs.HangOn("sync", ".log")
	d.Fail(hang.Fault)
	j.Append(context.Background(), say("room", "hangs"), func(journal.Receipt, error) {})
	<-hang.Begun()
	ctx, cancel := context.WithCancel(context.Background())
	restored := make(chan error, 1)
	go func() {
		e := say("restored", "k")
		e.Seq, e.At = 1, 1
		_, _, err := j.Restore(ctx, []journal.Entry{e})
		restored <- err
	}()
	updated, called := make(chan error, 1), false // not while Update runs, so this is no race
	go func() {
		updated <- j.Records().Update(ctx, "key", func([]byte) ([]byte, error) { called = true; return []byte("x"), nil })
	}()
	cancel()
	if err := <-restored; !errors.Is(err, context.Canceled) {
		t.Errorf("Restore: %v", err)
	}
	if err := <-updated; !errors.Is(err, context.Canceled) && !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("Update: %v", err)
	}
	d.Fail(nil)
	hang.End()
	mustAppend(t, j, say("room", "later")) // behind both
	if called {
		t.Error("Update called its function after it had returned")
	}
}
