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
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A second journal does not open the directory of another one by another name of it, and the
// first one goes on.
func TestOpen_OtherNameOfAnOpenDirectory_IsInUse(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err) // links need a right on Windows
	}
	j := open(t, Options{Dir: dir})
	for range 3 {
		if other, err := Open(Options{Dir: link}); !errors.Is(err, ErrLocked) {
			t.Errorf("opened by another name: %v", err)
			if err == nil {
				other.Close()
			}
		}
		mustAppend(t, j, say("room", ""))
	}
	j = reopen(t, j)
	defer j.Close()
	checkKept(t, j, "room", 3)
}

// Open refuses what it cannot use. Its error names the directory and says what to do.
func TestOpen_UnusableDirectory_IsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		wants   string
		is      error
	}{
		"in use": {func(t *testing.T, dir string) {
			filled(t, dir, 10) // closed, because an open one would go on removing files
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
			h, err := j.store.Use(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			err = h.DB.Set(format.MetaKey(format.MetaFormat), []byte("9"), pebble.Sync)
			h.Release()
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

// After a power loss the log may end anywhere. Every entry before its end must be
// there, and no part of a later one.
func TestOpen_TornLog_KeepsWhatIsWhole(t *testing.T) {
	full := t.TempDir()
	j := open(t, Options{Dir: full})
	const n = 200
	for i := range n {
		mustAppend(t, j, say("room", fmt.Sprint(i)))
	}
	// The files as SIGKILL leaves them, not as Close does.
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
		if rnd.IntN(3) == 0 { // a block that was allocated and never written
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

// filesOf returns the files in dir whose names contain part, in order.
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

// listing returns the files in dir with their contents.
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
