package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"go.uber.org/zap"
)

// store is the Pebble store in its directory, through all the times it is
// opened anew.
type store struct {
	// Fixed.
	opt  *Options
	lock *pebble.Lock // held for the store's life, over reopenings

	mu      sync.Mutex    // guards the rest, and the fields of handles that say so
	current *handle       // nil while it is opened anew, and in the end
	changed chan struct{} // closed and replaced when what is around it changes
	broken  error         // it could not be opened anew; that will be tried again
	closed  bool
}

// handle is one opening of the store. Whoever uses it holds it, so that it is
// not closed under his feet.
type handle struct {
	store *store
	db    *pebble.DB
	disk  *disk

	users int           // guarded by store.mu
	idle  chan struct{} // guarded by store.mu: closed when users is 0, if somebody waits
}

// Fixed sizes of Pebble, chosen by the benchmarks of this package.
const (
	memTableSize  = 32 << 20
	memTables     = 3 // beyond them writes wait
	tableFileSize = 4 << 20
)

func openStore(opt *Options) (*store, error) {
	if err := makeDir(opt); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(opt.Dir, opt.fs)
	if err != nil {
		return nil, lockError(err)
	}
	s := &store{opt: opt, lock: lock, changed: make(chan struct{})}
	if s.current, err = s.openHandle(); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

// openHandle opens the store once. Nothing else may have it open.
func (s *store) openHandle() (*handle, error) {
	d := newDisk(s.opt)
	if err := s.checkRoomToOpen(); err != nil {
		return nil, err
	}
	db, err := openContained(d, s.pebbleOptions(d))
	if err != nil {
		return nil, err
	}
	return &handle{store: s, db: db, disk: d}, nil
}

// openContained opens Pebble on a goroutine of its own, since it may end the
// goroutine (see pebbleLog) and waits for room rather than fail.
func openContained(d *disk, o *pebble.Options) (*pebble.DB, error) {
	type result struct {
		db  *pebble.DB
		err error
	}
	opened := make(chan result, 1)
	go func() {
		r := result{err: errEnded}
		defer func() { opened <- r }()
		db, err := pebble.Open(d.dir, o)
		r = result{db, err}
	}()
	var r result
	select {
	case r = <-opened:
	case err := <-d.tableFailed:
		d.abandon(err) // lets Pebble come to an end
		r = <-opened
	}
	failure := d.dead()
	if failure == nil {
		return r.db, r.err
	}
	if r.db != nil {
		d.abandon(failure)
		r.db.Close() // its error is the disk's
	}
	return nil, failure
}

func (s *store) pebbleOptions(d *disk) *pebble.Options {
	o := &pebble.Options{
		FS:                          d,
		Lock:                        s.lock,
		Cleaner:                     pebble.ArchiveCleaner{}, // see disk.archive
		Logger:                      &pebbleLog{disk: d, log: s.opt.Logger},
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		CacheSize:                   s.opt.CacheBytes + memTables*int64(s.opt.memTable), // Pebble takes the latter out of it
		MemTableSize:                s.opt.memTable,
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                512,
		L0CompactionThreshold:       12,
		L0StopWritesThreshold:       36,
		LBaseMaxBytes:               256 << 20,
		BytesPerSync:                2 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		MaxManifestFileSize:         4 << 20,
	}
	o.TargetFileSizes[0] = tableFileSize
	for i := range o.Levels {
		o.Levels[i].BlockSize = 8 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		// Only the lowest level is worth compressing: it holds nearly all, and
		// what is above is soon written anew.
		o.Levels[i].Compression = uncompressed
	}
	lowest := len(o.Levels) - 1
	o.Levels[lowest].Compression = func() *sstable.CompressionProfile {
		return pebble.DBCompressionFastest.Levels[lowest]
	}
	o.EventListener = &pebble.EventListener{
		BackgroundError: func(err error) {
			s.opt.Logger.Warn("chat journal: background work failed", zap.Error(err))
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.opt.Logger.Error("chat journal: a file of the store is damaged",
				zap.String("path", info.Path), zap.Error(info.Details))
		},
	}
	return o
}

func uncompressed() *sstable.CompressionProfile { return sstable.NoCompression }

// use returns the store as it is open now; the caller must release it. It waits
// while the store is being opened anew, until ctx ends.
func (s *store) use(ctx context.Context) (*handle, error) {
	for {
		h, changed, err := s.tryUse()
		if h != nil || err != nil {
			return h, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryUse returns neither a handle nor an error while the store is being opened
// anew; changed is closed when that is over.
func (s *store) tryUse() (h *handle, changed chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current != nil:
		s.current.users++
	case s.closed:
		err = journal.ErrClosed
	case s.broken != nil:
		err = unavailable(s.broken)
	}
	return s.current, s.changed, err
}

func (h *handle) release() {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	h.users--
	if h.users == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
}

// detach takes the store away from its users, waits for the last one and
// returns what they used, which may be nil.
func (s *store) detach(closed bool) *handle {
	s.mu.Lock()
	h := s.current
	s.current, s.broken, s.closed = nil, nil, closed
	s.changedLocked()
	var idle chan struct{}
	if h != nil && h.users > 0 {
		idle = make(chan struct{})
		h.idle = idle
	}
	s.mu.Unlock()
	if idle != nil {
		<-idle
	}
	return h
}

// attach gives the store back to its users, or says why it can't.
func (s *store) attach(h *handle, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.broken = h, err
	s.changedLocked()
}

func (s *store) changedLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// reopen closes the store and opens it anew. After an error it is not open, and
// reopen may be called again.
func (s *store) reopen() error {
	if old := s.detach(false); old != nil {
		old.close()
	}
	h, err := s.openHandle()
	s.attach(h, err)
	return err
}

// close ends the store.
func (s *store) close() error {
	var err error
	if h := s.detach(true); h != nil {
		err = h.close()
	}
	return errors.Join(err, s.lock.Close())
}

// close closes the store's files. What a dead disk reports then is known.
func (h *handle) close() error {
	failure := h.disk.dead()
	if errors.Is(failure, errEnded) {
		// A goroutine of Pebble's has ended with its locks held: to close it
		// would wait for ever. The process keeps what it holds.
		return failure
	}
	if failure != nil {
		h.disk.abandon(failure)
	}
	err := h.db.Close()
	if failure != nil || err == nil {
		return nil
	}
	return fmt.Errorf("close journal %q: %w", h.disk.dir, err)
}

// get returns a copy of the value under key, or nil where there is none.
func (h *handle) get(key []byte) ([]byte, error) {
	value, closer, err := h.db.Get(key)
	if err == pebble.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}
