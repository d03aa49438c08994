package feed

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Query asks for the next events of all parts.
type Query struct {
	// After is where to go on: the position "to" of the last answer; "now" to begin
	// with what is recorded from now on; empty to begin with the oldest event.
	After string
	// Limit bounds the entries of the answer. Default DefaultLimit, at most MaxLimit.
	Limit int
	// Wait is how long to wait for an event if there is none, at most MaxWait. As long, and
	// lookTime at least, Pull looks for one behind those that are not wanted. Both also end with
	// Leaving, unless that is nil.
	Wait    time.Duration
	Leaving context.Context
	Filter  *Filter
	// Who asks: nobody has more than MaxPulls answers under way.
	Who string
}

// The bounds of a query.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
	MaxWait      = time.Minute
)

// lookTime is how long Pull reads at least what is not wanted, before it says how far it has
// come: whoever asks may be patient for a second only, and must get on.
const lookTime = time.Second / 2

// PullBytes is what an answer holds in memory at most, about.
const PullBytes = 2 * batchBytes

// ErrPosition says that a text is no position, of whatever store.
var ErrPosition = errors.New(`it must be "now", or the position "to" of an earlier answer`)

// ErrBusy says that whoever asks has MaxPulls answers under way.
var ErrBusy = errors.New("too many requests for events are under way: one reader needs one")

// Pull returns the next events, as the body of an answer: the same that a webhook gets. If
// there is none, it waits, and answers without events when the wait is over. So it does if there
// may be one further on: "to" is then where it has come to.
func (f *Feed) Pull(ctx context.Context, q Query) ([]byte, error) {
	if q.After != "" && q.After != "now" && !isPosition(q.After) {
		return nil, ErrPosition
	}
	if q.Limit <= 0 {
		q.Limit = DefaultLimit
	}
	q.Limit = min(q.Limit, MaxLimit)
	if !f.places.take(q.Who) {
		return nil, ErrBusy
	}
	defer f.places.release(q.Who)
	q.Wait = max(0, min(q.Wait, MaxWait))
	wait, cancel := f.while(ctx, q.Wait, q.Leaving)
	defer cancel()
	look, cancel := f.while(ctx, max(q.Wait, lookTime), q.Leaving)
	defer cancel()
	l, stop := f.Listen(-1, q.Filter.Wants)
	defer stop()
	if q.After == "now" {
		now, err := f.now(ctx)
		if err != nil {
			return nil, err
		}
		q.After = now
	}
	for from := ""; ; {
		l.Take()
		p, err := f.pull(ctx, &q, look)
		if err != nil {
			return nil, err
		}
		from = cmp.Or(from, p.from)
		if p.n > 0 || look.Err() != nil || !p.more && wait.Err() != nil {
			return AppendBody(nil, p.epoch, from, textOfAll(p.epoch, p.at), p.events), nil
		}
		q.After = textOfAll(p.epoch, p.at)
		if !p.more {
			l.Wait(wait, 1, lookAgain)
		}
	}
}

// while returns a context that ends after a time, or when nobody may wait any more.
func (f *Feed) while(ctx context.Context, d time.Duration, leaving context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	stops := []func() bool{context.AfterFunc(f.leaving, cancel)}
	if leaving != nil {
		stops = append(stops, context.AfterFunc(leaving, cancel))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// lookAgain is the time after which whoever waits looks without having heard anything.
const lookAgain = 5 * time.Second

// now returns the position of all parts at which nothing is new.
func (f *Feed) now(ctx context.Context) (string, error) {
	at := make([]journal.Position, f.journal.Parts())
	epoch := ""
	for part := range at {
		page, err := f.journal.Feed(ctx, journal.FeedQuery{Part: part})
		if err != nil {
			return "", err
		}
		epoch, at[part] = page.Epoch, page.Last
	}
	return textOfAll(epoch, at), nil
}

// pulled are the next events of all parts.
type pulled struct {
	epoch, from string
	at          []journal.Position
	events      []byte
	n           int
	more        bool
}

// pull reads a share of each part, so that no part waits for another one. When look is over,
// that is one page of each.
func (f *Feed) pull(ctx context.Context, q *Query, look context.Context) (*pulled, error) {
	p := &pulled{from: q.After, at: make([]journal.Position, f.journal.Parts())}
	begin := make([]journal.Position, len(p.at))
	known := false // the position is of this store
	for part := range p.at {
		want := Want{Part: part, After: q.After, Events: max(1, q.Limit/len(p.at)), Filter: q.Filter, Look: look}
		b, err := f.Batch(ctx, want)
		switch {
		case err != nil:
			return nil, err
		case p.epoch != "" && p.epoch != b.Epoch:
			return f.pull(ctx, q, look) // the store began anew
		}
		p.epoch, p.at[part] = b.Epoch, b.At
		p.more = p.more || b.More
		if at, ok := Parse(b.From, b.Epoch, part); ok {
			begin[part], known = at, true
		}
		if b.N == 0 {
			continue
		}
		if p.n > 0 {
			p.events = append(p.events, ',')
		}
		p.events = append(p.events, b.Events...)
		p.n += b.N
	}
	if q.After == "" || known && len(begin) > 1 {
		p.from = textOfAll(p.epoch, begin)
	}
	return p, nil
}
