package fake

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Engine is one node's way to a Store.
type Engine struct {
	store *Store
	luck  luck
}

var _ shared.Engine = (*Engine)(nil)

// Open returns an Engine without faults. Its luck depends on the seed.
func (s *Store) Open(seed uint64) *Engine {
	return &Engine{store: s, luck: luck{rand: rand.New(rand.NewPCG(seed, 0)), dead: make(chan struct{})}}
}

// Set says what goes wrong from now on.
func (e *Engine) Set(f Faults) {
	e.luck.mu.Lock()
	defer e.luck.mu.Unlock()
	e.luck.faults = f
}

// Cut stops all calls for a time, those that are under way too.
func (e *Engine) Cut(d time.Duration) {
	e.luck.mu.Lock()
	defer e.luck.mu.Unlock()
	e.luck.until = time.Now().Add(d)
}

// Die ends the node's way to the Store for ever, as if the node was killed. What it has
// sent may be recorded or not.
func (e *Engine) Die() { e.luck.once.Do(func() { close(e.luck.dead) }) }

// Parts implements shared.Engine.
func (e *Engine) Parts() int { return Parts }

// change makes a call that changes the store and that nothing cancels.
func (e *Engine) change(f func(*Store)) error {
	switch err := e.luck.wait(context.Background()); {
	case err != nil:
		return err
	case e.luck.is(func(f *Faults) float64 { return f.Refuse }):
		return errFull
	case e.luck.is(func(f *Faults) float64 { return f.Lose }):
		return errCut
	}
	e.locked(f)
	if e.luck.is(func(f *Faults) float64 { return f.LoseAnswer }) {
		return errCut
	}
	return e.luck.wait(context.Background())
}

// call makes any other call. Without an error it was made once, at one moment.
func (e *Engine) call(ctx context.Context, f func(*Store)) error {
	if err := e.luck.wait(ctx); err != nil {
		return err
	}
	if e.luck.is(func(f *Faults) float64 { return f.Fail }) {
		return errNoRead
	}
	e.locked(f)
	return e.luck.wait(ctx)
}

func (e *Engine) locked(f func(*Store)) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	f(e.store)
}

// Commit implements shared.Engine.
func (e *Engine) Commit(b shared.Batch) (c shared.Committed, err error) {
	if len(b.Items) > shared.MaxBatch {
		return c, fmt.Errorf("%d entries: %w", len(b.Items), journal.ErrLimit)
	}
	refused := false
	err = e.change(func(s *Store) {
		if refused = s.refuses(&b); !refused {
			c = s.commit(b)
			c.Alone = len(s.alive()) < 2
		}
	})
	if err == nil && refused {
		err = shared.ErrRolledBack
	}
	return c, err
}

// Swap implements shared.Engine.
func (e *Engine) Swap(changes []shared.Change) (out []shared.Swapped, err error) {
	err = e.change(func(s *Store) { out = s.swap(changes) })
	return out, err
}

// Marks implements shared.Engine.
func (e *Engine) Marks(ctx context.Context, seen shared.Standing) (m shared.Marks, err error) {
	err = e.call(ctx, func(s *Store) { m = s.marks(seen) })
	return m, err
}

// Continue implements shared.Engine.
func (e *Engine) Continue(ctx context.Context, was string, same bool, seen shared.Standing) error {
	return e.call(ctx, func(s *Store) { s.goOn(was, same, seen) })
}

// Rows implements shared.Engine.
func (e *Engine) Rows(ctx context.Context, after []uint64, limit int) (list []shared.Row, err error) {
	err = e.call(ctx, func(s *Store) { list = s.rows(after, limit) })
	return list, err
}

// Entries implements shared.Engine.
func (e *Engine) Entries(ctx context.Context, ranges []shared.Range, bytes int) (list []journal.Entry, all bool, err error) {
	err = e.call(ctx, func(s *Store) { list, all = s.entries(ranges, bytes) })
	return list, all, err
}

// Pages implements shared.Engine.
func (e *Engine) Pages(ctx context.Context, q []shared.PageQuery, bytes int) (list []journal.Page, err error) {
	err = e.call(ctx, func(s *Store) { list = s.pages(q, bytes) })
	return list, err
}

