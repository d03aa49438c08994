package list

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// How many conversations people belong to is read once in a while, whoever asks how often; and
// what is counted meanwhile lets nobody into more than there may be.
func TestReader_Refuses_ReadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const has, most = 600, 603
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		for n := range has {
			put(t, j, fmt.Sprintf("in\x00ann\x00g-%d", n), "member 1 0")
			put(t, j, fmt.Sprintf("in\x00ann\x00left-%d", n), "none 1")
		}
		r := Reader{Journal: j}
		ask := func(want int, full bool) {
			t.Helper()
			i, why, n, err := r.Refuses(t.Context(), "ben", nil, []string{"", "ann", "cy"}, most)
			if err != nil || n != want || (why != nil) != full || full && i != 1 {
				t.Errorf("%d records read, want %d; refused: %v, %v", n, want, why, err)
			}
		}
		ask(2*has, false)
		ask(0, false)
		ask(0, false)
		put(t, j, "in\x00ann\x00g-new", "member 1 0")
		ask(2*has+1, false) // she may be full now: she is not
		put(t, j, "in\x00ann\x00g-new2", "member 1 0")
		ask(0, false)
		put(t, j, "in\x00ann\x00g-new3", "member 1 0")
		i, why, _, err := r.Refuses(t.Context(), "ben", nil, []string{"ann"}, most)
		if err != nil || why == nil || i != 0 {
			t.Errorf("belongs to all that she may: %v, %v", why, err)
		}
		put(t, j, "in\x00ann\x00g-new3", "none 1")
		ask(2*has+3, false)
		time.Sleep(2 * countLife)
		ask(2*has+3, false)
	})
}

func put(t *testing.T, j journal.Journal, key, value string) {
	t.Helper()
	if err := j.Records().Put(context.Background(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}
