package failstop

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// failFS is the file system given to Pebble. It is working, failed or discarding:
//
//   - Working: everything goes to the disk. The first change of a log, the
//     manifest, a marker or the directory that fails makes the file system
//     failed. The caller is told of success all the same.
//   - Failed: these changes, and removals, are dropped and reported as success.
//     Tables are still written and get their errors, because Pebble copes with
//     them; nothing on disk will ever refer to these tables.
//   - Discarding: tables are dropped too, so that Pebble waits for nothing.
//
// There is no way back: the store must be opened again on a new failFS. Reads go
// to the disk in every state.
type failFS struct {
	vfs.FS
	dir      string
	truncate func(path string, size int64) error

	// tableFailed gets an error when writing a table failed. Its buffer holds
	// one error; more are dropped.
	tableFailed chan error
	discarding  chan struct{} // closed when the file system begins to discard

	mu       sync.Mutex // guards the rest
	failure  error      // the first one; nil while the file system works
	discard  bool
	tableErr error // of the last attempt to write a table
	logLost  bool  // a write to a log was dropped

	// For markLog and rewindLog.
	log       *logFile // the newest one
	markedLog *logFile // the newest one at markLog
	markedEnd int64    // how much of it was synced at markLog
	newLogs   []string // names of logs created since
}

// tableRetryPause is how long a failed write of a table is delayed, because Pebble
// tries it again at once.
const tableRetryPause = 100 * time.Millisecond

func newFailFS(fs vfs.FS, dir string, truncate func(path string, size int64) error) *failFS {
	return &failFS{
		FS: fs, dir: dir, truncate: truncate,
		tableFailed: make(chan error, 1),
		discarding:  make(chan struct{}),
	}
}

// fail makes the file system failed. Only the first failure is kept.
func (fs *failFS) fail(err error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.failure == nil {
		fs.failure = err
	}
}

// startDiscarding makes the file system fail with err and drop tables too.
func (fs *failFS) startDiscarding(err error) {
	fs.fail(err)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if !fs.discard {
		fs.discard = true
		close(fs.discarding)
	}
}

func (fs *failFS) isDiscarding() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.discard
}

// failed returns the first failure, or nil.
func (fs *failFS) failed() error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.failure
}

// health returns the failure, or the error of the last table if that could not be
// written.
func (fs *failFS) health() error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.failure != nil {
		return fs.failure
	}
	return fs.tableErr
}

func (fs *failFS) clearTableError() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.tableErr = nil
}

// tableResult notes and returns the result of writing a table. It returns nil
// when tables are discarded.
func (fs *failFS) tableResult(err error) error {
	fs.mu.Lock()
	fs.tableErr = err
	discard := fs.discard
	fs.mu.Unlock()
	if err == nil || discard {
		return nil
	}
	select {
	case fs.tableFailed <- err:
	default:
	}
	pause := time.NewTimer(tableRetryPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-fs.discarding:
	}
	return err
}

// change makes a change that Pebble must believe in: it calls do unless the file
// system has failed, and fails if do does. It reports whether do succeeded.
func (fs *failFS) change(do func() error) bool {
	err := fs.failed()
	if err == nil {
		if err = do(); err == nil {
			return true
		}
		fs.fail(err)
	}
	return false
}

func (fs *failFS) loseLog() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.logLost = true
}

func (fs *failFS) hasLostLog() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.logLost
}

// markLog remembers the end of the log. All that was written before is synced.
func (fs *failFS) markLog() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.markedLog, fs.markedEnd, fs.newLogs = fs.log, fs.log.synced.Load(), nil
}

// rewindLog cuts off what was written to the logs since markLog. It needs no free
// space. The file system must have failed.
func (fs *failFS) rewindLog() error {
	fs.mu.Lock()
	marked, end, created := fs.markedLog, fs.markedEnd, fs.newLogs
	fs.mu.Unlock()
	if marked == nil {
		return nil
	}
	if err := fs.truncate(marked.name, end); err != nil && !oserror.IsNotExist(err) {
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
		return fs.FS.Create(name, category)
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
		return fs.addLog(f, name), nil
	case created:
		return &metadataFile{f, fs}, nil
	case isLog(name):
		fs.loseLog()
	}
	return discardFile{}, nil
}

func (fs *failFS) addLog(f vfs.File, name string) *logFile {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.log = &logFile{metadataFile: metadataFile{f, fs}, name: name}
	fs.newLogs = append(fs.newLogs, name)
	return fs.log
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
	return &tableFile{File: f, fs: fs, buffer: make([]byte, 0, tableBuffer+tableBuffer/4)}, nil
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
	return &metadataFile{f, fs}, nil
}

func (fs *failFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	if err != nil || name != fs.dir {
		return f, err
	}
	return &metadataFile{f, fs}, nil
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
