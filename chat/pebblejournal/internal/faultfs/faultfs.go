// Package faultfs is a file system for tests that fails on command.
package faultfs

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrNoSpace is the error of a full disk.
var ErrNoSpace error = syscall.ENOSPC

// Fault decides whether an operation on a file fails. It returns the error, or
// nil. The operations are create, write, sync, remove, rename and truncate.
type Fault func(op, name string) error

// On is a Fault that returns err for the operation op on files whose base name
// contains part. An empty op or part stands for any.
func On(op, part string, err error) Fault {
	return func(o, name string) error {
		if (op == "" || o == op) && strings.Contains(filepath.Base(name), part) {
			return err
		}
		return nil
	}
}

// FS is the file system of the machine, with faults. It may be used by several
// goroutines at once.
type FS struct {
	vfs.FS

	mu    sync.Mutex // guards the rest
	fault Fault
	free  uint64 // the free bytes it reports; 0: the truth
}

// New returns a file system without faults.
func New() *FS { return &FS{FS: vfs.Default} }

// Fail makes operations fail from now on. nil ends all faults.
func (fs *FS) Fail(fault Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.fault = fault
}

// ReportFree makes the file system report n free bytes. 0 ends that.
func (fs *FS) ReportFree(n uint64) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.free = n
}

func (fs *FS) try(op, name string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.fault == nil {
		return nil
	}
	return fs.fault(op, name)
}

func (fs *FS) wrap(f vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{f, fs, name}, nil
}

// Create implements vfs.FS.
func (fs *FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.try("create", name); err != nil {
		return nil, err
	}
	f, err := fs.FS.Create(name, c)
	return fs.wrap(f, name, err)
}

// OpenDir implements vfs.FS.
func (fs *FS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	return fs.wrap(f, name, err)
}

// Remove implements vfs.FS.
func (fs *FS) Remove(name string) error {
	if err := fs.try("remove", name); err != nil {
		return err
	}
	return fs.FS.Remove(name)
}

// Rename implements vfs.FS.
func (fs *FS) Rename(from, to string) error {
	if err := fs.try("rename", to); err != nil {
		return err
	}
	return fs.FS.Rename(from, to)
}

// Truncate cuts a file down to size.
func (fs *FS) Truncate(name string, size int64) error {
	if err := fs.try("truncate", name); err != nil {
		return err
	}
	return os.Truncate(name, size)
}

// GetDiskUsage implements vfs.FS.
func (fs *FS) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	usage, err := fs.FS.GetDiskUsage(path)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.free > 0 {
		usage.AvailBytes = fs.free
	}
	return usage, err
}

// file is a file or a directory that was opened to be written or synced.
type file struct {
	vfs.File
	fs   *FS
	name string
}

// Write writes half of p when it fails, as a full disk does.
func (f *file) Write(p []byte) (int, error) {
	if err := f.fs.try("write", f.name); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *file) Sync() error {
	if err := f.fs.try("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *file) SyncData() error {
	if err := f.fs.try("sync", f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}
