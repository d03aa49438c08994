package pebblejournal

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
)

// Trim implements journal.Journal.
func (j *Journal) Trim(ctx context.Context, name string, below journal.Seq) error {
	for {
		state, err := j.currentState(ctx, name)
		if err != nil {
			return err
		}
		over := commit.Excess{Room: name, Born: state.Born, From: state.First, To: min(below, state.Last+1)}
		if err := j.delete(ctx, commit.KeepYoungKeys, over); err != nil {
			return fmt.Errorf("trim room: %w", err)
		}
		if below != journal.All {
			return nil
		}
		err = j.change(ctx, true, func(g *commit.Group) error { return g.EndRoom(name) })
		if !errors.Is(err, commit.ErrNotEmpty) {
			return err
		}
	}
}

// Redact implements journal.Redactor.
func (j *Journal) Redact(ctx context.Context, room string, seqs []journal.Seq, change func(*journal.Entry) bool) error {
	return j.change(ctx, true, func(g *commit.Group) error { return g.Redact(room, seqs, change) })
}

// currentState returns the state of a room.
func (j *Journal) currentState(ctx context.Context, name string) (format.RoomState, error) {
	return disk.Within(ctx, j.store, func(h *disk.Handle) (format.RoomState, error) {
		r, err := j.rooms.Pin(name, h.Durable)
		if err != nil {
			return format.RoomState{}, err
		}
		defer j.rooms.Unpin(r)
		return j.rooms.StateOf(r), nil
	})
}

// trimMax bounds the entries that one commit deletes.
const trimMax = 4096

// delete deletes entries of rooms, some thousands in one commit.
func (j *Journal) delete(ctx context.Context, keys commit.KeyPolicy, list ...commit.Excess) error {
	var batch []commit.Trim
	n := 0
	for _, over := range list {
		for over.From < over.To {
			t, err := j.planTrim(ctx, over, trimMax-n, keys)
			if err != nil {
				return err
			}
			batch = append(batch, t)
			over.From = t.To
			if n += int(t.To - t.From); n < trimMax {
				continue
			}
			if err := j.applyTrims(ctx, batch); err != nil {
				return err
			}
			batch, n = nil, 0
		}
	}
	return j.applyTrims(ctx, batch)
}

func (j *Journal) applyTrims(ctx context.Context, batch []commit.Trim) error {
	if len(batch) == 0 {
		return nil
	}
	return j.change(ctx, true, func(g *commit.Group) error {
		for i := range batch {
			if err := batch[i].Apply(g); err != nil {
				return err
			}
		}
		return nil
	})
}

// planTrim reads the entries that are deleted next, at most limit, because their keys
// are needed.
func (j *Journal) planTrim(ctx context.Context, over commit.Excess, limit int, policy commit.KeyPolicy) (commit.Trim, error) {
	over.To = min(over.To, over.From+journal.Seq(limit))
	return disk.Within(ctx, j.store, func(h *disk.Handle) (commit.Trim, error) {
		return findKeys(h, commit.Trim{Excess: over, Policy: policy})
	})
}

// findKeys completes a plan with the keys of the entries.
func findKeys(h *disk.Handle, t commit.Trim) (commit.Trim, error) {
	iter, err := salvage.New(h.Durable, format.EntryKey(t.Room, t.From), format.EntryKey(t.Room, t.To), nil)
	if err != nil {
		return commit.Trim{}, err
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		m, user, key, err := format.DecodeKey(iter.Value(), format.EntrySeq(iter.Key()))
		if err != nil {
			continue // its key stays until it expires
		}
		if key != "" {
			t.Keys = append(t.Keys, commit.TrimmedKey{Seq: format.EntrySeq(iter.Key()), Hash: format.HashKey(t.Room, user, key), At: m.At})
		}
	}
	return t, iter.Error()
}
