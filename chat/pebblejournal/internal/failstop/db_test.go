package failstop

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

func openOn(t *testing.T, dir string, fs *faultfs.FS) *DB {
	t.Helper()
	db, err := Open(Config{Dir: dir, FS: fs, Logger: zap.NewNop(), Truncate: fs.Truncate}, &pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func set(t *testing.T, db *DB, key string) {
	t.Helper()
	if err := db.Set([]byte(key), []byte("value of "+key), pebble.Sync); err != nil {
		t.Fatal(err)
	}
}

// has reports whether the store has the key.
func has(t *testing.T, db *DB, key string) bool {
	t.Helper()
	_, closer, err := db.Get([]byte(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	closer.Close()
	return true
}

// A commit that the log does not have seems to succeed, is reported by LogLost
// and does not come back after RewindLog.
func TestDB_FailingLog_IsRewound(t *testing.T) {
	for name, fault := range map[string]faultfs.Fault{
		"a log that cannot be written": faultfs.On("write", ".log", faultfs.ErrNoSpace),
		"a log that cannot be synced":  faultfs.On("sync", ".log", syscall.EIO),
	} {
		t.Run(name, func(t *testing.T) {
			dir, fs := t.TempDir(), faultfs.New()
			db := openOn(t, dir, fs)
			set(t, db, "kept")
			db.MarkLog()
			fs.Fail(fault)
			set(t, db, "lost")
			if db.Failed() == nil || db.Health() == nil || !db.LogLost() {
				t.Fatalf("the failure does not show: %v, %v, %v", db.Failed(), db.Health(), db.LogLost())
			}
			if !has(t, db, "kept") {
				t.Error("reads do not go on")
			}
			if err := db.RewindLog(); err != nil { // on a disk that still fails
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			fs.Fail(nil)
			db = openOn(t, dir, fs)
			defer db.Close()
			if !has(t, db, "kept") || has(t, db, "lost") {
				t.Errorf("kept is there: %v, lost is there: %v", has(t, db, "kept"), has(t, db, "lost"))
			}
		})
	}
}

// A store whose manifest, new log or directory cannot be changed stops, keeps what
// was committed and can be opened again.
func TestDB_FailingMetadata_StopsTheStore(t *testing.T) {
	dir := t.TempDir()
	for name, fault := range map[string]faultfs.Fault{
		"a manifest that cannot be written": faultfs.On("write", "MANIFEST", faultfs.ErrNoSpace),
		"a manifest that cannot be synced":  faultfs.On("sync", "MANIFEST", syscall.EIO),
		"a log that cannot be created":      faultfs.On("create", ".log", faultfs.ErrNoSpace),
		"a directory that cannot be synced": faultfs.On("sync", filepath.Base(dir), syscall.EIO),
	} {
		t.Run(name, func(t *testing.T) {
			fs := faultfs.New()
			db := openOn(t, dir, fs)
			set(t, db, name)
			fs.Fail(fault)
			if err := db.Flush(); err != nil {
				t.Fatal(err)
			}
			if db.Failed() == nil {
				t.Fatal("the failure does not show")
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			fs.Fail(nil)
			db = openOn(t, dir, fs)
			defer db.Close()
			if !has(t, db, name) {
				t.Error("what was committed is gone")
			}
		})
	}
}

func TestDB_FailingTable_ShowsInHealthUntilItIsWritten(t *testing.T) {
	fs := faultfs.New()
	db := openOn(t, t.TempDir(), fs)
	defer db.Close()
	set(t, db, "k")
	fs.Fail(faultfs.On("write", ".sst", faultfs.ErrNoSpace))
	flushed, err := db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	<-db.fs.tableFailed
	if db.Health() == nil || db.Failed() != nil {
		t.Errorf("Health is %v, Failed is %v", db.Health(), db.Failed())
	}
	fs.Fail(nil)
	<-flushed
	if err := db.Health(); err != nil {
		t.Errorf("Health is %v after the table was written", err)
	}
}

func TestDB_Discard_EndsTheWaitForTables(t *testing.T) {
	fs := faultfs.New()
	db := openOn(t, t.TempDir(), fs)
	set(t, db, "k")
	fs.Fail(faultfs.On("create", ".sst", faultfs.ErrNoSpace))
	flushed, err := db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	<-db.fs.tableFailed
	db.Discard(faultfs.ErrNoSpace)
	<-flushed
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpen_DiskThatTakesNoTables_ReturnsTheError(t *testing.T) {
	dir, fs := t.TempDir(), faultfs.New()
	db := openOn(t, dir, fs)
	set(t, db, "k")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	fs.Fail(faultfs.On("create", ".sst", faultfs.ErrNoSpace)) // the log is to become a table
	if _, err := Open(Config{Dir: dir, FS: fs, Logger: zap.NewNop()}, &pebble.Options{}); !IsFull(err) {
		t.Errorf("Open: %v", err)
	}
	fs.Fail(nil)
	fs.ReportFree(1000)
	if _, err := Open(Config{Dir: dir, FS: fs, Logger: zap.NewNop()}, &pebble.Options{}); !errors.Is(err, ErrFull) {
		t.Errorf("Open: %v", err)
	}
}

// On a disk that takes nothing the store can still be read, with all that its log has.
func TestOpenReadOnly_DiskThatTakesNothing_IsRead(t *testing.T) {
	dir, fs := t.TempDir(), faultfs.New()
	db := openOn(t, dir, fs)
	set(t, db, "in a table")
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	set(t, db, "in the log")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	fs.Fail(faultfs.On("", "", syscall.EFBIG))
	c := Config{Dir: dir, FS: fs, Logger: zap.NewNop(), Truncate: fs.Truncate}
	if _, err := Open(c, &pebble.Options{}); !errors.Is(err, syscall.EFBIG) {
		t.Fatal(err)
	}
	db, err := OpenReadOnly(c, &pebble.Options{}, faultfs.ErrNoSpace)
	if err != nil {
		t.Fatal(err)
	}
	if !has(t, db, "in a table") || !has(t, db, "in the log") || !errors.Is(db.Failed(), faultfs.ErrNoSpace) {
		t.Errorf("not all can be read, or it has not failed: %v", db.Failed())
	}
	if err := errors.Join(db.RewindLog(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("files were %v, now they are %v", before, after)
	}
	fs.Fail(nil)
	db = openOn(t, dir, fs)
	defer db.Close()
	if set(t, db, "later"); !has(t, db, "in the log") {
		t.Error("the log is lost")
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestDamageLog_SameFile_IsLoggedOnceAnHour(t *testing.T) {
	var d damageLog
	now := time.Now()
	for _, c := range []struct {
		path  string
		after time.Duration
		want  bool
	}{
		{"a", 0, true}, {"a", time.Minute, false}, {"b", time.Minute, true}, {"a", damageLogInterval, true}, {"b", damageLogInterval, false},
	} {
		if got := d.due(c.path, now.Add(c.after)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestLogger_Fatalf_StopsTheStoreAndEndsTheGoroutine(t *testing.T) {
	db := openOn(t, t.TempDir(), faultfs.New())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		(&logger{fs: db.fs, zap: zap.NewNop()}).Fatalf("it is all %s", "over")
		t.Error("Fatalf has returned")
	}()
	<-ended
	if err := db.Close(); !errors.Is(err, ErrGaveUp) {
		t.Errorf("Close: %v", err)
	}
}

// No obsolete log or table stays anywhere in the directory.
func TestDB_ObsoleteFiles_AreRemovedAndNotArchived(t *testing.T) {
	dir := t.TempDir()
	db := openOn(t, dir, faultfs.New())
	for i := range 3 {
		set(t, db, fmt.Sprint("secret", i))
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.DeleteRange([]byte("secret"), []byte("secret9"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Compact(t.Context(), []byte("a"), []byte("z"), false), db.Close()); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if filepath.Base(path) == "archive" {
				t.Error("there is an archive")
			}
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("value of secret")) {
			t.Errorf("%s holds a deleted value", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
