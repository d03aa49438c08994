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

// store is the Pebble store in its directory. After a failure of the disk it is
// closed and opened again; store outlives that.
type store struct {
	// Fixed.
	opt  *Options
	lock *pebble.Lock // held until the store is closed for good

	mu      sync.Mutex    // guards the rest, and what says so in a handle
	current *handle       // nil while the store is being reopened, and after close
	changed chan struct{} // closed and replaced when the fields around it change
	broken  error         // why the last attempt to reopen failed; there will be another
	closed  bool
}

// handle is the store between one opening and its closing. Its users hold it, so
// that it is not closed while they work with it.
type handle struct {
	store *store
	db    *failstop.DB

	users int           // guarded by store.mu
	idle  chan struct{} // guarded by store.mu; closed when users is 0, if close waits for that
}

// Fixed sizes for Pebble, chosen with the benchmarks of this package.
const (
	memTables     = 3 // writes wait while so many are full
	tableFileSize = 4 << 20
)

func openStore(opt *Options) (*store, error) {
	if err := opt.makeDir(); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(opt.Dir, opt.fs)
	if failstop.IsLocked(err) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, err
	}
	s := &store{opt: opt, lock: lock, changed: make(chan struct{})}
	if s.current, err = s.openHandle(); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

// openHandle opens the store. No other handle may be open.
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
		CacheSize:                   s.opt.CacheBytes + memTables*int64(s.opt.memTable), // Pebble subtracts the latter
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
		// Only the lowest level is compressed. It holds nearly everything, and
		// the levels above it are soon rewritten.
		o.Levels[i].Compression = uncompressed
	}
	lowest := len(o.Levels) - 1
	o.Levels[lowest].Compression = func() *sstable.CompressionProfile {
		return pebble.DBCompressionFastest.Levels[lowest]
	}
	return o
}

func uncompressed() *sstable.CompressionProfile { return sstable.NoCompression }

// use returns the open handle; the caller must release it. While the store is
// being reopened it waits, until ctx ends.
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

// tryUse is use without waiting. While the store is being reopened it returns
// neither a handle nor an error; changed is closed when that is over.
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

// peek returns the open handle, or nil, without holding it. The handle may be
// asked how its disk is, and nothing else.
func (s *store) peek() *handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// detach gives the handle to no new users, waits for the present ones and returns
// it. It returns nil if the store is not open.
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

// attach gives a new handle to users, or tells them why there is none.
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

// reopen closes the store and opens it again. After an error it is not open, and
// reopen may be called again.
func (s *store) reopen() error {
	if old := s.detach(false); old != nil {
		old.close()
	}
	h, err := s.openHandle()
	s.attach(h, err)
	return err
}

// close closes the store for good.
func (s *store) close() error {
	var err error
	if h := s.detach(true); h != nil {
		err = h.close()
	}
	return errors.Join(err, s.lock.Close())
}

func (h *handle) close() error {
	if err := h.db.Close(); err != nil {
		return fmt.Errorf("close journal %q: %w", h.store.opt.Dir, err)
	}
	return nil
}

// get returns a copy of the value under key, or nil if there is none.
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

func (s *store) checkFree(need int64) error { return failstop.CheckFree(s.opt.fs, s.opt.Dir, need) }

// checkWritable returns why nothing should be written to h now, or nil.
// Maintenance, which frees space, may use half of the reserve.
func (s *store) checkWritable(h *handle, maintenance bool) error {
	if err := h.db.Health(); err != nil {
		return err
	}
	reserve := s.opt.Reserve
	if maintenance {
		reserve /= 2
	}
	return s.checkFree(reserve)
}

// check returns why nothing should be appended now, or nil.
func (s *store) check() error {
	h := s.peek()
	if h == nil {
		return nil
	}
	return s.checkWritable(h, false)
}

// healthy reports whether the store is open and has not failed.
func (s *store) healthy() bool {
	h := s.peek()
	return h != nil && h.db.Failed() == nil
}

// recovered reports whether the disk can be written again after a failure. It
// demands an eighth more than the reserve, so that appends are not allowed only to
// be refused at once. If the disk has recovered, earlier errors of tables no
// longer count.
func (s *store) recovered() bool {
	h := s.peek()
	if h != nil && errors.Is(h.db.Failed(), failstop.ErrGaveUp) {
		return false
	}
	if s.checkFree(s.opt.Reserve+s.opt.Reserve/8) != nil || failstop.Probe(s.opt.fs, s.opt.Dir) != nil {
		return false
	}
	if h != nil {
		h.db.ClearTableError()
	}
	return true
}
