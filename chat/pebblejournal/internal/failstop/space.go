package failstop

import (
	"errors"
	"fmt"
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
// else has the directory. Otherwise the lock could not be taken at all.
func IsLocked(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) ||
		err != nil && strings.Contains(err.Error(), "held by current process")
}

// Free returns the free bytes of the disk that dir is on. Where the system cannot
// tell, it returns a very large number; where asking fails, 0.
func Free(fs vfs.FS, dir string) int64 {
	usage, err := fs.GetDiskUsage(dir)
	if errors.Is(err, vfs.ErrUnsupported) || err == nil && usage.TotalBytes == 0 {
		return 1 << 62
	}
	if err != nil {
		return 0
	}
	return int64(min(usage.AvailBytes, 1<<62))
}

// CheckFree returns an ErrFull if fewer than need bytes are free.
func CheckFree(fs vfs.FS, dir string, need int64) error {
	if free := Free(fs, dir); free < need {
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
