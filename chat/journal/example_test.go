package journal_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// counting is a journal of one's own around another one: it counts what is
// recorded. It has only the methods of journal.Journal: see chat.Config for those
// that a hub uses if a journal has them.
type counting struct {
	journal.Journal
	recorded atomic.Int64
}

func (c *counting) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	c.Journal.Append(ctx, e, func(r journal.Receipt, err error) {
		if err == nil && r.Seq > 0 && !r.Duplicate { // 0: transient
			c.recorded.Add(1)
		}
		done(r, err)
	})
}

// A journal of one's own under a hub. TestCounting_KeepsEveryPromise proves it.
func ExampleJournal() {
	ctx := context.Background()
	own := &counting{Journal: memjournal.New(memjournal.Options{})}
	hub, err := chat.NewHub(chat.Config{Journal: own})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, body := range []string{`"one"`, `"two"`} {
		if _, err := hub.Announce(ctx, "tea", []byte(body)); err != nil {
			fmt.Println(err)
		}
	}
	if err := hub.Close(ctx); err != nil { // which closes the journal
		fmt.Println(err)
	}
	fmt.Println(own.recorded.Load())
	// Output: 2
}

// This is how a journal of one's own is proved.
func TestCounting_KeepsEveryPromise(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journal.Journal {
		everything := func(string) journal.Retention { return journal.Retention{} }
		return &counting{Journal: memjournal.New(memjournal.Options{Retention: everything})}
	})
}
