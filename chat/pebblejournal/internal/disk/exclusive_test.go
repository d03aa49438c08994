package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A directory is locked once in a process, by whatever name it is called, and also if
// another one has hard links to its files. It is free again once it is closed.
func TestExclusive_OneDirectory_OfSeveralNames(t *testing.T) {
	dir := t.TempDir()
	same, link, copied := filepath.Join(dir, "same"), filepath.Join(dir, "link"), filepath.Join(dir, "copied")
	for _, err := range []error{os.Mkdir(same, 0o700), os.Mkdir(copied, 0o700), os.Symlink(same, link)} {
		if err != nil {
			t.Skip(err) // links need a right on Windows
		}
	}
	counting := &countingFS{FS: vfs.Default}
	fs := exclusive{counting}
	lock := func(dir string) (*pebble.Lock, error) { return pebble.LockDirectory(dir, fs) }
	held, err := lock(same)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(same, "LOCK"), filepath.Join(copied, "LOCK")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{same, link, filepath.Join(link, ".."+string(filepath.Separator)+"same"), copied} {
		if other, err := lock(name); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				other.Close()
			}
		}
	}
	if counting.locks != 1 { // to close it would release the lock for other processes
		t.Errorf("the file of the lock was opened %d times", counting.locks)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lock(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if len(opened.list) > 0 {
		t.Errorf("%d directories are still open", len(opened.list))
	}
}

// countingFS counts what was locked.
type countingFS struct {
	vfs.FS
	locks int
}

func (c *countingFS) Lock(name string) (io.Closer, error) {
	c.locks++
	return c.FS.Lock(name)
}

// The real path of a directory that is not there yet is that of what is there, and the rest.
func TestRealPath(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	same, link := filepath.Join(dir, "same"), filepath.Join(dir, "link")
	for _, err := range []error{os.Mkdir(same, 0o700), os.Symlink("same", link), os.Symlink("nowhere", filepath.Join(dir, "dangling"))} {
		if err != nil {
			t.Skip(err)
		}
	}
	for name, want := range map[string]string{
		same:                           same,
		link:                           same,
		link + "/a/b":                  same + "/a/b",
		link + "/../same/":             same,
		filepath.Join(dir, "dangling"): filepath.Join(dir, "dangling"),
		"/":                            "/",
		"/no/such/directory":           "/no/such/directory",
	} {
		if runtime.GOOS == "windows" {
			break
		}
		if got, err := RealPath(name); got != want || err != nil {
			t.Errorf("%s is %s, %v; want %s", name, got, err, want)
		}
	}
}
