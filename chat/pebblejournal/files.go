package pebblejournal

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// vitalFile is a file that decides what the store is: manifest, marker, options,
// or the directory. Changing it never fails; when it can't be done, the disk
// dies.
type vitalFile struct {
	vfs.File
	disk *disk
}

// attempt does a change, unless the disk is dead or dies of it.
func (d *disk) attempt(change func() error) (done bool) {
	err := d.dead()
	if err == nil {
		if err = change(); err == nil {
			return true
		}
		d.kill(err)
	}
	return false
}

func (f *vitalFile) Write(p []byte) (int, error) {
	f.disk.attempt(func() error {
		_, err := f.File.Write(p)
		return err
	})
	return len(p), nil
}

func (f *vitalFile) Sync() error {
	f.disk.attempt(f.File.Sync)
	return nil
}

func (f *vitalFile) SyncData() error {
	f.disk.attempt(f.File.SyncData)
	return nil
}

func (f *vitalFile) SyncTo(length int64) (fullSync bool, err error) {
	f.disk.attempt(func() error {
		fullSync, err = f.File.SyncTo(length)
		return err
	})
	return fullSync, nil
}

func (f *vitalFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.disk.kill(err)
	}
	return nil
}

// logFile is a log. It is as vital, and knows how much of it is safe. Pebble
// doesn't write it from two goroutines at once.
type logFile struct {
	vitalFile
	name    string
	written int64
	synced  atomic.Int64 // so much of it is safe
}

func (f *logFile) attempt(change func() error) (done bool) {
	done = f.disk.attempt(change)
	if !done {
		f.disk.lose()
	}
	return done
}

func (f *logFile) Write(p []byte) (int, error) {
	f.attempt(func() error {
		n, err := f.File.Write(p)
		f.written += int64(n)
		return err
	})
	return len(p), nil
}

func (f *logFile) Sync() error { return f.SyncData() }

func (f *logFile) SyncData() error {
	if f.attempt(f.File.SyncData) {
		f.synced.Store(f.written)
	}
	return nil
}

// tableBuffer is how much of a table is gathered for one write; Pebble writes
// block by block.
const tableBuffer = 256 << 10

// tableFile is a table being written. It is not read before it is closed.
type tableFile struct {
	vfs.File
	disk   *disk
	buffer []byte
}

func (f *tableFile) Write(p []byte) (int, error) {
	f.buffer = append(f.buffer, p...)
	if len(f.buffer) < tableBuffer {
		return len(p), nil
	}
	if err := f.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *tableFile) flush() error {
	if len(f.buffer) == 0 {
		return nil
	}
	_, err := f.File.Write(f.buffer)
	f.buffer = f.buffer[:0]
	return f.disk.tableResult(err)
}

func (f *tableFile) Sync() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.disk.tableResult(f.File.Sync())
}

func (f *tableFile) SyncData() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.disk.tableResult(f.File.SyncData())
}

func (f *tableFile) SyncTo(length int64) (bool, error) {
	if err := f.flush(); err != nil {
		return false, err
	}
	full, err := f.File.SyncTo(length)
	return full, f.disk.tableResult(err)
}

func (f *tableFile) Close() error {
	err := f.flush()
	if closed := f.File.Close(); err == nil {
		err = f.disk.tableResult(closed)
	}
	return err
}

// nullFile takes everything and keeps nothing.
type nullFile struct{}

func (nullFile) Close() error                           { return nil }
func (nullFile) Read([]byte) (int, error)               { return 0, io.EOF }
func (nullFile) ReadAt([]byte, int64) (int, error)      { return 0, io.EOF }
func (nullFile) Write(p []byte) (int, error)            { return len(p), nil }
func (nullFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nullFile) Preallocate(int64, int64) error         { return nil }
func (nullFile) Stat() (vfs.FileInfo, error)            { return nil, os.ErrNotExist }
func (nullFile) Sync() error                            { return nil }
func (nullFile) SyncTo(int64) (bool, error)             { return true, nil }
func (nullFile) SyncData() error                        { return nil }
func (nullFile) Prefetch(int64, int64) error            { return nil }
func (nullFile) Fd() uintptr                            { return vfs.InvalidFd }
