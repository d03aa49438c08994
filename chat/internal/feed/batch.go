package feed

import (
	"context"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Want says which events somebody wants next.
type Want struct {
	Part   int
	After  string           // a position; events behind it are wanted
	Until  journal.Position // above 0: and none behind this one
	Events int              // entries, at most
	Filter *Filter
	Look   context.Context // when it has ended, no further page is read; nil never ends
}

// Batch are the next events of a part. It belongs to the caller.
type Batch struct {
	Epoch    string           // the store's
	From, To string           // positions: it has all wanted events behind From up to To
	At       journal.Position // To
	Events   []byte           // in JSON, joined by commas
	N        int              // how many events, gaps included

	Room   string      // of the first entry; empty if there is none
	Seq    journal.Seq // of that entry
	Oldest int64       // its time, Unix milliseconds
	Newest int64       // the time of the last one
	More   bool        // there is more in the part
}

// Body returns the batch as the body of a request.
func (b *Batch) Body() []byte {
	return AppendBody(make([]byte, 0, len(b.Events)+len(b.From)+len(b.To)+len(b.Epoch)+64), b.Epoch, b.From, b.To, b.Events)
}

// batchBytes bounds what is read for a batch, by Entry.Size. As JSON it may be six times as
// long, if each character needs an escape.
const batchBytes = 256 << 10

// maxPages bounds how many pages are read for a batch, since nobody may want what they have.
const maxPages = 32

// Batch returns the next events. It waits for nothing but the journal. If a position means
// nothing here, or was forgotten, the first event is a gap.
func (f *Feed) Batch(ctx context.Context, w Want) (*Batch, error) {
	state, err := f.journal.Feed(ctx, journal.FeedQuery{Part: w.Part})
	if err != nil {
		return nil, err
	}
	b := &Batch{Epoch: state.Epoch, From: w.After}
	b.begin(&w, &state)
	limit, bytes, end := max(w.Events, 1), batchBytes, false
	for pages := 0; !end && pages < maxPages && limit > 0 && bytes > 0 && b.N < maxEvents; pages++ {
		if pages > 0 && w.Look != nil && w.Look.Err() != nil {
			break
		}
		after := b.At
		page, err := f.journal.Feed(ctx, journal.FeedQuery{Part: w.Part, After: after, Limit: limit, Bytes: bytes})
		switch {
		case err != nil:
			return nil, err
		case page.Epoch != b.Epoch: // the store began anew between the two
			return nil, fmt.Errorf("%w: its epoch has changed", journal.ErrUnavailable)
		case page.First > after:
			b.addLost(Text(b.Epoch, w.Part, after), Text(b.Epoch, w.Part, page.First))
		}
		var read taken
		read, end = b.add(&w, &page)
		limit, bytes = limit-read.entries, bytes-read.bytes
	}
	b.To = Text(b.Epoch, w.Part, b.At)
	return b, nil
}

// maxEvents bounds the events of a batch: gaps come on top of the entries that are wanted.
const maxEvents = 2000

// begin notes where the batch begins, and what was lost before that.
func (b *Batch) begin(w *Want, page *journal.FeedPage) {
	after, ok := Parse(w.After, page.Epoch, w.Part)
	switch {
	case ok && after >= page.First && after <= page.Last:
		b.At = after
		return
	case w.After == "":
		b.At, b.From = page.First, Text(b.Epoch, w.Part, page.First)
		return
	case ok && after > page.Last: // of a store that was put back to an earlier state
		b.At = page.Last
	default:
		b.At = page.First
	}
	b.addLost(w.After, Text(b.Epoch, w.Part, b.At))
}

// taken is how much a batch has taken of a page.
type taken struct{ entries, bytes int }

// add adds what is wanted of a page. It returns true if that was the end of what there is
// now, or of what is wanted.
func (b *Batch) add(w *Want, page *journal.FeedPage) (t taken, end bool) {
	missing := joined(page.Missing)
	for i := range page.Entries {
		e := &page.Entries[i]
		if e.Position <= b.At {
			continue
		}
		if w.Until > 0 && e.Position > w.Until {
			b.At, b.More = w.Until, true
			return t, true
		}
		missing = b.addMissing(w, missing, e)
		if w.Filter.Wants(e) {
			b.addEntry(e, w.Part)
			t.entries++
			t.bytes += e.Size()
		}
		b.At = e.Position
	}
	b.addMissing(w, missing, nil)
	b.At = max(b.At, page.Next)
	b.More = page.Next < page.Last
	return t, !b.More
}

// joined makes one gap of those that are next to each other in a room.
func joined(missing []journal.Missing) (list []journal.Missing) {
	for _, m := range missing {
		if n := len(list); n > 0 && list[n-1].Room == m.Room && list[n-1].To+1 == m.From {
			list[n-1].To = m.To
			continue
		}
		list = append(list, m)
	}
	return list
}

// addMissing adds the gaps of a page that lie before its entry e in the order of its room:
// all that are left if e is nil. It returns the others.
func (b *Batch) addMissing(w *Want, missing []journal.Missing, e *journal.Entry) (rest []journal.Missing) {
	for i := range missing {
		m := &missing[i]
		switch {
		case !w.Filter.wantsRoom(m.Room):
		case e == nil || e.Room == m.Room && m.To < e.Seq:
			b.separate()
			b.Events = appendMissing(b.Events, m)
		default:
			rest = append(rest, *m)
		}
	}
	return rest
}

func (b *Batch) addEntry(e *journal.Entry, part int) {
	if b.Oldest == 0 {
		b.Room, b.Seq, b.Oldest = e.Room, e.Seq, e.At
	}
	b.Newest = e.At
	b.separate()
	b.Events = appendEntry(b.Events, e, b.Epoch, part)
}

func (b *Batch) addLost(from, to string) {
	b.separate()
	b.Events = appendLost(b.Events, from, to)
}

// separate begins another event.
func (b *Batch) separate() {
	if b.N > 0 {
		b.Events = append(b.Events, ',')
	}
	b.N++
}
