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
		j.Append(context.Background(), e, func(_ journal.Receipt, err error) { recorded <- err })
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

// Two hubs in one process that are one chat, as in a test of several nodes.
func ExampleNewStore() {
	store := memjournal.NewStore(memjournal.Options{})
	one, two := store.Open(), store.Open()
	defer two.Close()

	start, err := two.Follow("tea", journal.Newest, printer{})
	if err != nil {
		fmt.Println(err)
	}
	defer start.Stop()
	e := journal.Entry{Room: "tea", Kind: journal.Message, From: journal.User{ID: "li"}, Body: []byte(`"hi"`)}
	one.Append(context.Background(), e, func(_ journal.Receipt, err error) {
		if err != nil {
			fmt.Println(err)
		}
	})
	if err := one.Close(); err != nil {
		fmt.Println(err)
	}
	heads, err := two.Heads(context.Background(), []string{"tea"})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println("last:", heads[0].Last)
	// Output:
	// delivered: 1 "hi"
	// last: 1
}

type printer struct{}

func (printer) Deliver(e journal.Entry) { fmt.Println("delivered:", e.Seq, string(e.Body)) }
func (printer) Lost(l journal.Lost)     { fmt.Println("lost:", l.Why) }
