package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
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
	db    *failstop.DB

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
	db, err := failstop.Open(failstop.Config{
		Dir: s.opt.Dir, FS: s.opt.fs, Truncate: s.opt.truncate, Logger: s.opt.Logger,
	}, s.pebbleOptions())
	if err != nil {
		return nil, err
	}
	return &handle{store: s, db: db}, nil
}

func (s *store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		Lock:                        s.lock,
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

// close closes the store's files.
func (h *handle) close() error {
	if err := h.db.Close(); err != nil {
		return fmt.Errorf("close journal %q: %w", h.store.opt.Dir, err)
	}
	return nil
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

// free returns the free bytes of the disk.
func (s *store) free() int64 { return failstop.Free(s.opt.fs, s.opt.Dir) }

// checkRoom reports why nothing should be written now, or nil. What makes room
// may take half of the reserve.
func (s *store) checkRoom(h *handle, upkeep bool) error {
	if err := h.db.Health(); err != nil {
		return err
	}
	reserve := s.opt.Reserve
	if upkeep {
		reserve /= 2
	}
	return s.checkFree(reserve)
}

func (s *store) checkFree(need int64) error { return failstop.CheckFree(s.opt.fs, s.opt.Dir, need) }

// hasRoom reports whether there is room again: somewhat more than the reserve,
// so that appends aren't let in to be refused at once.
func (s *store) hasRoom() bool {
	return s.checkFree(s.opt.Reserve+s.opt.Reserve/8) == nil
}

// peek returns the store as it is open now, if it is, without using it.
func (s *store) peek() *handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// check reports why nothing should be appended, or nil.
func (s *store) check() error {
	h := s.peek()
	if h == nil {
		return nil
	}
	return s.checkRoom(h, false)
}

// healthy reports whether the store is open and its disk works.
func (s *store) healthy() bool {
	h := s.peek()
	return h != nil && h.db.Failed() == nil
}

// usable reports whether it is worth trying again after a failure. If it is,
// past failures to write a table are forgiven: there may be none to come that
// shows that they are past.
func (s *store) usable() bool {
	h := s.peek()
	if h != nil && errors.Is(h.db.Failed(), failstop.ErrGaveUp) || !s.hasRoom() || failstop.Probe(s.opt.fs, s.opt.Dir) != nil {
		return false
	}
	if h != nil {
		h.db.ClearTableError()
	}
	return true
}
