package tags

import (
	"context"
	"errors"
	"strconv"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Load reads the tags of pages as a user is shown them, and pins. It reads once for all of
// them, and more often where there are many, and returns what that costs.
//
// The pages and their tags have about so many bytes together, and no more is held meanwhile but
// for the tags of two messages. Each page gets an equal part of what entries, and the tags of those
// before it, have left. The entries that do not fit with their tags are removed at the end of the page
// to which reading goes, which then has More. The first page that has entries keeps one: so whoever reads on gets all of them.
func Load(ctx context.Context, records journal.Records, user string, asked []Asked, bytes int) (found []Found, cost int, err error) {
	for _, bits := range []int{8, 4} { // of many tags, only those of the page are read, and no more than fit
		l := loading{user: user, asked: asked, found: make([]Found, len(asked)), left: bytes, bits: bits, cost: cost}
		found, err = l.found, l.load(ctx, records)
		if cost = l.cost; !errors.Is(err, errMany) {
			break
		}
	}
	return found, cost, err
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
