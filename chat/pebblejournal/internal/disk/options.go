package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// Config says where a store is and how much it may take. All fields are set.
type Config struct {
	Dir        string // absolute
	FS         vfs.FS
	Truncate   func(path string, size int64) error // nil: that of the operating system
	CacheBytes int64                               // for blocks
	MemTable   uint64                              // bytes
	Reserve    int64                               // bytes of the disk that are left free
	Retry      bool                                // wait between two attempts to open a store that has failed
	Logger     *zap.Logger
}

// ErrLocked says that another process, or another store of this process, has the
// directory.
var ErrLocked = errors.New("it is in use by another process or journal; stop that, or choose another directory")

// Unavailable wraps the reason why something cannot be recorded.
func Unavailable(err error) error { return fmt.Errorf("%w: %w", journal.ErrUnavailable, err) }

// Pause waits for d, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Fixed sizes for Pebble, chosen with the benchmarks of this package.
const (
	memTables     = 3 // writes wait while so many are full
	tableFileSize = 4 << 20
)

// makeDir makes the directory of the store. Pebble would do so too, but its errors
// do not tell a file of that name from a missing permission.
func (o *Config) makeDir(fs vfs.FS) error {
	err := fs.MkdirAll(o.Dir, 0o700)
	switch {
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%w: a symbolic link there leads to nothing; mount the disk that it leads to, or make that directory", err)
	case errors.Is(err, os.ErrNotExist): // its text only: nothing is damaged, as it would be if a file were missing
		return fmt.Errorf("the directory can't be made: %v; mount the disk that it is to be on, or choose another directory", err)
	case err != nil:
		return err
	}
	info, err := fs.Stat(o.Dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory")
	}
	return err
}
func (o *Config) pebbleOptions(lock *pebble.Lock) *pebble.Options {
	p := &pebble.Options{
		Lock:                        lock,
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		CacheSize:                   o.CacheBytes + memTables*int64(o.MemTable), // Pebble subtracts the latter
		MemTableSize:                o.MemTable,
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                512,
		L0CompactionThreshold:       12,
		L0StopWritesThreshold:       36,
		LBaseMaxBytes:               256 << 20,
		BytesPerSync:                2 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		MaxManifestFileSize:         4 << 20,
	}
	p.TargetFileSizes[0] = tableFileSize
	for i := range p.Levels {
		p.Levels[i].BlockSize = 8 << 10
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		// Only the lowest level is compressed. It holds nearly everything, and
		// the levels above it are soon rewritten.
		p.Levels[i].Compression = uncompressed
	}
	lowest := len(p.Levels) - 1
	p.Levels[lowest].Compression = func() *sstable.CompressionProfile {
		return pebble.DBCompressionFastest.Levels[lowest]
	}
	return p
}

func uncompressed() *sstable.CompressionProfile { return sstable.NoCompression }
