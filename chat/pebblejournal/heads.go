package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
)

// headsStep is how many heads are looked up at a time: their rooms are pinned
// meanwhile.
const headsStep = 1024

// Heads implements journal.Journal.
func (j *Journal) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	return disk.Within(ctx, j.store, func(h *disk.Handle) ([]journal.Head, error) { return j.heads(ctx, h, rooms) })
}

func (j *Journal) heads(ctx context.Context, h *disk.Handle, rooms []string) ([]journal.Head, error) {
	heads := make([]journal.Head, 0, len(rooms))
	for names := range slices.Chunk(rooms, headsStep) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pinned, err := j.rooms.PinAll(names, h.Durable)
		if err != nil {
			return nil, err
		}
		heads, err = j.appendHeads(heads, h, pinned)
		j.rooms.Unpin(pinned...)
		if err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// appendHeads appends the heads of pinned rooms.
func (j *Journal) appendHeads(heads []journal.Head, h *disk.Handle, rooms []*commit.Room) ([]journal.Head, error) {
	epoch, _ := j.shown.get()
	begin := len(heads)
	heads, missing := j.rooms.AppendHeads(heads, rooms, epoch)
	for _, m := range missing {
		err := j.readNewest(h, rooms[m.Index-begin], &m.State, &heads[m.Index])
		if err != nil && !j.spare(err) { // one broken block must not cost the heads of other rooms
			return nil, err
		}
	}
	if j.opt.Retention == nil {
		return heads, nil
	}
	for i, r := range rooms {
		err := limitHead(h, r.Name(), &heads[begin+i], j.opt.retention(r.Name()))
		if err != nil && !j.spare(err) {
			return nil, err
		}
	}
	return heads, nil
}

// readNewest reads the newest counting entry of a room into its head, and keeps it in
// memory.
func (j *Journal) readNewest(h *disk.Handle, r *commit.Room, state *format.RoomState, head *journal.Head) error {
	value, err := rows.Get(h.Durable, format.EntryKey(r.Name(), state.Counting))
	if err != nil || value == nil {
		return err
	}
	head.Newest, _, err = format.DecodeEntry(value, r.Name(), state.Counting)
	if err == nil {
		newest := head.Newest
		j.rooms.KeepNewest(r, *state, &newest)
	}
	return err
}

// limitHead adapts a head to what retention shows before it has deleted the rest.
func limitHead(h *disk.Handle, room string, head *journal.Head, keep journal.Retention) error {
	s := format.RoomState{First: head.First, Last: head.Last, Dropped: head.Dropped}
	kept := commit.LimitCount(s, keep)
	if kept.First == head.First {
		return nil
	}
	dropped, there, err := rows.CountBefore(h.Durable, room, &s, kept.First)
	if err != nil {
		return err
	}
	if there { // otherwise retention was faster, and as of now the head is right
		head.First, head.Dropped = kept.First, dropped
	}
	if head.Newest.Seq < kept.First {
		head.Newest = journal.Entry{}
	}
	return nil
}

// Find implements journal.Journal. It waits for what is being written, because that may
// have the key.
func (j *Journal) Find(ctx context.Context, room, user, key string) (journal.Receipt, error) {
	if key == "" {
		return journal.Receipt{}, nil
	}
	type answer struct {
		receipt journal.Receipt
		err     error
	}
	answers := make(chan answer, 1)
	it := commit.Item{Maintenance: true, Hash: format.HashKey(room, user, key)}
	it.Find = func(g *commit.Group, it *commit.Item) error {
		r, err := g.Room(room)
		if err == nil {
			_, err = g.AnswerKnown(it, r)
		}
		return err
	}
	it.Done = func(receipt journal.Receipt, err error) { answers <- answer{receipt, err} }
	if err := j.queue.put(ctx, it); err != nil {
		return journal.Receipt{}, err
	}
	select {
	case a := <-answers:
		if errors.Is(a.err, journal.ErrUnavailable) {
			if j.unresolved.hasKey(it.Hash) {
				return journal.Receipt{}, fmt.Errorf("find key: %w", journal.ErrUncertain)
			}
			return j.findStored(ctx, room, it.Hash) // nothing is being written
		}
		return a.receipt, a.err
	case <-ctx.Done():
		return journal.Receipt{}, ctx.Err()
	}
}

// findStored returns the receipt of a key that the store has.
func (j *Journal) findStored(ctx context.Context, room string, hash format.KeyHash) (journal.Receipt, error) {
	return disk.Within(ctx, j.store, func(h *disk.Handle) (journal.Receipt, error) { return j.find(h, room, hash) })
}

func (j *Journal) find(h *disk.Handle, room string, hash format.KeyHash) (journal.Receipt, error) {
	value, err := h.Get(format.AppendIdemKey(nil, room, hash))
	if err != nil || value == nil {
		return journal.Receipt{}, err
	}
	seq, at, err := format.DecodeIdem(value)
	if err != nil {
		return journal.Receipt{}, err
	}
	r, err := j.rooms.Pin(room, h.Durable)
	if err != nil {
		return journal.Receipt{}, err
	}
	defer j.rooms.Unpin(r)
	state := j.rooms.StateOf(r)
	if seq < state.First && commit.KeyExpired(at, j.opt.now().UnixMilli()) {
		return journal.Receipt{}, nil
	}
	epoch, _ := j.shown.get()
	return rows.Duplicate(h.Durable, format.RoomEpoch(epoch, state.Born), room, &state, seq, at)
}
