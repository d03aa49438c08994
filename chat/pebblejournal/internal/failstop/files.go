package failstop

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// metadataFile is a file without which the store cannot be opened: the manifest, a
// marker, the options, or the directory. Its changes never return an error: they
// make the file system fail instead.
type metadataFile struct {
	vfs.File
	state *state
}

func (f *metadataFile) Write(p []byte) (int, error) {
	f.state.change(func() error {
		_, err := f.File.Write(p)
		return err
	})
	return len(p), nil
}

func (f *metadataFile) Sync() error {
	f.state.change(f.File.Sync)
	return nil
}

func (f *metadataFile) SyncData() error {
	f.state.change(f.File.SyncData)
	return nil
}

func (f *metadataFile) SyncTo(length int64) (fullSync bool, err error) {
	f.state.change(func() error {
		fullSync, err = f.File.SyncTo(length)
		return err
	})
	return fullSync, nil
}

func (f *metadataFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.state.fail(err)
	}
	return nil
}

// logFile is a log. Its changes never return an error either, and it counts how
// much of it is synced. Pebble writes it from one goroutine at a time.
type logFile struct {
	metadataFile
	written int64        // bytes; owned by the writing goroutine
	synced  atomic.Int64 // bytes
}

func (f *logFile) change(do func() error) bool {
	done := f.state.change(do)
	if !done {
		f.state.loseLog()
	}
	return done
}

func (f *logFile) Write(p []byte) (int, error) {
	f.change(func() error {
		n, err := f.File.Write(p)
		f.written += int64(n)
		return err
	})
	return len(p), nil
}

func (f *logFile) Sync() error { return f.SyncData() }

func (f *logFile) SyncData() error {
	if f.change(f.File.SyncData) {
		f.synced.Store(f.written)
	}
	return nil
}

// tableBuffer is how many bytes of a table are collected for one write. Pebble
// writes block by block.
const tableBuffer = 256 << 10

// tableFile is a table being written. Nobody reads it before it is closed.
type tableFile struct {
	vfs.File
	state  *state
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
	return f.state.tableResult(err)
}

func (f *tableFile) Sync() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.state.tableResult(f.File.Sync())
}

func (f *tableFile) SyncData() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.state.tableResult(f.File.SyncData())
}

func (f *tableFile) SyncTo(length int64) (bool, error) {
	if err := f.flush(); err != nil {
		return false, err
	}
	full, err := f.File.SyncTo(length)
	return full, f.state.tableResult(err)
}

func (f *tableFile) Close() error {
	err := f.flush()
	if closed := f.File.Close(); err == nil {
		err = f.state.tableResult(closed)
	}
	return err
}

// copiedFile is a file of a checkpoint.
type copiedFile struct {
	vfs.File
	state *state
}

func (f *copiedFile) Write(p []byte) (int, error) {
	if err := f.state.checkCopying(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

// discardFile accepts every write and keeps nothing.
type discardFile struct{}

func (discardFile) Close() error                           { return nil }
func (discardFile) Read([]byte) (int, error)               { return 0, io.EOF }
func (discardFile) ReadAt([]byte, int64) (int, error)      { return 0, io.EOF }
func (discardFile) Write(p []byte) (int, error)            { return len(p), nil }
func (discardFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (discardFile) Preallocate(int64, int64) error         { return nil }
func (discardFile) Stat() (vfs.FileInfo, error)            { return nil, os.ErrNotExist }
func (discardFile) Sync() error                            { return nil }
func (discardFile) SyncTo(int64) (bool, error)             { return true, nil }
func (discardFile) SyncData() error                        { return nil }
func (discardFile) Prefetch(int64, int64) error            { return nil }
func (discardFile) Fd() uintptr                            { return vfs.InvalidFd }
