package pebblejournal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// Options say where a journal is and how much it may take. A zero field means its
// default.
type Options struct {
	// Dir is the directory of the store. Open makes it, with permissions for its
	// owner alone. Nothing else should be in it. Required.
	Dir string

	// Retention returns how much of a room is kept. nil keeps everything. The
	// journal calls it often, from several goroutines and without locks: it must
	// be quick. It may return something else later, which then holds.
	//
	// A Read never shows more than Count entries. Otherwise the journal enforces
	// retention in the background: within seconds for a room that has grown an
	// eighth over its limit, and within an hour for any room.
	//
	// Bytes counts the texts of the entries and 64 bytes for each entry. A
	// recalled body counts until its entry is deleted.
	Retention func(room string) journal.Retention

	// MaxBytes limits what the whole store takes on disk, in bytes: entries, keys,
	// heads of rooms, records, the feed and the log. Above it the journal first
	// forgets the keys of deleted entries, then deletes the oldest entries of all
	// rooms with their keys, but for rooms that have less than half of what rooms have
	// on average, while others have some, then forgets rooms that are empty. It does so in the
	// background: under a heavy load the store may exceed the limit by what arrives
	// meanwhile. Records are never deleted for it: beyond half of the limit, what would
	// add to them is refused with ErrUnavailable, except mutes, bans and revoked tokens,
	// and nothing is deleted for them. Default 8 GiB, which is some thirty
	// million short messages. A negative value means no limit.
	MaxBytes int64

	// Reserve is how many bytes of the disk appends leave free. Retention needs
	// some of them to free space. Default 128 MiB.
	Reserve int64

	// CacheBytes limits the memory for the newest entries of busy rooms, in
	// bytes, and separately, with the same limit, the memory for blocks of the
	// store. Default 32 MiB. What is being written takes up to 64 MiB more under
	// a heavy load.
	CacheBytes int64

	// Logger may be nil. Bodies and keys are never logged.
	Logger *zap.Logger

	// The rest is for tests.

	fs       vfs.FS
	truncate func(path string, size int64) error
	now      func() time.Time
	interval time.Duration // between rounds of maintenance; negative: no rounds
	patience time.Duration // of Close
	memTable uint64        // bytes
}

const (
	defaultMaxBytes   = 8 << 30
	defaultReserve    = 128 << 20
	defaultCacheBytes = 32 << 20
	defaultInterval   = time.Second
	closePatience     = 5 * time.Second
	defaultMemTable   = 32 << 20 // chosen with the benchmarks of this package
	minMemTable       = 512 << 10
)

func (o Options) withDefaults() Options {
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMaxBytes)
	o.Reserve = cmp.Or(o.Reserve, defaultReserve)
	o.CacheBytes = cmp.Or(o.CacheBytes, defaultCacheBytes)
	o.patience = cmp.Or(o.patience, closePatience)
	o.interval = cmp.Or(o.interval, defaultInterval)
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	if o.memTable == 0 {
		o.memTable = defaultMemTable
		if o.MaxBytes > 0 { // the log is as large as the memory that it protects
			o.memTable = min(o.memTable, max(uint64(o.MaxBytes)/16, minMemTable))
		}
	}
	if o.now == nil {
		o.now = time.Now
	}
	return o
}

// store returns what the store must know.
func (o *Options) store() *disk.Config {
	return &disk.Config{
		Dir: o.Dir, FS: o.fs, Truncate: o.truncate, CacheBytes: o.CacheBytes, MemTable: o.memTable,
		Reserve: o.Reserve, Retry: o.interval > 0, Logger: o.Logger,
	}
}

// retention returns how much is kept of room.
func (o *Options) retention(room string) journal.Retention {
	switch {
	case journal.IsEventRoom(room):
		return journal.EventsKept
	case o.Retention == nil:
		return journal.Retention{}
	}
	return o.Retention(room)
}

// BackupMark is a file that a backup has until Open takes it away.
const BackupMark = disk.BackupMark

var (
	// ErrLocked is wrapped by Open's error when another process, or another
	// journal of this process, has the directory.
	ErrLocked = disk.ErrLocked

	// ErrCorrupt is wrapped by Open's error when the files of the store
	// contradict each other. Open has not changed them then.
	ErrCorrupt = errors.New("its files are damaged; put a backup in its place, or move it away to begin with an empty journal")
)

// openError completes an error of Open: it says which directory it is about and
// what to do.
func (o *Options) openError(err error) error {
	if err == nil {
		return nil
	}
	switch {
	case disk.IsDamage(err):
		return fmt.Errorf("open journal %q: %w: %w", o.Dir, ErrCorrupt, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("open journal %q: %w; let the server's user write there, or choose another directory", o.Dir, err)
	case failstop.IsFull(err):
		return fmt.Errorf("open journal %q: %w; make room on that disk", o.Dir, err)
	}
	return fmt.Errorf("open journal %q: %w", o.Dir, err)
}
