package acts

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// History is the act of reading a page of any room that the actor may read. limit
// bounds the entries if it is above 0.
func (a Turn) History(ctx context.Context, q journal.Query, limit int) (p Page, err error) {
	if err := CheckRoom(q.Room); err != nil {
		return p, err
	}
	in, err := a.reader(ctx, q.Room)
	if err != nil {
		return p, err
	}
	if err := a.mayReadNow(); err != nil {
		return p, err
	}
	bounds := view.Bounds{Entries: a.core.settings().MaxPage, Bytes: PageBytes, Least: 1}
	if limit > 0 {
		bounds.Entries = min(bounds.Entries, limit)
	}
	v, err := a.viewOf(ctx, q.Room, &in)
	if err != nil {
		return p, err
	}
	if p.Page, err = v.Page(ctx, q, bounds); err != nil {
		return p, err
	}
	found, err := a.tagsOf(ctx, tags.Asked{Room: q.Room, Entries: p.Entries})
	p.Tags = found[0].Tags
	return p, err
}

// tagCost is what a tag counts for that was read for a page.
const tagCost = 64

// tagsOf reads the tags of pages.
func (a *Actor) tagsOf(ctx context.Context, asked ...tags.Asked) ([]tags.Found, error) {
	found, n, err := tags.Load(ctx, a.core.journal.Records(), a.User().ID, asked)
	if n > 0 {
		a.owe(n * tagCost)
	}
	return found, err
}
