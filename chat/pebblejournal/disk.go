package pebblejournal

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system given to Pebble. Pebble ends the process, or panics
// with its locks held, when its log or its manifest can't be written. So it is
// not told: after the first failure the disk is dead. Everything that would
// change the store's fate (log, manifest, markers, removals) is dropped and
// called a success, as if the machine had lost its power there; that is a state
// Pebble recovers from when the store is opened again. Reads go on.
//
// Tables are different: Pebble copes when they can't be written, and tries
// again, so it is told; what a dead disk's store writes there is never referred
// to. An abandoned disk drops tables as well, so that nothing waits for room
// any more.
type disk struct {
	vfs.FS
	dir  string
	cut  func(path string, size int64) error
	gone chan struct{} // closed once abandoned: nobody paces any more

	// tableFailed gets an error when writing a table failed; it has room for
	// one, and only who opens the store looks.
	tableFailed chan error

	mu        sync.Mutex // guards the rest
	failure   error      // the first one; the disk is dead
	abandoned bool
	trouble   error // of the last attempt to write a table
	dropped   bool  // something written to a log was dropped

	// The logs, for the sake of rewind.
	log    *logFile // the newest one
	marked *logFile // the newest one when mark was called
	safe   int64    // what was safe of it then
	added  []string // logs made since
}

// tablePace keeps Pebble from trying again at once what has just failed.
const tablePace = 100 * time.Millisecond

func newDisk(opt *Options) *disk {
	return &disk{
		FS: opt.fs, dir: opt.Dir, cut: opt.cut,
		gone:        make(chan struct{}),
		tableFailed: make(chan error, 1),
	}
}

// kill makes the disk dead. Only the first failure counts.
func (d *disk) kill(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure == nil {
		d.failure = err
	}
}

// abandon makes it dead and lets everything on it succeed that still runs.
func (d *disk) abandon(err error) {
	d.kill(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.abandoned {
		d.abandoned = true
		close(d.gone)
	}
}

// dead returns the failure that ended this disk, or nil.
func (d *disk) dead() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure
}

// ailing returns why nothing should be written now: the disk is dead, or the
// last table failed and Pebble will stop to take anything soon.
func (d *disk) ailing() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure != nil {
		return d.failure
	}
	return d.trouble
}

// lost reports whether something written to a log was dropped.
func (d *disk) lost() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dropped
}

func (d *disk) lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropped = true
}

// mark notes how far the logs are. Everything written before is safe.
func (d *disk) mark() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.marked, d.safe, d.added = d.log, d.log.synced.Load(), nil
}

// rewind takes back what was written to the logs since mark, so that it can't
// come back, in part or whole. It works on a full disk. Only for a dead disk.
func (d *disk) rewind() error {
	d.mu.Lock()
	marked, safe, added := d.marked, d.safe, d.added
	d.mu.Unlock()
	if marked == nil {
		return nil
	}
	if err := d.cut(marked.name, safe); err != nil && !oserror.IsNotExist(err) {
		return err
	}
	for _, name := range added {
		if err := d.FS.Remove(name); err != nil && !oserror.IsNotExist(err) {
			return err
		}
	}
	if len(added) == 0 {
		return nil
	}
	dir, err := d.FS.OpenDir(d.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func (d *disk) isAbandoned() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.abandoned
}

// tableResult passes on the result of writing a table. A failure waits a
// moment, since Pebble doesn't.
func (d *disk) tableResult(err error) error {
	d.mu.Lock()
	d.trouble = err
	abandoned := d.abandoned
	d.mu.Unlock()
	if err == nil || abandoned {
		return nil
	}
	select {
	case d.tableFailed <- err:
	default:
	}
	pace := time.NewTimer(tablePace)
	defer pace.Stop()
	select {
	case <-pace.C:
	case <-d.gone:
	}
	return err
}

// forgive forgets that a table could not be written.
func (d *disk) forgive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble = nil
}

// within reports whether name is one of the store's own files; a backup's are
// not.
func (d *disk) within(name string) bool { return filepath.Dir(name) == d.dir }

func isTable(name string) bool { return strings.HasSuffix(name, ".sst") }
func isLog(name string) bool   { return strings.HasSuffix(name, ".log") }

func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !d.within(name) {
		return d.FS.Create(name, category)
	}
	if isTable(name) {
		return d.createTable(name, category)
	}
	if d.dead() == nil {
		f, err := d.FS.Create(name, category)
		if err == nil && isLog(name) {
			return d.addLog(f, name), nil
		}
		if err == nil {
			return &vitalFile{f, d}, nil
		}
		d.kill(err)
	}
	if isLog(name) {
		d.lose()
	}
	return nullFile{}, nil
}

func (d *disk) addLog(f vfs.File, name string) *logFile {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = &logFile{vitalFile: vitalFile{f, d}, name: name}
	d.added = append(d.added, name)
	return d.log
}

func (d *disk) createTable(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if d.isAbandoned() {
		return nullFile{}, nil
	}
	f, err := d.FS.Create(name, category)
	if err = d.tableResult(err); err != nil {
		return nil, err
	}
	if f == nil {
		return nullFile{}, nil // abandoned meanwhile
	}
	return &tableFile{File: f, disk: d, buffer: make([]byte, 0, tableBuffer+tableBuffer/4)}, nil
}

// ReuseForWrite isn't used by Pebble as it is configured here (see archive).
func (d *disk) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.Remove(oldname); err != nil {
		return nil, err
	}
	return d.Create(newname, category)
}

func (d *disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, category, opts...)
	if err != nil || !d.within(name) {
		return f, err
	}
	return &vitalFile{f, d}, nil
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil || name != d.dir {
		return f, err
	}
	return &vitalFile{f, d}, nil
}

func (d *disk) Remove(name string) error {
	if d.within(name) && d.dead() != nil {
		return nil
	}
	return d.FS.Remove(name)
}

// archive is where Pebble's ArchiveCleaner puts what is obsolete. That cleaner
// is chosen because it keeps Pebble from writing over old logs, which would
// leave in them what was recalled; but there is no archive: what is moved there
// is removed.
func (d *disk) archive() string { return filepath.Join(d.dir, "archive") }

// MkdirAll makes a directory that its owner alone may enter. Pebble would let
// everybody read a checkpoint, which is a backup.
func (d *disk) MkdirAll(dir string, _ os.FileMode) error {
	if dir == d.archive() {
		return nil
	}
	return d.FS.MkdirAll(dir, 0o700)
}

func (d *disk) Rename(oldname, newname string) error {
	if filepath.Dir(newname) == d.archive() {
		return d.Remove(oldname)
	}
	if !d.within(newname) {
		return d.FS.Rename(oldname, newname)
	}
	if d.dead() == nil {
		if err := d.FS.Rename(oldname, newname); err != nil {
			d.kill(err)
		}
	}
	return nil
}

func (d *disk) Unwrap() vfs.FS { return d.FS }

// cutFile cuts the file at path down to size, for good.
func cutFile(path string, size int64) error {
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
