package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestOpen_WhatCannotBe_IsNamed has Open refuse what it can't work with, with
// the directory and what to do about it.
func TestOpen_WhatCannotBe_IsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		wants   string
		is      error
	}{
		"in use": {func(t *testing.T, dir string) {
			filled(t, dir, 10) // an open one would go on cleaning up
			lock, err := pebble.LockDirectory(dir, vfs.Default)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { lock.Close() })
		}, "choose another directory", ErrLocked},
		"a file": {func(t *testing.T, dir string) {
			write(t, dir, "x")
		}, "not a directory", nil},
		"another program's": {func(t *testing.T, dir string) {
			db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Set([]byte("x"), nil, pebble.Sync), db.Close()); err != nil {
				t.Fatal(err)
			}
		}, "another program's data", nil},
		"of a later format": {func(t *testing.T, dir string) {
			j := open(t, Options{Dir: dir})
			h, err := j.store.use(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			err = h.db.Set(metaKey(metaFormat), []byte("9"), pebble.Sync)
			h.release()
			if err := errors.Join(err, j.Close()); err != nil {
				t.Fatal(err)
			}
		}, `its format is "9" and this program knows only "1"`, nil},
		"damaged": {func(t *testing.T, dir string) {
			filled(t, dir, 10)
			for _, manifest := range filesOf(t, dir, "MANIFEST-") {
				write(t, manifest, "nonsense")
			}
		}, "put a backup in its place", ErrCorrupt},
		"without its tables": {func(t *testing.T, dir string) {
			filled(t, dir, 10)
			compacted(t, dir)
			tables := filesOf(t, dir, ".sst")
			if len(tables) == 0 {
				t.Fatal("there are no tables")
			}
			for _, table := range tables {
				if err := os.Remove(table); err != nil {
					t.Fatal(err)
				}
			}
		}, "put a backup in its place", ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			c.prepare(t, dir)
			before := listing(t, dir)
			j, err := Open(Options{Dir: dir})
			if err == nil {
				j.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), c.wants) || c.is != nil && !errors.Is(err, c.is) {
				t.Error(err)
			}
			if after := listing(t, dir); !slices.Equal(before, after) && c.is != nil {
				t.Errorf("files were changed: %v, now %v", before, after)
			}
		})
	}
	if _, err := Open(Options{}); err == nil {
		t.Error("a journal in no directory was opened")
	}
}

func TestOpen_UnwritableOrFull_IsNamed(t *testing.T) {
	for failure, wants := range map[error]string{
		syscall.EACCES: "let the server's user write there",
		syscall.EROFS:  "let the server's user write there",
		syscall.ENOSPC: "make room on that disk",
		syscall.EDQUOT: "make room on that disk",
	} {
		for _, part := range []string{"MANIFEST", ".log", "OPTIONS"} {
			dir, d := t.TempDir(), faultfs.New()
			d.Fail(faultfs.On("", part, &os.PathError{Op: "create", Path: part, Err: failure}))
			j, err := Open(Options{Dir: dir, fs: d, truncate: d.Truncate})
			if err == nil {
				j.Close()
				t.Fatalf("%s: %v: it was opened", part, failure)
			}
			if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), wants) {
				t.Errorf("%s: %v", part, err)
			}
		}
	}
}

