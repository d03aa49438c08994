package readmarks

import (
	"context"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Of selects the marks of a user, or those in a room: one of both is set.
type Of struct{ User, Room string }

func (o Of) matches(k Key) bool { return o.User == k.User || o.Room == k.Room }

// Count returns how many marks there are.
func (m *Marks) Count(ctx context.Context, of Of) (n int, err error) {
	m.guests.mu.Lock()
	for k := range m.guests.marks {
		if of.matches(k) {
			n++
		}
	}
	m.guests.mu.Unlock()
	return n, m.scan(ctx, of, func(string) error { n++; return nil })
}

// forgetWorkers is how many records are deleted at a time: they share an fsync.
const forgetWorkers = 64

// Forget deletes marks, and returns how many there were. A mark that moves meanwhile
// may stay.
func (m *Marks) Forget(ctx context.Context, of Of) (n int, err error) {
	n = m.guests.forget(of)
	var deleted atomic.Int64
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(forgetWorkers)
	err = m.scan(ctx, of, func(record string) error {
		workers.Go(func() error {
			if err := m.records.Put(ctx, record, nil); err != nil {
				return err
			}
			deleted.Add(1)
			return nil
		})
		return nil
	})
	if failed := workers.Wait(); failed != nil {
		err = failed // the scan only says that the others have stopped
	}
	return n + int(deleted.Load()), err
}

// scan calls each for the record of every mark. Those of a room are found among all.
func (m *Marks) scan(ctx context.Context, of Of, each func(record string) error) error {
	for _, table := range []string{oldPrefix, prefix, ofMembers} {
		from := table
		if of.User != "" {
			from += of.User + "\x00"
		}
		err := m.records.Scan(ctx, from, func(r journal.Record) error {
			user, room, _ := strings.Cut(strings.TrimPrefix(r.Key, table), "\x00")
			if !of.matches(Key{User: user, Room: room}) {
				return nil
			}
			return each(r.Key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *guests) forget(of Of) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k := range g.marks {
		if of.matches(k) {
			delete(g.marks, k)
			g.order.Leave(k)
			n++
		}
	}
	return n
}
