package tags

import (
	"context"
	"errors"
	"strconv"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Load reads the tags of pages as a user is shown them, and pins. It reads once for all of
// them, and once more for each that is cut, and returns what that costs.
//
// The pages and their tags have about so many bytes together, and no more is held meanwhile but
// for the tags of two messages. Each page gets an equal part of what entries, and the tags of those
// before it, have left. The entries that do not fit with their tags are removed at the end of the page to which reading goes, which then
// has More. The first page that has entries keeps one: so whoever reads on gets all of them.
func Load(ctx context.Context, records journal.Records, user string, asked []Asked, bytes int) (found []Found, cost int, err error) {
	l := loading{user: user, asked: asked, found: make([]Found, len(asked)), left: bytes}
	for _, a := range asked {
		n := 0
		for e := range a.Page.Entries {
			n += wire.JSONSize(&a.Page.Entries[e])
		}
		l.own, l.left = append(l.own, n), l.left-n
		l.pages += min(n, 1)
	}
	prefixes := l.prefixes()
	for from := 0; from < len(prefixes); {
		err = records.ScanMany(ctx, prefixes[from:], func(p int, r journal.Record) error { return l.add(from+p, r) })
		if !errors.Is(err, errEnd) {
			break
		}
		err = nil
		for from < len(prefixes) && l.whose[from] <= l.page { // that page is done
			from++
		}
	}
	if err == nil {
		l.goTo(len(asked))
	}
	return l.found, l.cost, err
}

// Entries returns entries as frames show them, with their tags.
func (of OfPage) Entries(entries []journal.Entry) []wire.Entry {
	list := wire.EntriesOf(entries)
	for i := range list {
		if len(of) > 0 {
			list[i].Tags = of[journal.Seq(list[i].Seq)]
		}
	}
	return list
}

// Recall returns the entry that recalls a message. Its key makes two recalls at
// the same time one entry. No key of a client begins so.
func Recall(target journal.Seq) journal.Entry {
	return journal.Entry{Kind: journal.Recall, Target: target, Key: "\x00recall " + strconv.FormatUint(uint64(target), 10)}
}
