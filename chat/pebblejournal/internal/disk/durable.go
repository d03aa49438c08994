package disk

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/cockroachdb/pebble/v2"
)

// Pebble shows what is written before it is synced, and also what could not be synced.
// So readers look at a snapshot of what is durable, which moves with each group.

// view is the store at one moment.
type view struct {
	snapshot *pebble.Snapshot // fixed
	users    int              // guarded by Durable.mu; one of them is Durable.current
}

// Durable reads what is durable of a store. It is a pebble.Reader. Each call sees the
// newest group; View holds one moment for several calls.
type Durable struct {
	db *failstop.DB // fixed

	mu      sync.Mutex // guards the rest; a leaf
	current *view
	moment  uint64
}

// Moment is the number of the moment that readers see. It grows with each one.
func (d *Durable) Moment() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.moment
}

// Advance says that everything that was written so far is durable. Nothing may be
// written meanwhile. It costs about a microsecond.
func (d *Durable) Advance() {
	next := &view{d.db.NewSnapshot(), 1}
	d.mu.Lock()
	old := d.current
	d.current = next
	d.moment++
	d.mu.Unlock()
	if old != nil {
		d.release(old)
	}
}

func (d *Durable) acquire() *view {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current.users++
	return d.current
}

func (d *Durable) release(v *view) {
	d.mu.Lock()
	v.users--
	last := v.users == 0
	d.mu.Unlock()
	if last && !errors.Is(d.db.Failed(), failstop.ErrGaveUp) { // then Pebble's mutex may be locked for good
		_ = v.snapshot.Close()
	}
}

// View returns the store at one moment. The caller must call done.
func (d *Durable) View() (at *pebble.Snapshot, done func()) {
	v := d.acquire()
	return v.snapshot, func() { d.release(v) }
}

// Get implements pebble.Reader.
func (d *Durable) Get(key []byte) ([]byte, io.Closer, error) {
	v := d.acquire()
	defer d.release(v) // the value is held by its closer
	return v.snapshot.Get(key)
}

// NewIter implements pebble.Reader. The iterator stays at its moment.
func (d *Durable) NewIter(o *pebble.IterOptions) (*pebble.Iterator, error) {
	return d.NewIterWithContext(context.Background(), o)
}

// NewIterWithContext implements pebble.Reader.
func (d *Durable) NewIterWithContext(ctx context.Context, o *pebble.IterOptions) (*pebble.Iterator, error) {
	v := d.acquire()
	defer d.release(v) // the iterator holds the tables that it needs
	return v.snapshot.NewIterWithContext(ctx, o)
}

// Close implements pebble.Reader. Nobody may use d any more.
func (d *Durable) Close() error {
	d.mu.Lock()
	v := d.current
	d.current = nil
	d.mu.Unlock()
	if v != nil {
		d.release(v)
	}
	return nil
}
