package failstop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrFull means that the free space of the disk is reserved.
var ErrFull = errors.New("the disk is full")

// IsFull reports whether err says that there is no space left, on the disk or in
// a quota.
func IsFull(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, ErrFull)
}

// IsLocked reports whether err, from pebble.LockDirectory, says that somebody
// else has the directory. Otherwise the lock could not be taken at all: EACCES from
// opening the lock file, which is a PathError, means that permission is missing.
func IsLocked(err error) bool {
	var path *os.PathError
	if errors.As(err, &path) {
		return false
	}
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) ||
		err != nil && strings.Contains(err.Error(), "held by current process")
}

// CheckFree returns an ErrFull if fewer than need bytes are free on the disk that dir
// is on. Where the system cannot tell, it returns nil; where asking fails, that error.
func CheckFree(fs vfs.FS, dir string, need int64) error {
	usage, err := fs.GetDiskUsage(dir)
	switch {
	case errors.Is(err, vfs.ErrUnsupported), err == nil && usage.TotalBytes == 0:
		return nil
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: it was moved or removed; put it back", &os.PathError{Op: "statfs", Path: dir, Err: err})
	case err != nil:
		return fmt.Errorf("it is not known how much room the disk has: %w", &os.PathError{Op: "statfs", Path: dir, Err: err})
	}
	if free := int64(min(usage.AvailBytes, 1<<62)); free < need {
		return fmt.Errorf("%w: %d MiB free, %d MiB needed", ErrFull, free>>20, (need+1<<20-1)>>20)
	}
	return nil
}

// checkFreeToOpen checks that a store can be opened: Pebble then writes the
// contents of its logs to tables.
func checkFreeToOpen(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	need := int64(1 << 20)
	for _, name := range names {
		if info, err := fs.Stat(fs.PathJoin(dir, name)); err == nil && isLog(name) {
			need += info.Size() + info.Size()/4
		}
	}
	return CheckFree(fs, dir, need)
}

// probeSize is how many bytes Probe writes.
const probeSize = 256 << 10

// Probe finds out whether the disk can be written: it writes a file of its own in
// dir, syncs it and removes it.
func Probe(fs vfs.FS, dir string) error {
	name := filepath.Join(dir, "probe")
	err := writeProbe(fs, name)
	if removed := fs.Remove(name); err == nil {
		err = removed
	}
	return err
}

func writeProbe(fs vfs.FS, name string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeSize))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// isTable and isLog tell Pebble's files apart by their names.
func isTable(name string) bool { return strings.HasSuffix(name, ".sst") }
func isLog(name string) bool   { return strings.HasSuffix(name, ".log") }
