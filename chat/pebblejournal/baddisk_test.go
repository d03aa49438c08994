package pebblejournal

import (
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// badDisk is a file system that fails as it is told.
type badDisk struct {
	vfs.FS

	mu    sync.Mutex // guards the rest
	fault func(op, name string) error
	avail uint64 // what it says is free; 0 for the truth
}

func newBadDisk() *badDisk { return &badDisk{FS: vfs.Default} }

// fail has operations fail for which fault returns an error; nil ends that. The
// operations are create, write, sync, remove, rename and cut.
func (d *badDisk) fail(fault func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// failAll has everything fail with err that changes a file whose name contains
// part.
func (d *badDisk) failAll(part string, err error) {
	d.fail(func(_, name string) error {
		if strings.Contains(filepath.Base(name), part) {
			return err
		}
		return nil
	})
}

// report has the disk say that so much is free.
func (d *badDisk) report(avail uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.avail = avail
}

func (d *badDisk) try(op, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

func (d *badDisk) wrap(f vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &badFile{f, d, name}, nil
}

func (d *badDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.try("create", name); err != nil {
		return nil, err
	}
	f, err := d.FS.Create(name, c)
	return d.wrap(f, name, err)
}

func (d *badDisk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	return d.wrap(f, name, err)
}

func (d *badDisk) Remove(name string) error {
	if err := d.try("remove", name); err != nil {
		return err
	}
	return d.FS.Remove(name)
}

func (d *badDisk) Rename(from, to string) error {
	if err := d.try("rename", to); err != nil {
		return err
	}
	return d.FS.Rename(from, to)
}

func (d *badDisk) cut(name string, size int64) error {
	if err := d.try("cut", name); err != nil {
		return err
	}
	return cutFile(name, size)
}

func (d *badDisk) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	usage, err := d.FS.GetDiskUsage(path)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.avail > 0 {
		usage.AvailBytes = d.avail
	}
	return usage, err
}

type badFile struct {
	vfs.File
	disk *badDisk
	name string
}

// Write writes half of it when it fails, as a full disk does.
func (f *badFile) Write(p []byte) (int, error) {
	if err := f.disk.try("write", f.name); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *badFile) Sync() error {
	if err := f.disk.try("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *badFile) SyncData() error {
	if err := f.disk.try("sync", f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

var errNoSpace error = syscall.ENOSPC
