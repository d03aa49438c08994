package view

import (
	"context"
	"sync"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// How long rooms are read together, and then one by one. Something is left of the time
// that a whole act has, for what is read of the others afterwards.
const (
	togetherTimeout = timing.Journal / 4
	apartTimeout    = timing.Journal / 5
)

// readersApart is how many rooms are read at a time then. So many slow ones may wait
// until the time is over, and the others behind them.
const readersApart = 16

// Pages reads pages, and what is wrong with the rooms that cannot be read: one room
// that fails or is slow does not take the others with it. If all fail it returns why.
func Pages(ctx context.Context, j journal.Journal, queries []journal.Query, bytes int) (pages []journal.Page, errs []error, err error) {
	errs = make([]error, len(queries))
	if len(queries) == 1 {
		pages, err = j.Pages(ctx, queries, bytes)
		return pages, errs, err
	}
	together, cancel := context.WithTimeout(ctx, togetherTimeout)
	pages, err = j.Pages(together, queries, bytes)
	cancel()
	if err == nil || ctx.Err() != nil {
		return pages, errs, err
	}
	apart, cancel := context.WithTimeout(ctx, apartTimeout)
	defer cancel()
	pages = make([]journal.Page, len(queries))
	var reading sync.WaitGroup
	next := make(chan int)
	for range min(readersApart, len(queries)) {
		reading.Go(func() {
			for n := range next {
				pages[n], errs[n] = foreign.Call(apart, func() (journal.Page, error) { return j.Read(apart, queries[n]) }, nil)
			}
		})
	}
	for n := range queries {
		next <- n
	}
	close(next)
	reading.Wait()
	for _, e := range errs {
		if e == nil {
			return pages, errs, nil
		}
	}
	return nil, nil, errs[0]
}

// HasGap reports whether a client that has read up to a number in an epoch cannot go on
// there: page is what follows.
func HasGap(epoch string, after journal.Seq, page *journal.Page) bool {
	if page.Epoch != epoch || after > page.Last || after+1 < page.First || page.Damaged > 0 {
		return true
	}
	next := after + 1
	for i := range page.Entries {
		if page.Entries[i].Seq != next {
			return true
		}
		next++
	}
	return false
}

// Size returns how many bytes the entries of pages have.
func Size(pages ...journal.Page) (size int) {
	for i := range pages {
		for e := range pages[i].Entries {
			size += pages[i].Entries[e].Size()
		}
	}
	return size
}
