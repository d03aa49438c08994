package memjournal

import (
	"context"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Succeed implements journal.Successor.
func (j *Journal) Succeed(ctx context.Context, fresh string, above journal.Position) error {
	store, born, ok := journal.CutEpoch(fresh)
	if !ok {
		return fmt.Errorf("%w: %q is no epoch", journal.ErrLimit, fresh)
	}
	if err := j.lock(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	if len(j.rooms) > 0 || j.recorded > 0 || j.records.bytes > 0 {
		return journal.ErrNotEmpty
	}
	j.epoch, j.dropped = store, born > 0
	j.position = max(j.position, above)
	j.feed.forgotten = j.position
	return nil
}

// RestoreHead implements journal.Successor.
func (j *Journal) RestoreHead(ctx context.Context, name string, h journal.Head) error {
	if err := journal.CheckHead(name, &h); err != nil {
		return err
	}
	if err := j.lock(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	if store, _, ok := journal.CutEpoch(h.Epoch); !ok || store != j.epoch {
		return fmt.Errorf("%w: the epoch %q of room %q is not of the store", journal.ErrLimit, h.Epoch, name)
	}
	r := j.rooms[name]
	switch {
	case r == nil:
		r = &room{life: &life{name, h.Epoch}}
		j.rooms[name] = r
		j.bytes += r.life.cost()
	case r.life.epoch != h.Epoch:
		return fmt.Errorf("%w: room %q has another epoch than %q", journal.ErrLimit, name, h.Epoch)
	case r.last > 0:
		return nil // it has gone on since
	}
	r.last, r.count = h.First-1, h.Dropped
	r.lastAt, r.state = h.BeforeFirst()
	r.at = r.lastAt
	j.listLocked(r)
	return nil
}

// ForgetFeed implements journal.Successor.
func (j *Journal) ForgetFeed(ctx context.Context) error {
	if err := j.lock(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	for j.feed.places.len() > 0 {
		j.feed.places.drop()
	}
	j.feed.bytes, j.feed.forgotten = 0, j.position
	return nil
}
