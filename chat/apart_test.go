package chat_test

import (
	"context"
	"errors"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// badRoom is a journal whose room "bad" cannot be read: that fails at once, or takes until
// its context ends.
type badRoom struct {
	journal.Journal
	hangs bool
}

func (j badRoom) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if q.Room != "bad" {
		return j.Journal.Read(ctx, q)
	}
	if j.hangs {
		<-ctx.Done()
		return journal.Page{}, ctx.Err()
	}
	return journal.Page{}, errors.New("the disk has lost it")
}

func (j badRoom) Pages(ctx context.Context, queries []journal.Query, bytes int) ([]journal.Page, error) {
	for _, q := range queries {
		if q.Room == "bad" {
			_, err := j.Read(ctx, q)
			return nil, err
		}
	}
	return j.Journal.Pages(ctx, queries, bytes)
}

// A room that cannot be read does not take the others of a hello with it.
func TestHello_RoomThatCannotBeRead_OthersAreJoined(t *testing.T) {
	for name, hangs := range map[string]bool{"fails": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			config := func() chat.Config {
				return chat.Config{Journal: badRoom{memjournal.New(memjournal.Options{}), hangs}}
			}
			onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
				defer b.close()
				c := b.connect()
				c.send(`{"type":"hello","token":"ann","rooms":[{"room":"tea"},{"room":"bad"},{"room":"new","epoch":"other","after":7}]}`)
				c.expect(`{"type":"welcome","rooms":[{"room":"tea","entries":[],"…":"…"},{"room":"bad","code":"$code","message":"…","retry":"$retry"},` +
					`{"room":"new","gap":true,"…":"…"}],"…":"…"}`)
				c.send(`{"type":"send","id":"1","room":"tea","body":1}`)
				c.next()
				c.next()
				c.send(`{"type":"send","id":"2","room":"bad","body":1}`)
				c.expect(`{"type":"error","id":"2","code":"not_joined","…":"…"}`)
			})
		})
	}
}
