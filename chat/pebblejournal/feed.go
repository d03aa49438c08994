package pebblejournal

import (
	"context"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
	"github.com/cockroachdb/pebble/v2"
)

// Parts implements journal.Feeder.
func (j *Journal) Parts() int { return 1 }

// Part implements journal.Feeder.
func (j *Journal) Part(string) int { return 0 }

func checkPart(part int) error {
	if part != 0 {
		return fmt.Errorf("%w: the feed has one part, number 0, and no number %d", journal.ErrLimit, part)
	}
	return nil
}

// Positions implements journal.Feeder.
func (j *Journal) Positions(ctx context.Context) ([]journal.Position, error) {
	h, err := j.store.Use(ctx)
	if err != nil {
		return nil, err
	}
	h.Release()
	_, t := j.shown.get()
	return []journal.Position{t.Position, t.Updates}, ctx.Err()
}

// Feed implements journal.Feeder. A page has at most 1000 entries and a megabyte, and
// tells of at most 1000 runs of missing ones.
func (j *Journal) Feed(ctx context.Context, q journal.FeedQuery) (journal.FeedPage, error) {
	if err := checkPart(q.Part); err != nil {
		return journal.FeedPage{}, err
	}
	return disk.Within(ctx, j.store, func(h *disk.Handle) (journal.FeedPage, error) { return j.feed(ctx, h, q) })
}

func (j *Journal) feed(ctx context.Context, h *disk.Handle, q journal.FeedQuery) (_ journal.FeedPage, err error) {
	epoch, t := j.shown.get()
	at, done := h.Durable.View() // it has at least what is shown
	defer done()
	begin, err := feedBegin(at, t)
	if err != nil {
		return journal.FeedPage{}, err
	}
	if q.Bytes <= 0 || q.Bytes > pageMaxBytes {
		q.Bytes = pageMaxBytes
	}
	p := feedPager{
		journal: j, handle: h, at: at, left: min(max(q.Limit, 0), commit.PageMax), bytes: q.Bytes,
		page: journal.FeedPage{Epoch: epoch, First: begin, Last: t.Position, Next: min(max(q.After, begin), t.Position)},
	}
	if p.left > 0 {
		err = p.read(ctx)
	}
	return p.page, err
}

// feedBegin returns what the feed has forgotten at a moment. It may be more than the shown
// totals say: readers would take what was forgotten since for what was never there.
func feedBegin(at pebble.Reader, shown format.Totals) (journal.Position, error) {
	value, err := rows.Get(at, format.MetaKey(format.MetaTotals))
	var t format.Totals
	if err == nil && value != nil {
		t, err = format.DecodeTotals(value)
	}
	if err != nil && !rows.IsDamage(err) {
		return 0, err
	}
	return max(shown.FeedBegin, t.FeedBegin), nil
}

// feedPager fills a page of the feed.
type feedPager struct {
	journal *Journal
	handle  *disk.Handle
	at      *pebble.Snapshot // the moment that the page is of
	page    journal.FeedPage
	left    int // how many more entries it may have
	bytes   int // how many more bytes
	full    bool
}

func (p *feedPager) read(ctx context.Context) error {
	upper := format.AppendFeedKey(nil, p.page.Last+1)
	begin, err := p.findBegin(upper)
	if err != nil {
		return err
	}
	damaged := false
	iter, err := salvage.New(p.handle.ReaderAt(ctx, p.at), begin, upper, func(error) { damaged = true })
	if err != nil {
		return err
	}
	defer iter.Close()
	for at := iter.First(); at && !p.full; at = iter.Next() {
		position := format.FeedPosition(iter.Key())
		if damaged { // what was before is lost to the reader
			p.journal.noteDamage(1)
			p.page.First, damaged = max(p.page.First, position-1), false
		}
		_, runs, err := format.DecodeCommit(iter.Value())
		if err != nil {
			damaged = true
			continue
		}
		for _, run := range runs {
			if err := p.add(ctx, run, position); err != nil {
				return err
			}
			position += journal.Position(run.N)
		}
	}
	if iter.Error() == nil && !p.full {
		p.page.Next = p.page.Last
		if damaged {
			p.page.First = p.page.Last
		}
	}
	return iter.Error()
}

// findBegin returns the key of the commit that has the first wanted position. It may have
// begun before that.
func (p *feedPager) findBegin(upper []byte) ([]byte, error) {
	iter, err := p.at.NewIter(&pebble.IterOptions{LowerBound: format.TableStart(format.Feed), UpperBound: upper})
	if err != nil {
		return nil, err
	}
	defer iter.Close()
	if iter.SeekLT(format.AppendFeedKey(nil, p.page.Next+2)) {
		return slices.Clone(iter.Key()), nil
	}
	if err := iter.Error(); err != nil && !rows.IsDamage(err) {
		return nil, err
	}
	return format.TableStart(format.Feed), nil
}

// add adds those entries of a run that the page should have. first is the position of
// the run's first entry.
func (p *feedPager) add(ctx context.Context, run format.Run, first journal.Position) error {
	end := first + journal.Position(run.N)
	if p.full || end <= p.page.Next+1 {
		return nil
	}
	skip := uint64(0)
	if p.page.Next+1 > first {
		skip = uint64(p.page.Next + 1 - first)
	}
	for i := skip; i < run.N; {
		n, err := p.addSome(ctx, run, i, first)
		if err != nil || p.full {
			return err
		}
		i += n
	}
	return nil
}

// addSome adds entries of a run from its i-th one on, or notes that some are missing.
// It returns how many it has dealt with.
func (p *feedPager) addSome(ctx context.Context, run format.Run, i uint64, first journal.Position) (n uint64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	from := run.First + journal.Seq(i)
	if p.left == 0 || p.bytes <= 0 || len(p.page.Missing) == commit.PageMax {
		p.full = true
		return 0, nil
	}
	limit := min(p.left, int(run.N-i))
	page, err := p.journal.read(ctx, p.handle, journal.Query{Room: run.Room, After: from - 1, Limit: limit, Bytes: p.bytes})
	if err != nil {
		return 0, err
	}
	for _, e := range page.Entries {
		position := first + journal.Position(e.Seq-run.First)
		if e.Seq != from+journal.Seq(n) || e.Position != position {
			break
		}
		size := e.Size()
		if size > p.bytes && len(p.page.Entries) > 0 {
			p.full = true
			return n, nil
		}
		e.Epoch = page.Epoch
		p.page.Entries = append(p.page.Entries, e)
		p.page.Next = position
		p.left, p.bytes, n = p.left-1, p.bytes-size, n+1
	}
	if n == 0 {
		n = p.missing(run, i, page, first)
	}
	return n, nil
}

// missing notes that the entries of a run from its i-th one on are gone, up to the
// first one that the room has.
func (p *feedPager) missing(run format.Run, i uint64, page journal.Page, first journal.Position) (n uint64) {
	from, to := run.First+journal.Seq(i), run.First+journal.Seq(run.N-1)
	for _, e := range page.Entries {
		if e.Seq >= from && e.Seq <= to && e.Position == first+journal.Position(e.Seq-run.First) {
			to = e.Seq - 1
			break
		}
	}
	p.page.Missing = append(p.page.Missing, journal.Missing{Room: run.Room, From: from, To: to})
	n = uint64(to - from + 1)
	p.page.Next = first + journal.Position(i+n) - 1
	return n
}
