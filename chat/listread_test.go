package chat_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// readHook is a journal that calls f once, with the room of which it has just read what a row shows.
type readHook struct {
	journal.Journal
	f atomic.Pointer[func(room string)]
}

func (j *readHook) Records() journal.Records { return hookedRecords{j.Journal.Records(), j} }

type hookedRecords struct {
	journal.Records
	j *readHook
}

func (r hookedRecords) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	list, err := r.Records.GetMany(ctx, keys)
	for _, key := range keys {
		if room, is := strings.CutPrefix(key, "all\x00"); is {
			if f := r.j.f.Swap(nil); f != nil {
				(*f)(room)
			}
		}
	}
	return list, err
}

// Whoever gets a conversation is told also of what is said while its row is read.
func TestList_SaidWhileTheFirstRowIsRead_IsTold(t *testing.T) {
	for _, create := range []string{`"direct":"ben"`, `"key":"k","users":["ben"]`} {
		j := &readHook{}
		onJournal(t, func() chat.Config {
			j.Journal = memjournal.New(memjournal.Options{})
			return chat.Config{Settings: chat.Settings{Policies: chatApp(t)}, Journal: j}
		}, tokens{}, alone, func(t *testing.T, b *bubble) {
			defer b.close()
			ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().openList("ben")
			said := func(room string) {
				say(t, b.journal, room, "hi")
				time.Sleep(time.Millisecond) // of fake time: all who follow the room have heard it
			}
			j.f.Store(&said)
			room := ann.create(create)
			for row := ""; !strings.Contains(row, `"hi"`); {
				if row = ben.until("row"); fieldOf(t, row, "room") != room {
					t.Fatal(row)
				}
			}
			if j.f.Load() != nil {
				t.Error("nothing was said meanwhile")
			}
		})
	}
}
