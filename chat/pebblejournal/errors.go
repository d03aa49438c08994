package pebblejournal

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/cockroachdb/pebble/v2"
)

var (
	// ErrLocked is wrapped by Open's error when another process, or another
	// journal of this one, has the directory.
	ErrLocked = errors.New("it is in use by another process or journal; stop that, or choose another directory")

	// ErrCorrupt is wrapped by Open's error when the store's files contradict
	// each other. Nothing has been changed then.
	ErrCorrupt = errors.New("its files are damaged; put a backup in its place, or move it away to begin with an empty journal")
)

// errReopening means that an append came while the store was being opened anew.
var errReopening = errors.New("the store is being opened again")

// errLost means that the disk failed while an entry was being written.
var errLost = errors.New("the disk failed")

// openError says what was opened, what is wrong and what to do.
func (o *Options) openError(err error) error {
	if err == nil {
		return nil
	}
	switch {
	case pebble.IsCorruptionError(err), errors.Is(err, errDamaged), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open journal %q: %w: %w", o.Dir, ErrCorrupt, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("open journal %q: %w; let the server's user write there, or choose another directory", o.Dir, err)
	case failstop.IsFull(err):
		return fmt.Errorf("open journal %q: %w; make room on that disk", o.Dir, err)
	}
	return fmt.Errorf("open journal %q: %w", o.Dir, err)
}

// lockError tells a lock that is taken from one that can't be.
func lockError(err error) error {
	if failstop.IsLocked(err) {
		return ErrLocked
	}
	return err
}

// makeDir makes the store's directory. Pebble would do it, but its errors don't
// tell a file in the way from a missing permission.
func makeDir(o *Options) error {
	if err := o.fs.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	info, err := o.fs.Stat(o.Dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory")
	}
	return err
}

// unavailable is the error of what can't be recorded because of err.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
}
