package inspect

import (
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// aside is the end of the name of a file that was set aside because it is damaged.
const aside = ".damaged"

// view is the file system that shows a store as it can be believed.
type view struct {
	vfs.FS
	dir    string
	limits map[string]int64 // by base name: how many bytes of a file are shown
	extra  []string         // files that are missing and shown as empty
}

// View returns fs with what Look has found: of a damaged log it shows what can be
// read. When Pebble removes that log, because it has written its contents to a table,
// the log is set aside instead, as NAME.damaged.
func (f *Found) View(fs vfs.FS) vfs.FS {
	if len(f.limits) == 0 && len(f.Markers) == 0 {
		return fs
	}
	return &view{FS: fs, dir: f.dir, limits: f.limits, extra: f.Markers}
}

// limit returns how many bytes are shown of a file, if that is limited.
func (v *view) limit(name string) (n int64, limited bool) {
	if v.FS.PathDir(name) != v.dir {
		return 0, false
	}
	n, limited = v.limits[v.FS.PathBase(name)]
	return n, limited
}

func (v *view) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := v.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	if n, limited := v.limit(name); limited {
		return &limitedFile{File: f, left: n}, nil
	}
	return f, nil
}

func (v *view) List(dir string) ([]string, error) {
	names, err := v.FS.List(dir)
	if err != nil || dir != v.dir {
		return names, err
	}
	for _, name := range v.extra {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (v *view) Remove(name string) error {
	if _, limited := v.limit(name); limited && strings.HasSuffix(name, logSuffix) {
		return v.FS.Rename(name, name+aside)
	}
	return v.FS.Remove(name)
}

func (v *view) Unwrap() vfs.FS { return v.FS }

// limitedFile shows the first bytes of a file. Pebble reads logs and options by Read.
type limitedFile struct {
	vfs.File
	left int64
}

func (f *limitedFile) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, io.EOF
	}
	n, err := f.File.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	return n, err
}

// readOnly is a file system on which nothing can be changed. All logs are empty: it
// notes which of them Pebble opens.
type readOnly struct {
	vfs.FS
	opened []string // owned by the goroutine that opens the store
}

func (r *readOnly) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := r.FS.Open(name, opts...)
	if err == nil && strings.HasSuffix(name, logSuffix) {
		r.opened = append(r.opened, r.PathBase(name))
		f = &limitedFile{File: f}
	}
	return f, err
}

func (r *readOnly) Create(string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, syscall.EROFS
}

func (r *readOnly) OpenReadWrite(string, vfs.DiskWriteCategory, ...vfs.OpenOption) (vfs.File, error) {
	return nil, syscall.EROFS
}

func (r *readOnly) ReuseForWrite(string, string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, syscall.EROFS
}

func (r *readOnly) Link(string, string) error          { return syscall.EROFS }
func (r *readOnly) Remove(string) error                { return syscall.EROFS }
func (r *readOnly) RemoveAll(string) error             { return syscall.EROFS }
func (r *readOnly) Rename(string, string) error        { return syscall.EROFS }
func (r *readOnly) MkdirAll(string, os.FileMode) error { return syscall.EROFS }
func (r *readOnly) Unwrap() vfs.FS                     { return r.FS }
