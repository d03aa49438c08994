package failstop

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/faultfs"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The tests of this file look at Pebble alone, without this package: they fail
// when a release of Pebble behaves in another way than doc.go says.

// childCase names the environment variable that makes the test's process a child
// with a case of childCases.
const childCase = "FAILSTOP_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childCase); name != "" {
		childCases[name].run(os.Args[len(os.Args)-1])
		fmt.Println("survived")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childCases are failures of the disk under a bare Pebble, each in a process of
// its own.
var childCases = map[string]struct {
	run  func(dir string)
	dies bool
}{
	"the log cannot be written": {func(dir string) {
		db, fs := openBare(dir)
		fs.Fail(faultfs.On("write", ".log", faultfs.ErrNoSpace))
		fmt.Println(db.Set([]byte("k"), []byte("v"), pebble.Sync))
	}, true},
	"the log cannot be synced": {func(dir string) {
		db, fs := openBare(dir)
		fs.Fail(faultfs.On("sync", ".log", syscall.EIO))
		fmt.Println(db.Set([]byte("k"), []byte("v"), pebble.Sync))
	}, true},
	"a new log cannot be created": {func(dir string) {
		db, fs := openBare(dir)
		check(db.Set([]byte("k"), []byte("v"), pebble.Sync))
		fs.Fail(faultfs.On("create", ".log", faultfs.ErrNoSpace))
		fmt.Println(db.Flush())
	}, true},
	"the manifest cannot be written": {func(dir string) {
		db, fs := openBare(dir)
		check(db.Set([]byte("k"), []byte("v"), pebble.Sync))
		fs.Fail(faultfs.On("write", "MANIFEST", faultfs.ErrNoSpace))
		fmt.Println(db.Flush())
	}, true},
	"the manifest cannot be synced": {func(dir string) {
		db, fs := openBare(dir)
		check(db.Set([]byte("k"), []byte("v"), pebble.Sync))
		fs.Fail(faultfs.On("sync", "MANIFEST", syscall.EIO))
		fmt.Println(db.Flush())
	}, true},
	"somebody else has the directory": {func(dir string) {
		if _, err := pebble.LockDirectory(dir, vfs.Default); !IsLocked(err) {
			panic(fmt.Sprint("IsLocked is false for: ", err))
		}
	}, false},
	"a table cannot be created": {func(dir string) { retryTable(dir, "create") }, false},
	"a table cannot be written": {func(dir string) { retryTable(dir, "write") }, false},
	"a table cannot be synced":  {func(dir string) { retryTable(dir, "sync") }, false},
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// backgroundErrors gets one value for each BackgroundError, while there is room.
var backgroundErrors = make(chan error, 2)

func openBare(dir string) (*pebble.DB, *faultfs.FS) {
	fs := faultfs.New()
	db, err := pebble.Open(dir, &pebble.Options{
		FS:      fs,
		Cleaner: pebble.ArchiveCleaner{},
		EventListener: &pebble.EventListener{BackgroundError: func(err error) {
			select {
			case backgroundErrors <- err:
			default:
			}
		}},
	})
	check(err)
	return db, fs
}

// retryTable lets Pebble fail twice to write a table, and then succeed.
func retryTable(dir, op string) {
	db, fs := openBare(dir)
	check(db.Set([]byte("k"), []byte("v"), pebble.Sync))
	fs.Fail(faultfs.On(op, ".sst", faultfs.ErrNoSpace))
	flushed, err := db.AsyncFlush()
	check(err)
	<-backgroundErrors
	<-backgroundErrors
	fs.Fail(nil)
	<-flushed
	_, closer, err := db.Get([]byte("k"))
	check(err)
	check(closer.Close())
	check(db.Close())
}

func TestPebble_FailingDisk_EndsTheProcessOrNot(t *testing.T) {
	for name, c := range childCases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if strings.HasPrefix(name, "somebody else") {
				lockHere(t, dir)
			}
			child := exec.Command(os.Args[0], dir)
			child.Env = append(os.Environ(), childCase+"="+name)
			output, err := child.CombinedOutput()
			survived := err == nil && bytes.HasSuffix(bytes.TrimSpace(output), []byte("survived"))
			if survived == c.dies {
				t.Errorf("Pebble has changed what it does: survived is %v, want %v (%v)\n%s", survived, !c.dies, err, output)
			}
		})
	}
}

// lockHere locks dir for this process, which may not lock it twice.
func lockHere(t *testing.T, dir string) {
	t.Helper()
	lock, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	if _, err := pebble.LockDirectory(dir, vfs.Default); !IsLocked(err) {
		t.Errorf("IsLocked is false for: %v", err)
	}
}

// knownCalls are the methods of vfs.FS and vfs.File by which Pebble changes files,
// by the kind of the file. failFS handles these and no others.
var knownCalls = map[string][]string{
	"log":       {"Create", "Preallocate", "Write", "SyncData", "Rename to archived"},
	"table":     {"Create", "Write", "SyncData", "Link to elsewhere", "Rename to archived"},
	"MANIFEST":  {"Create", "Write", "Sync", "Rename to archived"},
	"temporary": {"Create", "Write", "Sync", "Rename to OPTIONS"},
	"OPTIONS":   {"Remove"},
	"marker":    {"Create", "Remove"},
	"store":     {"OpenDir", "Sync"},
}

