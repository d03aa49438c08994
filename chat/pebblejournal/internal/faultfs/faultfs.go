// Package faultfs is a file system for tests that fails or hangs on command.
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
// nil. The operations are create, write, sync, read, link, remove, rename and truncate.
type Fault func(op, name string) error

// On is a Fault that returns err for the operation op on files whose base name
// contains part. An empty part stands for any, an empty op for any but read.
func On(op, part string, err error) Fault {
	return func(o, name string) error {
		if (o == op || op == "" && o != "read") && strings.Contains(filepath.Base(name), part) {
			return err
		}
		return nil
	}
}

// Hang is a Fault that lets operations hang, as a disk does that does not answer.
type Hang struct {
	part, op string
	begun    chan struct{} // closed when the first operation hangs
	once     sync.Once
	ended    chan struct{} // closed by End
}

// HangOn returns a Hang of the operations that On would let fail.
func HangOn(op, part string) *Hang {
	return &Hang{op: op, part: part, begun: make(chan struct{}), ended: make(chan struct{})}
}

// Fault is the Fault.
func (h *Hang) Fault(op, name string) error {
	if On(h.op, h.part, ErrNoSpace)(op, name) != nil {
		h.once.Do(func() { close(h.begun) })
		<-h.ended
	}
	return nil
}

// Begun is closed when something hangs.
func (h *Hang) Begun() <-chan struct{} { return h.begun }

// End lets all go on.
func (h *Hang) End() { close(h.ended) }

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
	fault := fs.fault
	fs.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(op, name)
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

// Open implements vfs.FS.
func (fs *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.Open(name, opts...)
	return fs.wrap(f, name, err)
}

// Link implements vfs.FS.
func (fs *FS) Link(from, to string) error {
	if err := fs.try("link", to); err != nil {
		return err
	}
	return fs.FS.Link(from, to)
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

// file is an open file or directory.
type file struct {
	vfs.File
	fs   *FS
	name string
}

func (f *file) Read(p []byte) (int, error) {
	if err := f.fs.try("read", f.name); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.fs.try("read", f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, offset)
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

func (f *file) SyncTo(length int64) (bool, error) {
	if err := f.fs.try("sync", f.name); err != nil {
		return false, err
	}
	return f.File.SyncTo(length)
}

func (f *file) SyncData() error {
	if err := f.fs.try("sync", f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}
