package list

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// The seats of those who left long ago go, however many; those who have left lately and those who
// belong to a conversation keep theirs.
func TestSweep_DeletesWhatIsOver(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	long, lately := time.Now().Add(-goneLife).UnixMilli(), time.Now().Add(-goneLife+time.Hour).UnixMilli()
	for user := range 2*sweepAtOnce + 10 {
		put(t, j, fmt.Sprintf("in\x00user%d\x00g-1", user), fmt.Sprint("none ", long))
		put(t, j, fmt.Sprintf("in\x00user%d\x00g-2", user), fmt.Sprint("none ", lately))
		put(t, j, fmt.Sprintf("in\x00user%d\x00g-3", user), "member 1 0")
	}
	put(t, j, "in\x00ann\x00g-1", "nonsense")
	r := Reader{Journal: j}
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := map[string]int{}
	err := j.Records().Scan(t.Context(), "in\x00", func(r journal.Record) error {
		_, room, _ := strings.Cut(strings.TrimPrefix(r.Key, "in\x00"), "\x00")
		left[room]++
		return nil
	})
	if want := 2*sweepAtOnce + 10; err != nil || left["g-1"] != 1 || left["g-2"] != want || left["g-3"] != want {
		t.Errorf("left are %v: %v", left, err)
	}
}
