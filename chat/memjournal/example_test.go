package memjournal_test

import (
	"context"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// A journal that keeps the last two entries of each room.
func ExampleNew() {
	j := memjournal.New(memjournal.Options{
		Retention: func(room string) journal.Retention { return journal.Retention{Count: 2} },
	})
	defer j.Close()

	for _, body := range []string{`"one"`, `"two"`, `"three"`} {
		e := journal.Entry{Room: "tea", Kind: journal.Message, From: journal.User{ID: "li"}, Body: []byte(body)}
		recorded := make(chan error, 1)
		j.Append(e, func(_ journal.Receipt, err error) { recorded <- err })
		if err := <-recorded; err != nil {
			fmt.Println(err)
		}
	}
	page, err := j.Read(context.Background(), journal.Query{Room: "tea", Limit: 10})
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range page.Entries {
		fmt.Println(e.Seq, string(e.Body))
	}
	// Output:
	// 2 "two"
	// 3 "three"
}
