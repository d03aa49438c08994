package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// roundTrips is a journal that notes each call that a database would answer.
type roundTrips struct{ *counted }

func (j roundTrips) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	j.note("pages")
	return j.counted.Journal.Pages(ctx, q, bytes)
}

// A hello takes as many round trips to the database with 100 rooms as with two: at most three. Somebody is in the rooms
// already; one in which nobody is follows the journal first. Conversations are not so yet: each asks six times by itself.
func TestHello_RoundTrips(t *testing.T) {
	j := roundTrips{&counted{Journal: memjournal.New(memjournal.Options{})}}
	url, hub := serve(t, chat.Config{Journal: j}, &chat.Handler{Auth: tokens{}})
	for _, n := range []int{2, 100} {
		var rooms []string
		for i := range n {
			rooms = append(rooms, fmt.Sprintf(`{"room":"r%d"}`, i))
			if _, err := hub.Announce(t.Context(), fmt.Sprint("r", i), []byte(`"1"`)); err != nil {
				t.Fatal(err)
			}
		}
		all := strings.Join(rooms, ",")
		dialV1(t, url).hello(`,"token":"ann","rooms":[` + all + `]`)
		j.take()
		dialV1(t, url).hello(`,"token":"ben","rooms":[` + all + `]`)
		asked := j.take()
		for i := range asked {
			asked[i] = asked[i][:min(len(asked[i]), 60)]
		}
		if len(asked) > 3 {
			t.Errorf("a hello with %d rooms took %d round trips: %q", n, len(asked), asked)
		}
	}
}
