package failstop

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// ErrGaveUp means that Pebble called Logger.Fatalf. The store cannot be opened
// again in this process.
var ErrGaveUp = errors.New("the store has given up; the server must be restarted")

// Config says where a store is.
type Config struct {
	Dir    string // absolute; must exist
	FS     vfs.FS
	Logger *zap.Logger

	// Truncate cuts a file down to size and syncs it. nil means the file of the
	// operating system; tests set it, because vfs.FS cannot truncate.
	Truncate func(path string, size int64) error
}

// DB is an open Pebble store. All methods may be called by several goroutines at
// once. After a failure (Failed) reads go on, and writes seem to succeed: whoever
// commits must ask LogLost before it believes in a commit.
type DB struct {
	*pebble.DB
	fs *failFS
}

// Open opens the store. It sets the fields of o that this package relies on: FS,
// Cleaner, Logger and EventListener. It checks that there is space for Pebble to
// replay its logs.
func Open(c Config, o *pebble.Options) (*DB, error) {
	if err := checkFreeToOpen(c.FS, c.Dir); err != nil {
		return nil, err
	}
	fs := c.prepare(o)
	db, err := open(fs, o)
	if err != nil {
		return nil, err
	}
	return &DB{DB: db, fs: fs}, nil
}

// OpenReadOnly opens a store that cannot be opened to be written, because of why. It
// is as after a failure with that error: it can be read, and must be opened again to
// be written. It changes nothing in the directory. What the logs have is held in
// memory.
func OpenReadOnly(c Config, o *pebble.Options, why error) (*DB, error) {
	fs := c.prepare(o)
	fs.fail(why)
	o.ReadOnly = true
	r := <-openAside(fs.dir, o)
	if r.err != nil {
		return nil, r.err
	}
	return &DB{DB: r.db, fs: fs}, nil
}

// prepare sets the fields of o that this package relies on.
func (c *Config) prepare(o *pebble.Options) *failFS {
	if c.Truncate == nil {
		c.Truncate = truncateFile
	}
	fs := newFailFS(c.FS, c.Dir, c.Truncate)
	o.FS = fs
	// ArchiveCleaner keeps Pebble from writing over old logs, which would leave
	// erased bodies in them. See failFS.archive.
	o.Cleaner = pebble.ArchiveCleaner{}
	o.Logger = &logger{fs: fs, zap: c.Logger}
	o.EventListener = listener(c.Logger, fs)
	return fs
}

type openResult struct {
	db  *pebble.DB
	err error
}

// openAside calls pebble.Open on a goroutine of its own, which Pebble may end: see
// logger.Fatalf.
func openAside(dir string, o *pebble.Options) <-chan openResult {
	opened := make(chan openResult, 1)
	go func() {
		r := openResult{err: ErrGaveUp}
		defer func() { opened <- r }()
		db, err := pebble.Open(dir, o)
		r = openResult{db, err}
	}()
	return opened
}

// open opens the store. Pebble waits for a disk that cannot take tables; open does not.
func open(fs *failFS, o *pebble.Options) (*pebble.DB, error) {
	opened := openAside(fs.dir, o)
	var r openResult
	select {
	case r = <-opened:
	case err := <-fs.tableFailed:
		fs.startDiscarding(err) // so that pebble.Open returns
		r = <-opened
	}
	failure := fs.failed()
	if failure == nil {
		return r.db, r.err
	}
	if r.db != nil {
		fs.startDiscarding(failure)
		r.db.Close() // its error is a consequence of the failure
	}
	return nil, failure
}

// Close closes the store. After a failure it returns nil, because the failure is
// known. After Pebble gave up it does nothing and returns ErrGaveUp: a goroutine
// of Pebble has ended with its locks held, and closing would wait for it.
func (db *DB) Close() error {
	failure := db.fs.failed()
	if errors.Is(failure, ErrGaveUp) {
		return failure
	}
	if failure != nil {
		db.fs.startDiscarding(failure)
	}
	if err := db.DB.Close(); err != nil && failure == nil {
		return err
	}
	return nil
}

// Failed returns the error that stopped the store, or nil. A store that failed
// must be closed and opened again.
func (db *DB) Failed() error { return db.fs.failed() }

