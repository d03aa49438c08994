package journaltest_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
)

// faults are faults of a journal, each with a group of tests that must find it.
var faults = []struct {
	name, group string
	make        func(f *faulty)
}{
	{"answers twice", "Append", func(f *faulty) {
		f.append = func(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
			f.Journal.Append(ctx, e, func(r journal.Receipt, err error) {
				done(r, err)
				done(r, err)
			})
		}
	}},
	{"forgets keys", "Key", change(func(e *journal.Entry) { e.Key = "" })},
	{"ignores conditions", "Since", change(func(e *journal.Entry) { e.Since = 0 })},
	{"forgets a record", "With", change(func(e *journal.Entry) { e.With = e.With[:max(len(e.With), 1)-1] })},
	{"counts quiet entries", "Counts", change(func(e *journal.Entry) { e.Quiet = false })},
	{"erases nothing", "Recall", change(func(e *journal.Entry) {
		if e.Kind == journal.Recall {
			e.Target = 1000
		}
	})},
	{"writes records of duplicates", "With", func(f *faulty) {
		f.append = func(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
			for _, r := range e.With {
				_ = f.Journal.Records().Put(ctx, r.Key, r.Value)
			}
			f.Journal.Append(ctx, e, done)
		}
	}},
	{"edits what is recalled", "Edit", func(f *faulty) {
		f.append = func(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
			f.Journal.Append(ctx, e, func(r journal.Receipt, err error) {
				if err != nil && e.Kind == journal.Edit {
					e.Kind = journal.Tag
					f.Journal.Append(ctx, e, done)
				} else {
					done(r, err)
				}
			})
		}
	}},
	{"loses what is delivered", "Follow", deliver(func(n int, e journal.Entry, f journal.Follower) {
		if n%20 > 0 {
			f.Deliver(e)
		}
	})},
	{"delivers twice", "Follow", deliver(func(n int, e journal.Entry, f journal.Follower) {
		if f.Deliver(e); n == 3 {
			f.Deliver(e)
		}
	})},
	{"shows heads in another order", "Heads", func(f *faulty) {
		f.heads = func(h []journal.Head) { slices.Reverse(h) }
	}},
	{"counts what has gone", "Counts", func(f *faulty) {
		f.heads = func(h []journal.Head) {
			for i := range h {
				h[i].Dropped = 0
			}
		}
	}},
	{"leaves an entry out of the feed", "Feed", func(f *faulty) {
		f.feed = func(p *journal.FeedPage) { p.Entries = p.Entries[:max(len(p.Entries), 1)-1] }
	}},
	{"repeats an entry of the feed", "Feed", func(f *faulty) {
		f.feed = func(p *journal.FeedPage) { p.Entries = append(p.Entries, p.Entries[:min(1, len(p.Entries))]...) }
	}},
	{"tells of nothing that is missing in the feed", "Feed", func(f *faulty) {
		f.feed = func(p *journal.FeedPage) { p.Missing = nil }
	}},
	{"knows no keys", "Find", func(f *faulty) { f.forgetful = true }},
	{"trims too much", "Trim", func(f *faulty) { f.trim = 1 }},
	{"updates without looking", "Update", func(f *faulty) { f.records = func(r journal.Records) journal.Records { return careless{r} } }},
	{"tells of no deletion", "Watch", func(f *faulty) { f.records = func(r journal.Records) journal.Records { return silent{r} } }},
	{"has pages of any size", "Pages", func(f *faulty) { f.large = true }},
}

// faulty is a journal with a fault: a function that is not nil comes in between.
type faulty struct {
	journal.Journal
	append           func(context.Context, journal.Entry, func(journal.Receipt, error))
	deliver          func(n int, e journal.Entry, f journal.Follower)
	heads            func([]journal.Head)
	feed             func(*journal.FeedPage)
	records          func(journal.Records) journal.Records
	trim             journal.Seq
	forgetful, large bool
}

