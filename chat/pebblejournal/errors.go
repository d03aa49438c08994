package pebblejournal

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

var (
	// ErrLocked is wrapped by Open's error when another process, or another
	// journal of this one, has the directory.
	ErrLocked = errors.New("it is in use by another process or journal; stop that, or choose another directory")

	// ErrCorrupt is wrapped by Open's error when the store's files contradict
	// each other. Nothing has been changed then.
	ErrCorrupt = errors.New("its files are damaged; put a backup in its place, or move it away to begin with an empty journal")
)

// errEnded means that Pebble met with something it thinks it can't survive.
var errEnded = errors.New("the store has given up; the server must be restarted")

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
	case isFull(err):
		return fmt.Errorf("open journal %q: %w; make room on that disk", o.Dir, err)
	}
	return fmt.Errorf("open journal %q: %w", o.Dir, err)
}

// isFull reports whether err says that there is no room, on the disk or in a
// quota.
func isFull(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, errFull)
}

// lockError tells a lock that is taken from one that can't be.
func lockError(err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) ||
		strings.Contains(err.Error(), "held by current process") {
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

// pebbleLog is Pebble's logger. What Pebble calls fatal must not end the
// process, so it ends the store: the disk dies, and the goroutine, which must
// not go on, ends with its deferred functions.
type pebbleLog struct {
	disk *disk
	log  *zap.Logger
}

func (l *pebbleLog) Infof(string, ...any) {}

func (l *pebbleLog) Errorf(format string, args ...any) {
	l.log.Warn("chat journal: store reports", zap.String("report", fmt.Sprintf(format, args...)))
}

func (l *pebbleLog) Fatalf(format string, args ...any) {
	err := fmt.Errorf("%w: %s", errEnded, fmt.Sprintf(format, args...))
	l.disk.kill(err)
	l.log.Error("chat journal: store has given up", zap.Error(err))
	runtime.Goexit()
}
