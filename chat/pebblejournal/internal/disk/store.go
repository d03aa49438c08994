package disk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/witness"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Store is the Pebble store in its directory. After a failure of the disk it is
// closed and opened again; store outlives that.
type Store struct {
	// Fixed.
	opt     *Config
	fs      vfs.FS       // opt.FS, with private files
	lock    *pebble.Lock // held until the store is closed for good
	Witness *witness.Keeper

	reading   chan struct{} // a semaphore of readersMax: whoever has sent to it reads
	backingUp chan struct{} // a semaphore of one: whoever has sent to it makes a backup

	// Owned by whoever opens the store.
	renewed   string    // an epoch that the store has not got yet
	notBefore time.Time // when it may be opened again

	mu       sync.Mutex    // guards the rest, and what says so in a handle
	current  *Handle       // nil while the store is being reopened, and after close
	changed  chan struct{} // closed and replaced when the fields around it change
	broken   error         // why the last attempt to reopen failed; there will be another
	closed   bool
	exposed  []string // what others can read, in words
	warnings []string // what was found when the store was opened, in words
	lost     uint64   // entries that were found missing, at least
}

// Handle is the store between one opening and its closing. Its users hold it, so
// that it is not closed while they work with it.
type Handle struct {
	store *Store
	DB    *failstop.DB // fixed

	damage salvage.Memory // which keys cannot be read
	tables *salvage.Tables

	// Fixed once the store is open.
	Epoch      string
	Renew      error  // why the epoch is another one than before, or nil
	Entries    uint64 // and changes of records that the store has taken in, as far as that is known
	OldRecords bool   // there may be records of format 1
	Durable    *Durable

	leaving chan struct{} // closed when those who wait while they hold the handle must let go of it

	users int           // guarded by store.mu
	idle  chan struct{} // guarded by store.mu; closed when users is 0, if close waits for that
}

// Use returns the open handle; the caller must release it. While the store is
// being reopened it waits, until ctx ends.
func (s *Store) Use(ctx context.Context) (*Handle, error) {
	for {
		h, changed, err := s.TryUse()
		if h != nil || err != nil {
			return h, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// TryUse is use without waiting. While the store is being reopened it returns
// neither a handle nor an error; changed is closed when that is over.
func (s *Store) TryUse() (h *Handle, changed chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, nil, journal.ErrClosed
	case s.current != nil:
		s.current.users++
	case s.broken != nil:
		err = Unavailable(s.broken)
	}
	return s.current, s.changed, err
}

// Leaving is closed when the store is about to be closed, or opened again: whoever holds
// the handle and waits for something else than the disk must release it.
func (h *Handle) Leaving() <-chan struct{} { return h.leaving }

func (h *Handle) Release() {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	h.users--
	if h.users == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
}

// Refuse lets nobody use the store any more, without waiting for those who do.
func (s *Store) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changedLocked()
}

// Peek returns the open handle, or nil, without holding it. The handle may be
// asked how its disk is, and nothing else.
func (s *Store) Peek() *Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// detach gives the handle to no new users, waits for the present ones and returns
// it. It returns nil if the store is not open.
func (s *Store) detach(closed bool) *Handle {
	s.mu.Lock()
	h := s.current
	s.current, s.broken, s.closed = nil, nil, s.closed || closed
	s.changedLocked()
	var idle chan struct{}
	if h != nil {
		close(h.leaving)
	}
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
func (s *Store) attach(h *Handle, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.broken = h, err
	s.changedLocked()
}

func (s *Store) changedLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Close closes the store for good. If all is well, the witness then says w, if that is
// not nil.
func (s *Store) Close(w *witness.Witness) error {
	var err error
	if h := s.detach(true); h != nil {
		if err = h.Close(); err == nil && h.DB.Failed() == nil && w != nil {
			w.Closed = true
			_ = s.Witness.Write(*w) // without it the log tells
		}
	}
	return errors.Join(err, s.lock.Close())
}

func (h *Handle) Close() error {
	if h.Durable != nil {
		_ = h.Durable.Close()
	}
	if err := h.DB.Close(); err != nil {
		return fmt.Errorf("close journal %q: %w", h.store.opt.Dir, err)
	}
	return nil
}

// Get returns a copy of the value under key, or nil if there is none.
func (h *Handle) Get(key []byte) ([]byte, error) {
	value, closer, err := h.Durable.Get(key)
	if err == pebble.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}

func (s *Store) CheckFree(need int64) error { return failstop.CheckFree(s.fs, s.opt.Dir, need) }

// CheckWritable returns why nothing should be written to h now, or nil.
// Maintenance, which frees space, may use half of the reserve.
func (s *Store) CheckWritable(h *Handle, maintenance bool) error {
	if err := h.DB.Health(); err != nil {
		return err
	}
	reserve := s.opt.Reserve
	if maintenance {
		reserve /= 2
	}
	return s.CheckFree(reserve)
}

// Check returns why nothing should be appended now, or nil.
func (s *Store) Check() error {
	h := s.Peek()
	if h == nil {
		return nil
	}
	return s.CheckWritable(h, false)
}

// Healthy reports whether the store is open and has not failed.
func (s *Store) Healthy() bool {
	h := s.Peek()
	return h != nil && h.DB.Failed() == nil
}

// Recovered reports whether the disk can be written again after a failure. It
// demands an eighth more than the reserve, so that appends are not allowed only to
// be refused at once. If the disk has recovered, earlier errors of tables no
// longer count.
func (s *Store) Recovered() bool {
	h := s.Peek()
	if h != nil && errors.Is(h.DB.Failed(), failstop.ErrGaveUp) {
		return false
	}
	if s.opt.Retry && time.Now().Before(s.notBefore) {
		return false
	}
	if s.CheckFree(s.opt.Reserve+s.opt.Reserve/8) != nil || failstop.Probe(s.fs, s.opt.Dir) != nil {
		return false
	}
	if h != nil {
		h.DB.ClearTableError()
	}
	return true
}