func change(f func(e *journal.Entry)) func(*faulty) {
	return func(j *faulty) {
		j.append = func(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
			f(&e)
			j.Journal.Append(ctx, e, done)
		}
	}
}

func deliver(f func(n int, e journal.Entry, to journal.Follower)) func(*faulty) {
	return func(j *faulty) { j.deliver = f }
}

func (f *faulty) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if f.append == nil {
		f.Journal.Append(ctx, e, done)
	} else {
		f.append(ctx, e, done)
	}
}

// between is a follower that hands on what it gets through a function.
type between struct {
	journal.Follower
	deliver func(n int, e journal.Entry, to journal.Follower)
	n       int
}

func (b *between) Deliver(e journal.Entry) {
	b.n++
	b.deliver(b.n, e, b.Follower)
}

func (f *faulty) Follow(room string, after journal.Seq, to journal.Follower) (journal.Start, error) {
	if f.deliver != nil {
		to = &between{Follower: to, deliver: f.deliver}
	}
	return f.Journal.Follow(room, after, to)
}

func (f *faulty) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	heads, err := f.Journal.Heads(ctx, rooms)
	if f.heads != nil {
		f.heads(heads)
	}
	return heads, err
}

func (f *faulty) Feed(ctx context.Context, q journal.FeedQuery) (journal.FeedPage, error) {
	page, err := f.Journal.Feed(ctx, q)
	if f.feed != nil {
		f.feed(&page)
	}
	return page, err
}

func (f *faulty) Find(ctx context.Context, room, user, key string) (journal.Receipt, error) {
	if f.forgetful {
		return journal.Receipt{}, nil
	}
	return f.Journal.Find(ctx, room, user, key)
}

func (f *faulty) Trim(ctx context.Context, room string, below journal.Seq) error {
	if below != journal.All {
		below += f.trim
	}
	return f.Journal.Trim(ctx, room, below)
}

func (f *faulty) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if f.large {
		q.Bytes = 0
	}
	return f.Journal.Read(ctx, q)
}

func (f *faulty) Records() journal.Records {
	if f.records != nil {
		return f.records(f.Journal.Records())
	}
	return f.Journal.Records()
}

// careless has an Update that others may come in between.
type careless struct{ journal.Records }

func (c careless) Update(ctx context.Context, key string, f func([]byte) ([]byte, error)) error {
	r, err := c.Get(ctx, key)
	if err != nil {
		return err
	}
	value, err := f(r.Value)
	if err != nil {
		return err
	}
	return c.Records.Update(ctx, key, func([]byte) ([]byte, error) { return value, nil })
}

// silent has a Watch that tells of empty records in the place of deleted ones.
type silent struct{ journal.Records }

func (s silent) Watch(prefix string, each func(journal.Record)) (func(), error) {
	return s.Records.Watch(prefix, func(r journal.Record) {
		if r.Value == nil {
			r.Value = []byte{}
		}
		each(r)
	})
}

// TestFaulty fails, if TestRun_FindsFaults lets it run.
func TestFaulty(t *testing.T) {
	for _, fault := range faults {
		if fault.name == os.Getenv("JOURNALTEST_FAULT") {
			journaltest.Run(t, func(*testing.T) journal.Journal {
				f := &faulty{Journal: open()}
				fault.make(f)
				return f
			})
			return
		}
	}
	t.Skip("only TestRun_FindsFaults runs it")
}

// The suite is worth something only if it fails.
func TestRun_FindsFaults(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFaulty$/^"+fault.group+"$", "-test.failfast")
			cmd.Env = append(os.Environ(), "JOURNALTEST_FAULT="+fault.name)
			out, err := cmd.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("--- FAIL: TestFaulty/"+fault.group+"/")) || bytes.Contains(out, []byte("panic:")) {
				t.Errorf("the group %s has not found it: %v\n%s", fault.group, err, out)
			}
		})
	}
}
