// Package private keeps what a store writes from other users of the machine: files get
// the permissions 0600, directories 0700.
package private

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	fileMode      = 0o600
	directoryMode = 0o700
	others        = 0o077 // the permissions of everybody but the owner
)

// chmod is replaced by tests.
var chmod = os.Chmod

// FS returns fs with every new file and directory private. It costs a system call for
// each.
func FS(fs vfs.FS) vfs.FS { return &privateFS{fs} }

type privateFS struct{ vfs.FS }

// made makes a new file private. It is still empty.
func made(f vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	if err := chmod(name, fileMode); err != nil && !os.IsNotExist(err) { // in the memory of a test there is none
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (p *privateFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.Create(name, c)
	return made(f, name, err)
}

func (p *privateFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := p.FS.OpenReadWrite(name, c, opts...)
	return made(f, name, err)
}

func (p *privateFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.ReuseForWrite(from, to, c)
	return made(f, to, err)
}

// Lock leaves the permissions of its file, which is empty, to Secure.
func (p *privateFS) Lock(name string) (io.Closer, error) { return p.FS.Lock(name) }

func (p *privateFS) MkdirAll(dir string, _ os.FileMode) error {
	return p.FS.MkdirAll(dir, directoryMode)
}

func (p *privateFS) Unwrap() vfs.FS { return p.FS }

// Secure makes the directory of a store and the files in it private. It returns in
// words which of them others can still read, because somebody else owns them. isOurs
// tells the files of the store by their names. If there are other files, or
// directories, the directory is left as it is: it may be meant for others too.
func Secure(dir string, isOurs func(name string) bool) (warnings []string) {
	if runtime.GOOS == "windows" {
		return nil // permissions are inherited from the directory there
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // whoever opens the store sees this too
	}
	shared := ""
	for _, e := range entries {
		switch {
		case e.Type().IsRegular() && isOurs(e.Name()):
			if err := secure(filepath.Join(dir, e.Name()), fileMode); err != nil {
				warnings = append(warnings, err.Error())
			}
		case e.Name() != "lost+found":
			shared = e.Name()
		}
	}
	if shared != "" {
		if info, err := os.Stat(dir); err == nil && info.Mode()&others != 0 {
			warnings = append(warnings, fmt.Sprintf(
				"%s can be entered by other users (mode %04o), and was left so because of %s, which is not the journal's; give the journal a directory of its own",
				dir, info.Mode().Perm(), shared))
		}
		return warnings
	}
	if err := secure(dir, directoryMode); err != nil {
		warnings = append(warnings, err.Error())
	}
	return warnings
}

// secure takes the permissions of others away.
func secure(path string, mode os.FileMode) error {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&others == 0 {
		return nil
	}
	if err := chmod(path, mode); err != nil {
		return fmt.Errorf("%s can be read by other users (mode %04o): %w; run chmod %o on it", path, info.Mode().Perm(), err, mode)
	}
	return nil
}
