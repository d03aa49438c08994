package disk

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
	"github.com/cockroachdb/pebble/v2"
)

// flushPause is how often the log is turned into tables at most because a table is damaged:
// each time makes a table more. Whoever comes meanwhile waits.
const flushPause = time.Second

// flusher turns the log of a store into tables.
type flusher struct {
	handle   *Handle       // fixed
	flushing chan struct{} // a semaphore of one: whoever has sent to it has the rest
	flushed  time.Time     // when the log was turned into tables last
	moment   uint64        // of Durable, which was the newest one then
}

// newTables returns the tables of a store, to be read one by one.
func newTables(h *Handle) *salvage.Tables {
	opt := h.store.opt.pebbleOptions(nil)
	opt.EnsureDefaults()
	f := &flusher{handle: h, flushing: make(chan struct{}, 1)}
	return &salvage.Tables{
		DB: h.DB.DB, FS: h.DB.TableFS(), Dir: h.store.opt.Dir, Options: opt, Note: h.DB.NoteDamage, Flush: f.flush,
	}
}

// flush turns the log into tables, if anything was written since the last time.
func (f *flusher) flush(ctx context.Context) error {
	select {
	case f.flushing <- struct{}{}:
		defer func() { <-f.flushing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h := f.handle
	if h.DB.Failed() != nil || h.Durable.Moment() == f.moment {
		return nil
	}
	if err := Pause(ctx, time.Until(f.flushed.Add(flushPause))); err != nil {
		return err
	}
	moment := h.Durable.Moment()
	if err := h.Flush(ctx); err != nil {
		return err
	}
	f.flushed, f.moment = time.Now(), moment
	return nil
}

// Reader returns what reads the store until ctx ends, and remembers which keys it could
// not read.
func (h *Handle) Reader(ctx context.Context) *salvage.Reader { return h.ReaderAt(ctx, h.Durable) }

// ReaderAt is Reader for what the store was at one moment.
func (h *Handle) ReaderAt(ctx context.Context, at pebble.Reader) *salvage.Reader {
	return salvage.NewReader(ctx, at, &h.damage, h.tables)
}

// Salvaging returns what reads db, at some moment, with what is in intact tables now. It does
// not look for what is only in the log, and waits for nothing but the disk.
func (h *Handle) Salvaging(ctx context.Context, db pebble.Reader) *salvage.Reader {
	present := *h.tables
	present.Flush = nil
	return salvage.NewReader(ctx, db, new(salvage.Memory), &present)
}