// rareCalls are further ones that this test does not always provoke.
var rareCalls = map[string][]string{
	"log":    {"SyncTo", "Sync"},
	"table":  {"SyncTo", "Sync", "Preallocate"},
	"marker": {"Sync"}, // of the default branch in May 2026
}

// spy notes the calls that change files.
type spy struct {
	vfs.FS
	dir string

	mu    sync.Mutex // guards the rest
	calls map[string]map[string]bool
	wrong []string
}

func (s *spy) kind(name string) string {
	base := filepath.Base(name)
	switch {
	case name == s.dir:
		return "store"
	case filepath.Base(filepath.Dir(name)) == "archive" && filepath.Dir(filepath.Dir(name)) == s.dir:
		return "archived"
	case filepath.Dir(name) != s.dir:
		return "elsewhere"
	case isLog(base):
		return "log"
	case isTable(base):
		return "table"
	}
	for _, prefix := range []string{"MANIFEST", "OPTIONS", "marker", "temporary", "LOCK"} {
		if strings.HasPrefix(base, prefix) {
			return prefix
		}
	}
	return base
}

func (s *spy) note(name, call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := s.kind(name)
	if s.calls[kind] == nil {
		s.calls[kind] = map[string]bool{}
	}
	s.calls[kind][call] = true
}

func (s *spy) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func (s *spy) wrap(f vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &spyFile{File: f, spy: s, name: name}, nil
}

func (s *spy) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	s.note(name, "Create")
	f, err := s.FS.Create(name, c)
	return s.wrap(f, name, err)
}

func (s *spy) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	s.note(name, "OpenReadWrite")
	f, err := s.FS.OpenReadWrite(name, c, opts...)
	return s.wrap(f, name, err)
}

func (s *spy) OpenDir(name string) (vfs.File, error) {
	s.note(name, "OpenDir")
	f, err := s.FS.OpenDir(name)
	return s.wrap(f, name, err)
}

func (s *spy) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	s.note(from, "ReuseForWrite")
	f, err := s.FS.ReuseForWrite(from, to, c)
	return s.wrap(f, to, err)
}

func (s *spy) Remove(name string) error {
	s.note(name, "Remove")
	return s.FS.Remove(name)
}

func (s *spy) RemoveAll(name string) error {
	s.note(name, "RemoveAll")
	return s.FS.RemoveAll(name)
}

func (s *spy) Rename(from, to string) error {
	s.note(from, "Rename to "+s.kind(to))
	return s.FS.Rename(from, to)
}

func (s *spy) Link(from, to string) error {
	s.note(from, "Link to "+s.kind(to))
	return s.FS.Link(from, to)
}

type spyFile struct {
	vfs.File
	spy     *spy
	name    string
	writing atomic.Bool
}

// busy notes that one goroutine writes, and complains about a second one.
func (f *spyFile) busy(call string) func() {
	f.spy.note(f.name, call)
	if f.writing.Swap(true) && isLog(f.name) {
		f.spy.complain("%s: two goroutines write it at once", f.name)
	}
	return func() { f.writing.Store(false) }
}

func (f *spyFile) Write(p []byte) (int, error) {
	defer f.busy("Write")()
	return f.File.Write(p)
}

func (f *spyFile) WriteAt(p []byte, offset int64) (int, error) {
	defer f.busy("WriteAt")()
	return f.File.WriteAt(p, offset)
}

func (f *spyFile) Preallocate(offset, length int64) error {
	f.spy.note(f.name, "Preallocate")
	return f.File.Preallocate(offset, length)
}

func (f *spyFile) Sync() error {
	defer f.busy("Sync")()
	return f.File.Sync()
}

func (f *spyFile) SyncData() error {
	defer f.busy("SyncData")()
	return f.File.SyncData()
}

func (f *spyFile) SyncTo(length int64) (bool, error) {
	defer f.busy("SyncTo")()
	return f.File.SyncTo(length)
}

func TestPebble_FileSystem_IsUsedAsKnown(t *testing.T) {
	dir := t.TempDir()
	s := &spy{FS: vfs.Default, dir: dir, calls: map[string]map[string]bool{}}
	for range 2 {
		db, err := pebble.Open(dir, &pebble.Options{
			FS: s, Cleaner: pebble.ArchiveCleaner{}, MaxManifestFileSize: 1, BytesPerSync: 4 << 10,
			WALBytesPerSync: 4 << 10, FormatMajorVersion: pebble.FormatTableFormatV6, Logger: quiet{},
		})
		if err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			for i := range 200 {
				if err := db.Set(fmt.Append(nil, i), bytes.Repeat([]byte{byte(round)}, 1000), pebble.Sync); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Compact(t.Context(), []byte("0"), []byte("z"), false); err != nil {
			t.Fatal(err)
		}
		if err := db.Checkpoint(filepath.Join(t.TempDir(), "copy"), pebble.WithFlushedWAL()); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	delete(s.calls, "elsewhere")
	for kind, calls := range s.calls {
		for call := range calls {
			if !slices.Contains(knownCalls[kind], call) && !slices.Contains(rareCalls[kind], call) {
				t.Errorf("Pebble calls %s on %s: doc.go and failFS do not know that", call, kind)
			}
		}
	}
	for kind, calls := range knownCalls {
		for _, call := range calls {
			if !s.calls[kind][call] && runtime.GOOS == "linux" {
				t.Errorf("Pebble no longer calls %s on %s", call, kind)
			}
		}
	}
	for _, wrong := range s.wrong {
		t.Error(wrong)
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