// Heads implements shared.Engine.
func (e *Engine) Heads(ctx context.Context, rooms []string) (list []journal.Head, err error) {
	err = e.call(ctx, func(s *Store) {
		list = make([]journal.Head, len(rooms))
		for i, name := range rooms {
			if r := s.rooms[name]; r != nil && r.now().seq > 0 {
				list[i] = s.head(r, r.part)
			}
		}
	})
	return list, err
}

// Find implements shared.Engine.
func (e *Engine) Find(ctx context.Context, name string, c shared.Claim) (found journal.Receipt, err error) {
	err = e.call(ctx, func(s *Store) {
		if r := s.rooms[name]; r != nil {
			found = s.find(r, c)
		}
	})
	return found, err
}

// Begin implements shared.Engine.
func (e *Engine) Begin(ctx context.Context, name string, part int) (h journal.Head, newest uint64, err error) {
	err = e.call(ctx, func(s *Store) { h, newest = s.head(s.room(name, part), part), s.parts[part].newest() })
	return h, newest, err
}

// Rooms implements shared.Engine.
func (e *Engine) Rooms(ctx context.Context, after string, limit int) (names []string, err error) {
	err = e.call(ctx, func(s *Store) {
		for _, name := range slices.Sorted(maps.Keys(s.rooms)) {
			if name > after && s.rooms[name].now().seq > 0 && len(names) < limit {
				names = append(names, name)
			}
		}
	})
	return names, err
}

// LetGo implements shared.Engine.
func (e *Engine) LetGo(ctx context.Context, rooms []shared.Limit, young time.Duration) (n int, err error) {
	err = e.call(ctx, func(s *Store) {
		for _, l := range rooms {
			n += s.letGo(l, ago(young))
		}
	})
	return n, err
}

// Redact implements shared.Engine.
func (e *Engine) Redact(ctx context.Context, name string, _ int, list []shared.Redaction) (changed []journal.Seq, err error) {
	err = e.call(ctx, func(s *Store) { changed = s.redact(name, list) })
	return changed, err
}

// Forget implements shared.Engine.
func (e *Engine) Forget(ctx context.Context, room string, _ int, stays bool) error {
	return e.call(ctx, func(s *Store) { s.forget(room, stays) })
}

// Sweep implements shared.Engine.
func (e *Engine) Sweep(ctx context.Context, claims, rest time.Duration) (n int, err error) {
	err = e.call(ctx, func(s *Store) { n = s.sweep(ago(claims), ago(rest)) })
	return n, err
}

// Restore implements shared.Engine.
func (e *Engine) Restore(ctx context.Context, r shared.Restored) (c shared.Committed, err error) {
	refused := false
	err = e.call(ctx, func(s *Store) {
		if refused = s.refuses(&r.Batch); !refused {
			c = s.restore(r)
		}
	})
	if err == nil && refused {
		err = shared.ErrRolledBack
	}
	return c, err
}

// RestoreRecords implements shared.Engine.
func (e *Engine) RestoreRecords(ctx context.Context, list []journal.Record) (n int, err error) {
	err = e.call(ctx, func(s *Store) { n = s.restoreRecords(list) })
	return n, err
}

// Succeed implements shared.Engine.
func (e *Engine) Succeed(ctx context.Context, epoch string, dropped bool, above uint64) (empty bool, err error) {
	err = e.call(ctx, func(s *Store) { empty = s.succeed(epoch, dropped, above) })
	return empty, err
}

// RestoreHead implements shared.Engine.
func (e *Engine) RestoreHead(ctx context.Context, h shared.RestoredHead) (born journal.Position, err error) {
	refused := false
	err = e.call(ctx, func(s *Store) {
		if refused = s.refuses(&h.Batch); !refused {
			born = s.restoreHead(h)
		}
	})
	if err == nil && refused {
		err = shared.ErrRolledBack
	}
	return born, err
}

// ForgetFeed implements shared.Engine.
func (e *Engine) ForgetFeed(ctx context.Context) error {
	return e.call(ctx, func(s *Store) { s.forgetFeed() })
}

// GetMany implements shared.Engine.
func (e *Engine) GetMany(ctx context.Context, keys []string) (list []journal.Record, err error) {
	err = e.call(ctx, func(s *Store) {
		list = make([]journal.Record, len(keys))
		for i, key := range keys {
			list[i] = copied(s.records[key])
			list[i].Key = key
		}
	})
	return list, err
}