// Health returns why nothing should be written now: the failure, or the error of
// the last table that Pebble could not write, after which it will soon stop to
// take writes.
func (db *DB) Health() error { return db.fs.health() }

// ClearTableError makes Health forget the error of the last table. Pebble may have
// no further table to write that would show that the disk works again.
func (db *DB) ClearTableError() { db.fs.clearTableError() }

// Fail stops the store, unless it has stopped before.
func (db *DB) Fail(err error) { db.fs.fail(err) }

// Discard stops the store and drops all further writes of tables too. A commit
// that waits for Pebble to write tables then returns.
func (db *DB) Discard(err error) { db.fs.startDiscarding(err) }

// MarkLog remembers the end of the log for RewindLog. The caller has no commit
// running, and everything committed before was synced.
func (db *DB) MarkLog() { db.fs.markLog() }

// LogLost reports whether a write to the log was dropped, so that a commit that
// returned nil may not be on disk.
func (db *DB) LogLost() bool { return db.fs.hasLostLog() }

// RewindLog removes from the logs on disk what was written since MarkLog, so that
// no part of it comes back when the store is opened again. It works on a full
// disk. The store must have failed.
func (db *DB) RewindLog() error { return db.fs.rewindLog() }

// Checkpoint copies the store to dir, which must not exist. When ctx ends, it stops at
// the next file or piece of one that it copies; it removes what it has made. Only one
// may run at a time.
func (db *DB) Checkpoint(ctx context.Context, dir string) error {
	db.fs.setCopying(ctx)
	defer db.fs.setCopying(context.Background())
	return db.DB.Checkpoint(dir, pebble.WithFlushedWAL())
}

// Exists reports whether the file exists.
func (db *DB) Exists(name string) (bool, error) {
	_, err := db.fs.Stat(name)
	if oserror.IsNotExist(err) {
		return false, nil
	}
	return err == nil, err
}

// Remove removes a file, unless the store has failed.
func (db *DB) Remove(name string) error { return db.fs.Remove(name) }

// Damaged returns which tables were found to be damaged.
func (db *DB) Damaged() []string { return db.fs.bad.list() }

// TableFS returns what the tables of the store can be read with, and NoteDamage remembers what
// was found there.
func (db *DB) TableFS() vfs.FS { return db.fs }

// NoteDamage is explained at TableFS.
func (db *DB) NoteDamage(path string, err error) { db.fs.bad.note(path, err) }

// logger is Pebble's logger.
type logger struct {
	fs  *failFS
	zap *zap.Logger
}

func (l *logger) Infof(string, ...any) {}

func (l *logger) Errorf(format string, args ...any) {
	l.zap.Warn("chat journal: store reports", zap.String("report", fmt.Sprintf(format, args...)))
}

// Fatalf stops the store and ends the calling goroutine with its deferred
// functions. Pebble relies on it not to return.
func (l *logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf("%w: %s", ErrGaveUp, fmt.Sprintf(format, args...))
	l.fs.fail(err)
	l.zap.Error("chat journal: store has given up", zap.Error(err))
	runtime.Goexit()
}

func listener(log *zap.Logger, fs *failFS) *pebble.EventListener {
	damaged := &damageLog{log: log}
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			log.Warn("chat journal: background work failed", zap.Error(err))
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			fs.bad.note(info.Path, info.Details)
			fs.bad.noteFile(info.Path)
			damaged.report(info)
		},
	}
}

// damageLogInterval is how often a damaged file is logged at most: whoever reads it meets
// the same damage again and again.
const damageLogInterval = time.Hour

// damageLog logs damaged files.
type damageLog struct {
	log *zap.Logger // fixed

	mu   sync.Mutex // guards the rest
	told map[string]time.Time
}

func (d *damageLog) report(info pebble.DataCorruptionInfo) {
	if d.due(info.Path, time.Now()) {
		d.log.Error("chat journal: a file of the store is damaged; what it has there cannot be read",
			zap.String("path", info.Path), zap.Error(info.Details))
	}
}

// due reports whether a file must be logged now.
func (d *damageLog) due(path string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told == nil {
		d.told = map[string]time.Time{}
	}
	if last, known := d.told[path]; known && now.Sub(last) < damageLogInterval {
		return false
	}
	d.told[path] = now
	return true
}
