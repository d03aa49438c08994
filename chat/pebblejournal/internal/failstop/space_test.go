package failstop

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A lock that somebody holds and a lock file that may not be opened have the same
// error number on some systems.
func TestIsLocked_MissingPermission_IsNoLock(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"a lock of another process", syscall.EAGAIN, true},
		{"the same on other systems", syscall.EACCES, true},
		{"a file that may not be opened", &os.PathError{Op: "open", Path: "/x/LOCK", Err: syscall.EACCES}, false},
		{"a file system that is read-only", &os.PathError{Op: "open", Path: "/x/LOCK", Err: syscall.EROFS}, false},
		{"a file system without locks", syscall.ENOLCK, false},
	} {
		if got := IsLocked(test.err); got != test.want {
			t.Errorf("%s: IsLocked is %v", test.name, got)
		}
	}
}

// What IsLocked relies on.
func TestPebble_Lock_TellsOpeningAndLockingApart(t *testing.T) {
	dir := t.TempDir()
	lock, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pebble.LockDirectory(dir, vfs.Default); !IsLocked(err) {
		t.Errorf("a directory that is locked: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	// A directory in its place cannot be opened, even by root, who is refused nothing.
	if err := errors.Join(os.Remove(filepath.Join(dir, "LOCK")), os.Mkdir(filepath.Join(dir, "LOCK"), 0o700)); err != nil {
		t.Fatal(err)
	}
	var opening *os.PathError
	if _, err := pebble.LockDirectory(dir, vfs.Default); !errors.As(err, &opening) || IsLocked(err) {
		t.Errorf("a lock file that cannot be opened: %v", err)
	}
}

// brokenFS cannot tell how much room there is.
type brokenFS struct {
	vfs.FS
	err error
}

func (fs brokenFS) GetDiskUsage(string) (vfs.DiskUsage, error) { return vfs.DiskUsage{}, fs.err }

// Only a disk that has too little room is called full.
func TestCheckFree_DiskThatCannotBeAsked_IsNotCalledFull(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name, dir string
		fs        vfs.FS
		need      int64
		want      string // empty: no error
	}{
		{"enough", dir, vfs.Default, 1, ""},
		{"too little", dir, vfs.Default, 1 << 62, "the disk is full"},
		{"a directory that was removed", filepath.Join(dir, "removed"), vfs.Default, 1, "no such file or directory: it was moved or removed"},
		{"a disk that fails", dir, brokenFS{vfs.Default, syscall.EIO}, 1, "it is not known how much room the disk has: statfs"},
		{"a system that cannot tell", dir, brokenFS{vfs.Default, vfs.ErrUnsupported}, 1 << 62, ""},
		{"a disk without a size", dir, brokenFS{vfs.Default, nil}, 1 << 62, ""},
	} {
		err := CheckFree(test.fs, test.dir, test.need)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		if IsFull(err) != (test.name == "too little") {
			t.Errorf("%s: %v is called full or is not", test.name, err)
		}
		if err != nil && !IsFull(err) && !strings.Contains(err.Error(), test.dir) {
			t.Errorf("%s: %v does not name the directory", test.name, err)
		}
	}
}

// Nobody holds the lock of a directory whose lock file this process may not write.
func TestPebble_LockWithoutPermission_IsNoLock(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root is refused nothing")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "LOCK"), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := pebble.LockDirectory(dir, vfs.Default); !errors.Is(err, os.ErrPermission) || IsLocked(err) {
		t.Errorf("LockDirectory: %v, IsLocked is %v", err, IsLocked(err))
	}
}