func copied(r journal.Record) journal.Record {
	r.Value = bytes.Clone(r.Value)
	return r
}

// Scan implements shared.Engine.
func (e *Engine) Scan(ctx context.Context, prefixes []string, each func(int, journal.Record) error) (revision uint64, err error) {
	found := make([][]journal.Record, len(prefixes))
	err = e.call(ctx, func(s *Store) {
		revision = s.revision
		keys := slices.Sorted(maps.Keys(s.records))
		for i, prefix := range prefixes {
			for _, key := range keys {
				if strings.HasPrefix(key, prefix) {
					found[i] = append(found[i], copied(s.records[key]))
				}
			}
		}
	})
	for i, list := range found {
		for _, r := range list {
			if err == nil {
				err = each(i, r)
			}
		}
	}
	return revision, err
}

// Changes implements shared.Engine.
func (e *Engine) Changes(ctx context.Context, after uint64, limit int) (list []shared.Changed, err error) {
	err = e.call(ctx, func(s *Store) {
		for _, c := range s.changes {
			if c.Revision > after && len(list) < limit {
				list = append(list, shared.Changed{Revision: c.Revision, Record: copied(c.Record)})
			}
		}
	})
	return list, err
}

// Send implements shared.Engine.
func (e *Engine) Send(hints [][]byte) error {
	return e.call(context.Background(), func(s *Store) {
		for heard := range s.listen {
			for _, h := range hints {
				select {
				case heard <- bytes.Clone(h):
				default: // that node is slow
				}
			}
		}
	})
}

// Listen implements shared.Engine.
func (e *Engine) Listen(ctx context.Context, _ []byte, ready func(), heard func([]byte)) error {
	in := make(chan []byte, 1024)
	if err := e.call(ctx, func(s *Store) { s.listen[in] = true }); err != nil {
		return err
	}
	defer e.locked(func(s *Store) { delete(s.listen, in) })
	ready()
	var late [][]byte
	for {
		var hint []byte
		select {
		case hint = <-in:
		case <-ctx.Done():
			return ctx.Err()
		case <-e.luck.dead:
			return errCut
		}
		switch {
		case e.luck.is(func(f *Faults) float64 { return f.Deaf }):
			return errCut
		case e.luck.is(func(f *Faults) float64 { return f.DropHint }):
			continue
		case e.luck.is(func(f *Faults) float64 { return f.LateHint }):
			late = append(late, hint)
			continue
		case e.luck.is(func(f *Faults) float64 { return f.DoubleHint }):
			late = append(late, hint)
		}
		heard(hint)
		for _, h := range late {
			heard(h)
		}
		late = nil
	}
}

// Beat implements shared.Engine.
func (e *Engine) Beat(ctx context.Context, n journal.Node) (list []journal.Node, err error) {
	err = e.call(ctx, func(s *Store) {
		s.nodes[n.ID] = beat{n, time.Now()}
		list = s.alive()
	})
	slices.SortFunc(list, func(a, b journal.Node) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// Leave implements shared.Engine.
func (e *Engine) Leave(ctx context.Context, id string) error {
	return e.call(ctx, func(s *Store) { delete(s.nodes, id) })
}

// Lease implements shared.Engine.
func (e *Engine) Lease(ctx context.Context, name, node string, seconds int) (taken bool, err error) {
	err = e.call(ctx, func(s *Store) {
		if l, is := s.leases[name]; is && l.node != node && time.Now().Before(l.until) {
			return
		}
		s.leases[name], taken = lease{node, time.Now().Add(time.Duration(seconds) * time.Second)}, true
	})
	return taken, err
}

// Stats implements shared.Engine.
func (e *Engine) Stats(ctx context.Context) (st journal.Stats, err error) {
	err = e.call(ctx, func(s *Store) {
		for _, r := range s.rooms {
			st.Entries += uint64(len(r.entries))
			for i := range r.entries {
				st.Bytes += sizeOf(&r.entries[i])
			}
		}
	})
	return st, err
}

// Close implements shared.Engine.
func (e *Engine) Close() error {
	e.Die()
	return nil
}

// Ignore lets the store go on where it is, whatever it lacks: as an engine that is broken.
func (e *Engine) Ignore() { e.locked(func(s *Store) { s.usual = s.server }) }
