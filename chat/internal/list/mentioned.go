package list

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// What a recalled message has named is still in the records: they could not be set back
// without a race against the next mention. So whoever reads a row looks at the message.
const (
	mentionBytes = 256 << 10 // of messages that are looked at for one answer
	mentionsBack = 100       // entries in which an earlier mention is looked for
)

// checkMentions corrects the rows whose mention was recalled, or is no longer kept: the
// newest one before it counts, if it is near and not read. It reads one message of each row
// that has a mention.
func (r *Reader) checkMentions(ctx context.Context, user string, rows []wire.Row) error {
	mentioning := func(row *wire.Row) bool { return row.Mention > 0 }
	there := func(row *wire.Row) journal.Query {
		return journal.Query{Room: row.Room, After: journal.Seq(row.Mention - 1), Limit: 1}
	}
	var wrong []*wire.Row
	err := r.lookAt(ctx, rows, mentioning, there, func(row *wire.Row, p *journal.Page) {
		if len(p.Entries) == 0 || p.Entries[0].Recalled || uint64(p.Entries[0].Seq) != row.Mention {
			wrong = append(wrong, row)
		}
	})
	if err != nil || len(wrong) == 0 {
		return err
	}
	before := func(row *wire.Row) journal.Query {
		return journal.Query{Room: row.Room, Backward: true, Before: journal.Seq(row.Mention), Limit: mentionsBack, Bytes: mentionBytes / len(wrong)}
	}
	recalled := func(row *wire.Row) bool { return slices.Contains(wrong, row) }
	return r.lookAt(ctx, rows, recalled, before, func(row *wire.Row, p *journal.Page) {
		row.Mention = 0
		for i := range p.Entries {
			if e := &p.Entries[i]; uint64(e.Seq) > row.Read && !e.Recalled && names(e.Mentions, user) {
				row.Mention = uint64(e.Seq)
			}
		}
	})
}

// lookAt reads a page of each room of some rows. Where nothing can be read now, the row
// stays as it is.
func (r *Reader) lookAt(ctx context.Context, rows []wire.Row, which func(*wire.Row) bool, at func(*wire.Row) journal.Query, each func(*wire.Row, *journal.Page)) error {
	var queries []journal.Query
	var of []*wire.Row
	for i := range rows {
		if row := &rows[i]; which(row) {
			queries, of = append(queries, at(row)), append(of, row)
		}
	}
	if len(queries) == 0 {
		return nil
	}
	pages, err := r.Journal.Pages(ctx, queries, mentionBytes)
	for i := range pages {
		if p := &pages[i]; len(p.Entries) > 0 || !p.More {
			each(of[i], p)
		}
	}
	return err
}

func names(mentions []string, user string) bool {
	return slices.Contains(mentions, user) || slices.Contains(mentions, wire.Everybody)
}
