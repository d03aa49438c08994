package profiles

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// The profile of a guest goes once the guest was in no conversation for two sweeps. Those of members,
// of users who are no guests and of guests who have another name since stay.
func TestGuests_Sweep_DeletesWhatNobodyNeeds(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	p := Profiles{Records: j.Records()}
	keep := func(id, name string) {
		t.Helper()
		if err := p.Keep(t.Context(), journal.User{ID: id, Name: name, Guest: strings.HasPrefix(id, "guest-")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"ann", "guest-in", "guest-left", "guest-out", "guest-new"} {
		keep(id, "One")
	}
	for key, seat := range map[string]string{"in\x00guest-in\x00g-1": "member 1 0", "in\x00guest-left\x00g-1": "none 1"} {
		if err := j.Records().Put(t.Context(), key, []byte(seat)); err != nil {
			t.Fatal(err)
		}
	}
	g := Guests{Profiles: p}
	sweep := func(want ...string) {
		t.Helper()
		if err := g.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left []string
		err := j.Records().Scan(t.Context(), "user\x00", func(r journal.Record) error {
			left = append(left, strings.TrimPrefix(r.Key, "user\x00"))
			return nil
		})
		if err != nil || !slices.Equal(left, want) {
			t.Errorf("left are %q, want %q: %v", left, want, err)
		}
	}
	sweep("ann", "guest-in", "guest-left", "guest-new", "guest-out")
	keep("guest-new", "Two")
	sweep("ann", "guest-in", "guest-left", "guest-new")
	sweep("ann", "guest-in", "guest-left")
}
