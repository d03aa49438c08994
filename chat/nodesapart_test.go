package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// staleReads is a journal whose records, while slow is set, are answered after a while: by then they
// may have changed.
type staleReads struct {
	journal.Journal
	slow *atomic.Pointer[rand.Rand]
}

type staleRecords struct {
	journal.Records
	slow *atomic.Pointer[rand.Rand]
}

func (j staleReads) Records() journal.Records { return staleRecords{j.Journal.Records(), j.slow} }

var slowness sync.Mutex // guards each Rand

func (r staleRecords) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	list, err := r.Records.GetMany(ctx, keys)
	if luck := r.slow.Load(); luck != nil {
		slowness.Lock()
		takes := time.Duration(luck.IntN(200)) * time.Millisecond
		slowness.Unlock()
		time.Sleep(takes)
	}
	return list, err
}

// Whatever is read of a block while it comes or goes, in the end a room knows what was said last: one of
// two blocks the other, or blocks them no more, at any moment while the other one joins at another
// node; or does all that at two nodes, in quick succession.
func TestNodes_Block_WhileItIsRead(t *testing.T) {
	for seed := range uint64(300) {
		blocks, often := seed%2 == 0, seed%3 == 0
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			var slow atomic.Pointer[rand.Rand]
			around := func(j journal.Journal) journal.Journal { return staleReads{j, &slow} }
			inNodesOn(t, 2, chat.Settings{Policies: chatApp(t)}, around, func(t *testing.T, nodes []*bubble) {
				ann, second, ben := nodes[0].connect().hello(`,"token":"ann"`), nodes[1].connect().hello(`,"token":"ann"`), nodes[1].connect().hello(`,"token":"ben"`)
				room := ann.create(`"direct":"ben"`)
				set := func(c *client, blocks bool) {
					c.send(fmt.Sprintf(`{"type":"set","room":%q,"block":%v}`, room, blocks))
				}
				join := func(c *client) { c.send(fmt.Sprintf(`{"type":"join","room":%q}`, room)) }
				join(ann)
				if often {
					join(second)
				}
				set(ann, !blocks)
				time.Sleep(2 * time.Second)
				luck := rand.New(rand.NewPCG(seed, 0))
				joins := time.Duration(luck.IntN(500)) * time.Millisecond
				slow.Store(luck)
				time.AfterFunc(joins, func() { join(ben) })
				time.Sleep(200 * time.Millisecond)
				if often {
					set(ann, blocks)
					set(second, !blocks)
					time.Sleep(time.Second)
				}
				set(ann, blocks)
				time.Sleep(5 * time.Second)
				slow.Store(nil)
				for name, c := range map[string]*client{"ann": ann, "ben": ben} {
					synctest.Wait()
					drain(c)
					c.send(fmt.Sprintf(`{"type":"who","id":"1","room":%q}`, room))
					got := c.until("who")
					if want := map[bool]string{true: `"members":1`, false: `"members":2`}[blocks]; !strings.Contains(got, want) {
						t.Errorf("%s: %s, want %s", name, got, want)
					}
				}
			})
		})
	}
}
