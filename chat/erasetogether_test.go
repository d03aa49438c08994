package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// failingTrim is a journal that does not erase entries while it fails.
type failingTrim struct {
	journal.Journal
	fails atomic.Bool
}

var errTrim = errors.New("the disk is gone")

func (j *failingTrim) Trim(ctx context.Context, room string, below journal.Seq) error {
	if j.fails.Load() {
		return errTrim
	}
	return j.Journal.Trim(ctx, room, below)
}

// An erasure of a room that ends early says what it has erased, and that it goes on when it is repeated.
func TestHub_EraseRoom_EndsEarly_SaysWhatIsDone(t *testing.T) {
	var j *failingTrim
	onJournal(t, func() chat.Config {
		j = &failingTrim{Journal: memjournal.New(memjournal.Options{})}
		return chat.Config{Settings: chat.Settings{Policies: chatApp(t)}, Journal: j}
	}, tokens{}, alone, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"users":["ben"],"pattern":"g-*","key":"g"`)
		j.fails.Store(true)
		done, err := b.hub.EraseRoom(t.Context(), g)
		var told *wire.Error
		if done.Members != 2 || done.Entries != 0 || !errors.Is(err, errTrim) || !errors.As(err, &told) || !told.Uncertain ||
			!strings.Contains(told.Message, "0 entries, 2 members and 0 read marks of the room are erased already, and the rest is not: repeat the request") {
			t.Errorf("%+v %v", done, err)
		}
		j.fails.Store(false)
		if done, err = b.hub.EraseRoom(t.Context(), g); err != nil || done.Entries == 0 {
			t.Errorf("again: %+v %v", done, err)
		}
		if _, err := b.hub.EraseRoom(t.Context(), g+"x"); !isNotFound(err) || strings.Contains(err.Error(), "repeat") {
			t.Errorf("no such room: %v", err)
		}
		b.close()
	})
}

// Nodes that erase the same user at once both end well, and each message is counted by one of them.
func TestHub_EraseUser_AtTwoNodesAtOnce(t *testing.T) {
	store, said := memjournal.NewStore(memjournal.Options{}), 0
	var hubs [2]*chat.Hub
	var url string
	for i := range hubs {
		url, hubs[i] = serve(t, chat.Config{Settings: historySettings(t, "members"), Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
	}
	ann := dialV1(t, url).hello(`,"token":"ann"`)
	for i := range 4 {
		g := ann.create(fmt.Sprintf(`"users":["ben"],"key":"g%d"`, i))
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.expect(`{"type":"joined","…":"…"}`)
		for range 100 {
			ann.send(fmt.Sprintf(`{"type":"send","room":%q,"body":"secret"}`, g))
			ann.expect(`{"type":"message","…":"…"}`)
			said++
		}
	}
	var all sync.WaitGroup
	var messages atomic.Int64
	for _, hub := range hubs {
		all.Go(func() {
			done, err := hub.EraseUser(t.Context(), "ann")
			if messages.Add(int64(done.Messages)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := messages.Load(); got != int64(said) {
		t.Errorf("%d messages are counted of %d", got, said)
	}
	if again, err := hubs[0].EraseUser(t.Context(), "ann"); err != nil || again.Messages != 0 {
		t.Errorf("again: %+v %v", again, err)
	}
}
