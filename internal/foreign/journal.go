package foreign

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Contain returns j with panics as errors: a panic in a goroutine of ours would end the
// process. They are reported to onPanic, which must not panic. What j has beside the
// methods of a Journal is hidden.
func Contain(j journal.Journal, onPanic func(value any, stack []byte)) journal.Journal {
	return &contained{j, onPanic}
}

// contained implements journal.Journal.
type contained struct {
	journal.Journal
	onPanic func(value any, stack []byte)
}

// contain is deferred. A panic becomes the error.
func (c *contained) contain(err *error) {
	if v := recover(); v != nil {
		c.onPanic(v, debug.Stack())
		*err = &PanicError{Value: v}
	}
}

// Append implements journal.Journal. The entry may have been recorded before the panic,
// and done may have been called.
func (c *contained) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			c.onPanic(v, debug.Stack())
		}
		done(journal.Receipt{}, fmt.Errorf("%w: the journal's Append did not return", journal.ErrUncertain))
	}()
	c.Journal.Append(ctx, e, done)
	returned = true
}

func (c *contained) Follow(room string, after journal.Seq, f journal.Follower) (start journal.Start, err error) {
	defer c.contain(&err)
	start, err = c.Journal.Follow(room, after, f)
	start.Stop = c.stopping(start.Stop)
	return start, err
}

// stopping contains what ends a Follow or a Watch. It is nil if that has not begun.
func (c *contained) stopping(stop func()) func() {
	if stop == nil {
		return nil
	}
	return func() {
		var err error
		defer c.contain(&err) // which is reported, and there is nobody to tell
		stop()
	}
}

func (c *contained) Feed(ctx context.Context, q journal.FeedQuery) (page journal.FeedPage, err error) {
	defer c.contain(&err)
	defer moved(ctx)
	return c.Journal.Feed(ctx, q)
}

func (c *contained) Trim(ctx context.Context, room string, below journal.Seq) (err error) {
	defer c.contain(&err)
	defer moved(ctx)
	return c.Journal.Trim(ctx, room, below)
}

func (c *contained) Close() (err error) {
	defer c.contain(&err)
	return c.Journal.Close()
}

func (c *contained) Read(ctx context.Context, q journal.Query) (page journal.Page, err error) {
	defer c.contain(&err)
	defer moved(ctx)
	return c.Journal.Read(ctx, q)
}

func (c *contained) Pages(ctx context.Context, q []journal.Query, bytes int) (pages []journal.Page, err error) {
	defer c.contain(&err)
	defer moved(ctx)
	return c.Journal.Pages(ctx, q, bytes)
}

func (c *contained) Heads(ctx context.Context, rooms []string) (heads []journal.Head, err error) {
	defer c.contain(&err)
	defer moved(ctx)
	return c.Journal.Heads(ctx, rooms)
}

func (c *contained) Find(ctx context.Context, room, user, key string) (r journal.Receipt, err error) {
	defer c.contain(&err)
	defer moved(ctx)
	return c.Journal.Find(ctx, room, user, key)
}

func (c *contained) Records() journal.Records { return &containedRecords{c.Journal.Records(), c} }

// containedRecords implements journal.Records.
type containedRecords struct {
	journal.Records
	of *contained
}

func (r *containedRecords) Get(ctx context.Context, key string) (found journal.Record, err error) {
	defer r.of.contain(&err)
	defer moved(ctx)
	return r.Records.Get(ctx, key)
}

func (r *containedRecords) GetMany(ctx context.Context, keys []string) (found []journal.Record, err error) {
	defer r.of.contain(&err)
	defer moved(ctx)
	return r.Records.GetMany(ctx, keys)
}

func (r *containedRecords) Put(ctx context.Context, key string, value []byte) (err error) {
	defer r.of.contain(&err)
	defer moved(ctx)
	return r.Records.Put(ctx, key, value)
}

func (r *containedRecords) Update(ctx context.Context, key string, f func([]byte) ([]byte, error)) (err error) {
	defer r.of.contain(&err)
	defer moved(ctx)
	return r.Records.Update(ctx, key, f)
}

func (r *containedRecords) Scan(ctx context.Context, prefix string, f func(journal.Record) error) (err error) {
	defer r.of.contain(&err)
	defer moved(ctx)
	return r.Records.Scan(ctx, prefix, func(found journal.Record) error {
		moved(ctx)
		return f(found)
	})
}

func (r *containedRecords) ScanMany(ctx context.Context, prefixes []string, f func(int, journal.Record) error) (err error) {
	defer r.of.contain(&err)
	defer moved(ctx)
	return r.Records.ScanMany(ctx, prefixes, f)
}

func (r *containedRecords) Watch(prefix string, each func(journal.Record)) (stop func(), err error) {
	defer r.of.contain(&err)
	stop, err = r.Records.Watch(prefix, each)
	return r.of.stopping(stop), err
}