// A write that the machine's end has torn is a log that ends anywhere. Whatever
// was acknowledged before it is there; of what was not, nothing in part.
func TestOpen_TornLog_KeepsWhatIsWhole(t *testing.T) {
	full := t.TempDir()
	j := open(t, Options{Dir: full})
	const n = 200
	for i := range n {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	// As after SIGKILL: the files as they are, and not as Close leaves them.
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	copyDir(t, full, snapshot)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	logs := filesOf(t, snapshot, ".log")
	log := logs[len(logs)-1]
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	kept := map[bool]int{}
	for range 60 {
		dir := filepath.Join(t.TempDir(), "journal")
		copyDir(t, snapshot, dir)
		torn := slices.Clone(whole[:rnd.IntN(len(whole)+1)])
		if rnd.IntN(3) == 0 { // a block of the disk that was never written
			torn = append(torn, make([]byte, 4096)...)
		}
		write(t, filepath.Join(dir, filepath.Base(log)), string(torn))
		j, err := Open(Options{Dir: dir})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("seed %d: log of %d bytes: %v", seed, len(torn), err)
			}
			continue
		}
		entries := readAll(t, j, "room")
		checkKept(t, j, "room", len(entries))
		for i, e := range entries {
			if string(e.Body) != fmt.Sprintf("body of %d", i) {
				t.Fatalf("seed %d: entry %d is %q", seed, i+1, e.Body)
			}
		}
		kept[len(entries) > 0]++
		if r := mustAppend(t, j, say("room", "after")); r.Seq != journal.Seq(len(entries)+1) {
			t.Fatalf("seed %d: after %d entries the next is %d", seed, len(entries), r.Seq)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if kept[true] == 0 {
		t.Error("no torn log kept anything: the test tests nothing")
	}
}

func TestCompact_LeavesNoRecalledBodyInAnyFile(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	const secret = "the word that was taken back"
	e := say("room", "k")
	e.Body = []byte(`"` + secret + `"`)
	r := mustAppend(t, j, e)
	for i := range 50 {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	for _, when := range []string{"in the log", "in tables"} {
		if !holds(t, dir, secret) {
			t.Fatalf("the body is not to be found %s: the test tests nothing", when)
		}
		if err := j.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, j, journal.Entry{Room: "room", Kind: journal.Recall, From: journal.User{ID: "u1"}, Target: r.Seq})
	if err := j.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if holds(t, dir, secret) {
		t.Error("a file still holds the body")
	}
	checkKept(t, j, "room", 52)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if holds(t, dir, secret) {
		t.Error("a file holds the body again")
	}
}

// holds reports whether any file in dir has the text in it. Compression leaves
// what it sees the first time as it is.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	for _, file := range filesOf(t, dir, "") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

func TestKeeper_StoreOverItsBound_GivesSpaceBack(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), MaxBytes: 4 << 20, interval: -1, memTable: 256 << 10})
	defer j.Close()
	ctx := context.Background()
	body := make([]byte, 1000)
	for i := range 12_000 {
		for k := range body {
			body[k] = byte('a' + rand.IntN(26))
		}
		e := say(fmt.Sprint("room", i%10), fmt.Sprint(i))
		e.Body = []byte(`"` + string(body) + `"`)
		if i%500 == 0 {
			mustAppend(t, j, e)
		} else {
			j.Append(e, func(_ journal.Receipt, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	mustAppend(t, j, say("last", "one"))
	before := j.Details().DiskBytes
	if err := j.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	after := j.Details()
	if before < 8<<20 || after.DiskBytes > 5<<20 {
		t.Errorf("the store has %d bytes, of %d; its bound is 4 MiB", after.DiskBytes, before)
	}
	// The oldest went, and the newest are there, in every room.
	for room := range 10 {
		page, err := j.Read(ctx, journal.Query{Room: fmt.Sprint("room", room), Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if page.First < 200 || page.Last != 1200 || len(page.Entries) != 1 || page.Entries[0].Seq != page.First {
			t.Errorf("room %d: kept from %d to %d", room, page.First, page.Last)
		}
	}
	checkKept(t, j, "last", 1)
	// What SetMaxBytes says counts from the next round on.
	j.SetMaxBytes(-1)
	if err := j.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := j.Details().Entries; n != after.Entries {
		t.Errorf("without a bound %d entries became %d", after.Entries, n)
	}
	j.SetMaxBytes(1 << 20)
	if err := j.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := j.Details().DiskBytes; n > 2<<20 {
		t.Errorf("the store has %d bytes; its bound is 1 MiB", n)
	}
}

func TestBackup_WhileItRuns_IsWholeAndOfAnotherEpoch(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir()})
	defer j.Close()
	first := mustAppend(t, j, say("room", "k"))
	dir := filepath.Join(t.TempDir(), "backup")
	if err := j.Backup(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may look into the backup: %v, %v", info, err)
	}
	mustAppend(t, j, say("room", "later"))
	if err := j.Backup(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second backup to the same place: %v", err)
	}
	for range 2 { // the epoch changes once
		b := open(t, Options{Dir: dir})
		checkKept(t, b, "room", 1)
		again := mustAppend(t, b, say("room", "k"))
		if !again.Duplicate || again.Seq != first.Seq || again.Epoch == first.Epoch || again.Epoch != b.epoch {
			t.Errorf("the key leads to %+v, in the backup to %+v", first, again)
		}
		epoch := b.epoch
		b = reopen(t, b)
		if b.epoch != epoch {
			t.Error("the epoch changed twice")
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func filled(t *testing.T, dir string, n int) {
	t.Helper()
	j := open(t, Options{Dir: dir})
	for i := range n {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func compacted(t *testing.T, dir string) {
	t.Helper()
	j := open(t, Options{Dir: dir})
	if err := errors.Join(j.Compact(context.Background()), j.Close()); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// filesOf returns the files below dir with part in their names, in order.
func filesOf(t *testing.T, dir, part string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && strings.Contains(e.Name(), part) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// listing tells the files of dir with their contents.
func listing(t *testing.T, dir string) (files []string) {
	t.Helper()
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil
	}
	for _, file := range filesOf(t, dir, "") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, fmt.Sprintf("%s %x", filepath.Base(file), b))
	}
	return files
}
