package pebblejournal

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
)

// Renaming may be interrupted anywhere, and there may be a room of the new name.
func TestFormat_OldStore_RenamingIsInterrupted_GoesOn(t *testing.T) {
	for failAfter := 1 + rand.Int64N(9); ; failAfter += 9 {
		dir := filepath.Join(t.TempDir(), "store")
		copyDir(t, filepath.Join("testdata", "format1"), dir)
		fs, n := faultfs.New(), new(atomic.Int64)
		opt := Options{Dir: dir, Retention: storedRetention, interval: -1, fs: fs, now: func() time.Time { return storedAt.Add(3 * time.Hour) }}
		fs.Fail(func(string, string) error {
			if n.Add(1) > failAfter {
				return faultfs.ErrNoSpace
			}
			return nil
		})
		if j, err := Open(opt); err == nil {
			_ = j.Close()
		}
		fs.Fail(nil)
		j := open(t, opt)
		checkStored(t, j)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("after %d writes", failAfter)
		}
		if n.Load() <= failAfter {
			break
		}
	}
}

// Two rooms whose names would become one keep their own entries and bans.
func TestFormat_OldStore_NewNameIsTaken_GetsAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	copyDir(t, filepath.Join("testdata", "format1"), dir)
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	state, closer, err := db.Get(format.AppendRoomKey(nil, "emptied"))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		db.Set(format.AppendRoomKey(nil, "~@u7"), state, pebble.Sync), // there is such a room
		db.Set(format.AppendOldRecordKey(nil, "ban\x00@u7\x00u1"), []byte("of @u7"), pebble.Sync),
		db.Set(format.AppendOldRecordKey(nil, "ban\x00~@u7\x00u1"), []byte("of ~@u7"), pebble.Sync),
		db.Set(format.AppendOldRecordKey(nil, "ban\x00@silent\x00u1"), []byte("of @silent"), pebble.Sync),
		closer.Close(), db.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	j := open(t, Options{Dir: dir, Retention: storedRetention, interval: -1, now: func() time.Time { return storedAt }})
	defer j.Close()
	if n := len(readAll(t, j, "~~@u7")); n != 2 {
		t.Errorf("the room has %d entries", n)
	}
	for key, want := range map[string]string{"ban\x00~~@u7\x00u1": "of @u7", "ban\x00~@u7\x00u1": "of ~@u7", "ban\x00~@silent\x00u1": "of @silent"} {
		if r, err := j.Records().Get(context.Background(), key); err != nil || string(r.Value) != want {
			t.Errorf("%q is %q, %v; want %q", key, r.Value, err, want)
		}
	}
}
