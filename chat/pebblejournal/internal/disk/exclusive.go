package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// opened are the directories that this process has open. The operating system excludes
// other processes only: it grants a lock twice to one process, and takes it away when that
// closes any of its files of the lock. Pebble knows its own directories by their names, and
// one directory may have several: by a symbolic link, or mounted twice.
var opened struct {
	mu   sync.Mutex // guards the rest
	list []*openedDir
}

// openedDir is a directory that is open. Its fields are guarded by opened.mu. They are nil
// for a file system that is not the operating system's.
type openedDir struct{ dir, lock os.FileInfo }

// is reports whether this is the directory of other, or has the same file of the lock, as
// a copy with hard links has.
func (o *openedDir) is(other *openedDir) bool {
	return o.dir != nil && other.dir != nil && os.SameFile(o.dir, other.dir) ||
		o.lock != nil && other.lock != nil && os.SameFile(o.lock, other.lock)
}

// exclusive is a file system whose Lock returns ErrLocked for a directory that this process
// has open, under whatever name.
type exclusive struct{ vfs.FS }

// Lock implements vfs.FS.
func (e exclusive) Lock(name string) (io.Closer, error) {
	this := new(openedDir)
	this.look(name)
	if !this.enter() {
		return nil, ErrLocked
	}
	lock, err := e.FS.Lock(name)
	if err != nil {
		this.leave()
		return nil, err
	}
	this.look(name) // the file may be new
	return &exclusiveLock{lock, this}, nil
}

// look finds out what is there under the name of a lock.
func (o *openedDir) look(name string) {
	dir, _ := os.Stat(filepath.Dir(name))
	lock, _ := os.Stat(name)
	opened.mu.Lock()
	defer opened.mu.Unlock()
	o.dir, o.lock = dir, lock
}

// enter adds a directory, unless it is there.
func (o *openedDir) enter() bool {
	opened.mu.Lock()
	defer opened.mu.Unlock()
	if slices.ContainsFunc(opened.list, o.is) {
		return false
	}
	opened.list = append(opened.list, o)
	return true
}

func (o *openedDir) leave() {
	opened.mu.Lock()
	defer opened.mu.Unlock()
	opened.list = slices.DeleteFunc(opened.list, func(other *openedDir) bool { return other == o })
}

// exclusiveLock is the lock of a directory.
type exclusiveLock struct {
	lock io.Closer
	dir  *openedDir
}

// Close implements io.Closer.
func (l *exclusiveLock) Close() error {
	err := l.lock.Close()
	l.dir.leave()
	return err
}

// RealPath returns the absolute path of a directory without symbolic links, as far as it is
// there. What cannot be looked at stays as it is named.
func RealPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for there, missing := dir, ""; ; there, missing = filepath.Dir(there), filepath.Join(filepath.Base(there), missing) {
		resolved, err := filepath.EvalSymlinks(there)
		switch {
		case err == nil:
			return filepath.Join(resolved, missing), nil
		case !errors.Is(err, os.ErrNotExist), there == filepath.Dir(there):
			return dir, nil
		}
	}
}
