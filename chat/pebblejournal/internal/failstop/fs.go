package failstop

import (
	"os"
	"path/filepath"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// failFS is the file system given to Pebble. See state for what it does after a
// failure.
type failFS struct {
	vfs.FS
	*state
	dir      string
	truncate func(path string, size int64) error
	bad      badBlocks
}

func newFailFS(fs vfs.FS, dir string, truncate func(path string, size int64) error) *failFS {
	return &failFS{FS: fs, state: newState(), dir: dir, truncate: truncate}
}

// rewindLog cuts off what was written to the logs since markLog. It needs no free
// space. The file system must have failed.
func (fs *failFS) rewindLog() error {
	log, end, created := fs.writtenSinceMark()
	if log == "" {
		return nil
	}
	if err := fs.truncate(log, end); err != nil && !oserror.IsNotExist(err) {
		return err
	}
	for _, name := range created {
		if err := fs.FS.Remove(name); err != nil && !oserror.IsNotExist(err) {
			return err
		}
	}
	if len(created) == 0 {
		return nil
	}
	dir, err := fs.FS.OpenDir(fs.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// truncateFile cuts the file at path down to size and syncs it.
func truncateFile(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// owns reports whether name is a file of the store itself and not of a
// checkpoint.
func (fs *failFS) owns(name string) bool { return filepath.Dir(name) == fs.dir }

// archive is where pebble.ArchiveCleaner moves obsolete files. It does not exist:
// Rename removes what is moved there.
func (fs *failFS) archive() string { return filepath.Join(fs.dir, "archive") }

func (fs *failFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !fs.owns(name) {
		return fs.createCopy(name, category)
	}
	if isTable(name) {
		return fs.createTable(name, category)
	}
	var f vfs.File
	created := fs.change(func() (err error) {
		f, err = fs.FS.Create(name, category)
		return err
	})
	switch {
	case created && isLog(name):
		log := &logFile{metadataFile: metadataFile{f, fs.state}}
		fs.addLog(logEnd{name, &log.synced})
		return log, nil
	case created:
		return &metadataFile{f, fs.state}, nil
	case isLog(name):
		fs.loseLog()
	}
	return discardFile{}, nil
}

func (fs *failFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.Open(name, opts...)
	if err != nil || !isTable(name) {
		return f, err
	}
	return &readTable{f, name, &fs.bad}, nil
}

func (fs *failFS) createCopy(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.checkCopying(); err != nil {
		return nil, err
	}
	f, err := fs.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	return &copiedFile{f, fs.state}, nil
}

// Link is used by checkpoints only.
func (fs *failFS) Link(from, to string) error {
	if err := fs.checkCopying(); err != nil {
		return err
	}
	return fs.FS.Link(from, to)
}

func (fs *failFS) createTable(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if fs.isDiscarding() {
		return discardFile{}, nil
	}
	f, err := fs.FS.Create(name, category)
	if err = fs.tableResult(err); err != nil {
		return nil, err
	}
	if f == nil {
		return discardFile{}, nil // discarding began meanwhile
	}
	return &tableFile{File: f, state: fs.state, buffer: make([]byte, 0, tableBuffer+tableBuffer/4)}, nil
}

// ReuseForWrite is not used by Pebble with ArchiveCleaner.
func (fs *failFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.Remove(oldname); err != nil {
		return nil, err
	}
	return fs.Create(newname, category)
}

func (fs *failFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, category, opts...)
	if err != nil || !fs.owns(name) {
		return f, err
	}
	return &metadataFile{f, fs.state}, nil
}

func (fs *failFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	if err != nil || name != fs.dir {
		return f, err
	}
	return &metadataFile{f, fs.state}, nil
}

func (fs *failFS) Remove(name string) error {
	if fs.owns(name) && fs.failed() != nil {
		return nil
	}
	return fs.FS.Remove(name)
}

// MkdirAll makes a directory that only its owner may enter. Pebble would let
// everybody read a checkpoint, which is a backup.
func (fs *failFS) MkdirAll(dir string, _ os.FileMode) error {
	if dir == fs.archive() {
		return nil
	}
	return fs.FS.MkdirAll(dir, 0o700)
}

func (fs *failFS) Rename(oldname, newname string) error {
	if filepath.Dir(newname) == fs.archive() {
		return fs.Remove(oldname)
	}
	if !fs.owns(newname) {
		return fs.FS.Rename(oldname, newname)
	}
	fs.change(func() error { return fs.FS.Rename(oldname, newname) })
	return nil
}

func (fs *failFS) Unwrap() vfs.FS { return fs.FS }
