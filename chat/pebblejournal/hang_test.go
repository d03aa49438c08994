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
	exists := t.TempDir()
	for dir, wants := range map[string]string{
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
