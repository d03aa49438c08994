package list

import (
	"context"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// A ban that comes while a list is read holds for its answer.
func TestReader_BannedMeanwhile_IsNotShown(t *testing.T) {
	readers, err := access.ParseSubject("members")
	if err != nil {
		t.Fatal(err)
	}
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	if err := j.Records().Put(t.Context(), members.InKey("ben", "g"), []byte("member")); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	j.Append(t.Context(), journal.Entry{Room: "g", Kind: journal.Message, Body: []byte(`"secret"`)}, func(_ journal.Receipt, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	asked, bannedFrom := 0, 2
	r := &Reader{
		Journal: j, Marks: readmarks.New(j.Records()), Heads: unbounded,
		Profiles: func(_ context.Context, ids []string) ([]journal.User, error) {
			return make([]journal.User, len(ids)), nil
		},
		Policies: func() access.Policies { return access.Policies{{Pattern: "*", Read: []access.Subject{readers}}} },
		Banned: func(string, string) time.Duration {
			if asked++; asked >= bannedFrom {
				return access.Endless
			}
			return 0
		},
	}
	for name, read := range map[string]func() ([]wire.Row, error){
		"page": func() ([]wire.Row, error) {
			rows, _, err := r.Page(t.Context(), "ben", access.Person{}, "", 0)
			return rows, err
		},
		"rows": func() ([]wire.Row, error) {
			rows, _, err := r.Rows(t.Context(), "ben", access.Person{}, []string{"g"})
			return rows, err
		},
		"since": func() ([]wire.Row, error) {
			answer, _, err := r.Since(t.Context(), "ben", access.Person{}, wire.ListFrom{}, func(policiesSum, []place) {})
			if err != nil {
				return nil, err
			}
			return answer.Rows, nil
		},
	} {
		for _, bannedFrom = range []int{1, 2, 3} {
			asked = 0
			rows, err := read()
			shown := len(rows) > 0 && !rows[0].Gone
			if err != nil || shown != (bannedFrom == 3) {
				t.Errorf("%s, banned when asked for time %d: %+v, %v", name, bannedFrom, rows, err)
			}
		}
	}
}

// No head is shown to who is banned: neither to whom a ban has met before the row was settled,
// nor to who lists a room when its members are looked at again.
func TestTeller_Banned_HearsNoHead(t *testing.T) {
	readers, err := access.ParseSubject("members")
	if err != nil {
		t.Fatal(err)
	}
	policies := access.Policies{{Pattern: "*", Read: []access.Subject{readers}}}
	for name, c := range map[string]struct {
		banned, unsee bool
		want          int
	}{"not banned": {false, false, 1}, "looked at again": {true, false, 0}, "met by a ban": {false, true, 0}} {
		w, l := newTeller(t, c.banned), new(listener)
		w.enter("ben", access.Person{User: "ben"}, l)
		w.add("ben", []place{{room: "g", from: 1}}, policiesSum{})
		w.openLocked(l, "ben").held = false
		if c.unsee {
			w.unsee("ben", "g")
		}
		if err := w.checkHolders(t.Context(), policies, "g", 1); err != nil {
			t.Fatal(err)
		}
		w.tellHead("g", &journal.Head{Last: 1, Count: 1, Newest: journal.Entry{Room: "g", Seq: 1, Kind: journal.Message, Body: []byte(`"secret"`)}}, nil)
		if len(l.frames) != c.want {
			t.Errorf("%s: got %q", name, l.frames)
		}
		w.unsee("ben", "g")
		if users := w.unchecked("g", 1); len(users) != 1 {
			t.Errorf("%s: %q are looked at again", name, users)
		}
	}
}

// newTeller returns a teller of a room g with a member ben, who may be banned there.
func newTeller(t *testing.T, banned bool) *teller {
	j := memjournal.New(memjournal.Options{})
	t.Cleanup(func() { _ = j.Close() })
	done := make(chan error, 1)
	seat := []journal.Record{{Key: members.RoleKey("g", "ben"), Value: []byte("member")}}
	j.Append(t.Context(), journal.Entry{Room: "g", Kind: journal.Message, Body: []byte("1"), With: seat}, func(_ journal.Receipt, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w := &teller{frame: func(f wire.Frame) []byte { return f.Append(nil) }, reader: &Reader{Journal: j, Heads: unbounded, Banned: func(string, string) time.Duration {
		if banned {
			return access.Endless
		}
		return 0
	}}}
	w.max = func() int { return 10 }
	w.users, w.rooms, w.own = map[string]*watcher{}, map[string]*listed{}, map[pair]bool{}
	return w
}

// unbounded lets everybody read heads.
var unbounded = Heads{
	Largest: func() int { return 64 << 10 }, Owe: func(access.Person, int) {},
	Take: func(context.Context, access.Person, int) (func(), error) { return func() {}, nil },
}
