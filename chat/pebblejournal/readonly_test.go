//go:build unix

package pebblejournal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
)

// fullDisks are disks on which a store can be read and not opened to be written.
var fullDisks = map[string]func(d *faultfs.FS){
	"full, and says so":         func(d *faultfs.FS) { d.ReportFree(1 << 10) },
	"full":                      func(d *faultfs.FS) { d.Fail(faultfs.On("", "", faultfs.ErrNoSpace)) },
	"no file may be that large": func(d *faultfs.FS) { d.Fail(faultfs.On("write", "", syscall.EFBIG)) },
	"takes no tables":           func(d *faultfs.FS) { d.Fail(faultfs.On("", ".sst", syscall.EDQUOT)) },
	"takes no log":              func(d *faultfs.FS) { d.Fail(faultfs.On("", ".log", syscall.EIO)) },
	"takes no manifest":         func(d *faultfs.FS) { d.Fail(faultfs.On("", "MANIFEST", syscall.EIO)) },
	"takes no witness":          func(d *faultfs.FS) { d.Fail(faultfs.On("", "WITNESS", syscall.EIO)) },
	"cannot be synced":          func(d *faultfs.FS) { d.Fail(faultfs.On("sync", "", syscall.EIO)) },
	"read-only":                 func(d *faultfs.FS) { d.Fail(faultfs.On("", "", syscall.EROFS)) },
}

// A disk that takes nothing when the journal is opened costs no more than recording;
// when it can be written again, the journal records again by itself. If something is
// missing too, that is told at once, and the epoch changes once.
func TestOpen_DiskTakesNothing_ReadsAndRecovers(t *testing.T) {
	for name, fill := range fullDisks {
		for _, damaged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, damaged %v", name, damaged), func(t *testing.T) {
				t.Parallel()
				s := newUsedStore(t, false)
				if damaged {
					s.damage(t, ".log", "cut half")
				}
				d := faultfs.New()
				fill(d)
				j := open(t, Options{Dir: s.dir, fs: d, truncate: d.Truncate, interval: -1})
				defer j.Close()
				epoch, entries := epochOf(j), len(readAll(t, j, "room"))
				if damaged != (epoch != s.epoch) || damaged != (entries < said) {
					t.Errorf("epoch %s, was %s; %d entries", epoch, s.epoch, entries)
				}
				checkRefused(t, j, "room", entries)
				j.maintain()
				checkRefused(t, j, "room", entries)
				d.Fail(nil)
				d.ReportFree(0)
				j.maintain()
				if r := mustAppend(t, j, say("room", "later")); r.Epoch != epoch || int(r.Seq) != entries+1 {
					t.Errorf("receipt %+v after %d entries in epoch %s", r, entries, epoch)
				}
				j = reopen(t, j)
				defer j.Close()
				if checkKept(t, j, "room", entries+1); epochOf(j) != epoch || len(j.store.Warnings()) > 0 {
					t.Errorf("opened again: epoch %s, was %s; %v", epochOf(j), epoch, j.store.Warnings())
				}
			})
		}
	}
}

// A disk that fails while the journal is in use, and goes on failing in a way that only
// Pebble meets, leaves it readable.
func TestJournal_DiskGoesOnFailing_IsRead(t *testing.T) {
	for name, fill := range fullDisks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, d := onFaultyDisk(t)
			for i := range 10 {
				mustAppend(t, j, say("room", fmt.Sprint(i)))
			}
			fill(d)
			flush(t, j)
			_, _ = appendOne(j, say("room", "notices it"))
			kept := len(readAll(t, j, "room"))
			for range 3 {
				j.maintain()
				if n := len(readAll(t, j, "room")); n != kept {
					t.Fatalf("%d entries, want %d", n, kept)
				}
			}
			d.Fail(nil)
			d.ReportFree(0)
			j.maintain()
			mustAppend(t, j, say("room", "again"))
			checkKept(t, j, "room", kept+1)
		})
	}
}

func TestOpen_DirectoryOfOthers_IsPrivate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(t.TempDir(), "journal")
	filled(t, dir, 10)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range filesOf(t, dir, "") {
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j := open(t, Options{Dir: dir, interval: -1})
	for i := range 10 {
		mustAppend(t, j, say("room", fmt.Sprint("more", i)))
	}
	flush(t, j)
	backup := filepath.Join(t.TempDir(), "backup")
	if err := errors.Join(j.Backup(t.Context(), backup), j.Close()); err != nil {
		t.Fatal(err)
	}
	if len(j.Warnings()) > 0 {
		t.Error(j.Warnings())
	}
	for _, dir := range []string{dir, backup} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
		for _, file := range filesOf(t, dir, "") {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", file, info.Mode(), err)
			}
		}
	}
	write(t, filepath.Join(dir, "photo.jpg"), "x")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	j = open(t, Options{Dir: dir})
	defer j.Close()
	if said := strings.Join(j.Warnings(), "\n"); !strings.Contains(said, "photo.jpg") || !strings.Contains(said, dir) {
		t.Errorf("said: %q", said)
	}
}

// What this process knows to be durable counts too when the store is opened again. If it
// is not there, followers are told, and the journal goes on with what there is.
func TestJournal_LostWhileItRan_BeginsANewEpoch(t *testing.T) {
	j, d := onFaultyDisk(t)
	for i := range 5 {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	epoch := epochOf(j)
	told := make(chan journal.Lost, 1)
	if _, err := j.Follow("room", journal.Newest, loser{told}); err != nil {
		t.Fatal(err)
	}
	d.Fail(faultfs.On("sync", ".log", syscall.EIO))
	_, _ = appendOne(j, say("room", "notices it"))
	d.Fail(nil)
	logs := filesOf(t, j.opt.Dir, ".log")
	write(t, logs[len(logs)-1], "") // the disk forgets what it has synced
	j.maintain()
	lost := <-told
	r := mustAppend(t, j, say("room", "later"))
	if r.Epoch == epoch || lost.Epoch != r.Epoch || r.Seq != 1 || !strings.Contains(lost.Why.Error(), "had taken in 5 entries") {
		t.Errorf("receipt %+v, was in %s; lost %+v", r, epoch, lost)
	}
	if s := j.Stats(); s.Lost != 5 || len(j.Warnings()) != 1 || s.Entries != 1 {
		t.Errorf("stats %+v, warnings %v", s, j.Warnings())
	}
	checkKept(t, j, "room", 1)
}

// A lost ban is noticed like a lost message: the witness counts both.
func TestJournal_ChangesOfRecords_CountForTheWitness(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	before := j.recordedSoFar()
	ctx := t.Context()
	if err := j.Records().Put(ctx, "ban", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := j.Records().Update(ctx, "mark", func([]byte) ([]byte, error) { return []byte("2"), nil }); err != nil {
		t.Fatal(err)
	}
	e := say("room", "k")
	e.With = []journal.Record{{Key: "role", Value: []byte("3")}}
	mustAppend(t, j, e)
	if n := j.recordedSoFar() - before; n != 3 {
		t.Errorf("%d were counted of two changes and an entry", n)
	}
}
