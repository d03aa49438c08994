package memjournal

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Journal implements journal.Journal and journal.Restorer in memory. It is one node of
// a Store.
type Journal struct {
	*store
	node *node // fixed

	closing sync.Once

	// Guarded by store.mu.
	closed bool
	ends   map[*func()]struct{} // of what Close must end
}

var (
	_ journal.Journal   = (*Journal)(nil)
	_ journal.Successor = (*Journal)(nil)
	_ journal.Lister    = (*Journal)(nil)
	_ journal.Redactor  = (*Journal)(nil)
	_ journal.Reporter  = (*Journal)(nil)
)

// New returns a journal with a store of its own.
func New(opt Options) *Journal { return NewStore(opt).Open() }

// Open returns a journal that uses the store, as a node of its own. Closing it leaves
// the others and the store alone.
func (s *Store) Open() *Journal {
	return &Journal{store: s.store, node: s.nodes.join(s.log), ends: map[*func()]struct{}{}}
}

// SetMaxBytes changes Options.MaxBytes of the store. It applies from the next entry on.
func (j *Journal) SetMaxBytes(n int64) { j.setMaxBytes(n) }

// Nodes implements journal.Journal.
func (j *Journal) Nodes() journal.Nodes { return j.node }

// lock locks the store, unless ctx has ended or the journal is closed.
func (j *Journal) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return journal.ErrClosed
	}
	return nil
}

// stopperLocked returns a function that calls end, as Close does if it comes first. end
// must cope with being called again.
func (j *Journal) stopperLocked(end func()) (stop func()) {
	j.ends[&end] = struct{}{}
	return func() {
		j.mu.Lock()
		delete(j.ends, &end)
		j.mu.Unlock()
		end()
	}
}

// Close implements journal.Journal. Nothing waits to be written.
func (j *Journal) Close() error {
	j.closing.Do(j.close)
	return nil
}

func (j *Journal) close() {
	j.mu.Lock()
	j.closed = true
	ends := slices.Collect(maps.Keys(j.ends))
	j.mu.Unlock()
	for _, end := range ends {
		(*end)()
	}
	j.node.leave()
}
