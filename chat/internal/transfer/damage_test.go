package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// lossy is a journal of which some entries of a room cannot be read, by the bit of their number.
type lossy struct {
	*memjournal.Journal
	lost int
}

func (l lossy) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	limit := q.Limit
	q.Limit = 100
	page, err := l.Journal.Read(ctx, q)
	page.Entries = slices.DeleteFunc(page.Entries, func(e journal.Entry) bool {
		lost := l.lost&(1<<e.Seq) != 0
		if lost {
			page.Damaged++
		}
		return lost
	})
	if page.Entries = page.Entries[:min(limit, len(page.Entries))]; limit == 0 {
		page.Damaged = 0
	}
	return page, err
}

// Whichever entries of a conversation cannot be read, the others and its members are exported, and
// an export that goes on somewhere has them, too.
func TestExport_DamagedConversation_HasTheRest(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	trip(t, j)
	s := loaded(t, j, "g")
	owner := members.By{User: ann.ID, Role: s.Seats["ann"].Role}
	owner.Rights.Read, owner.Rights.Invite, owner.Rights.Moderate, owner.Rights.MaxMembers = true, true, true, 9
	c, err := s.SetRole(owner, []journal.User{{ID: "bo"}}, s.Seats["ann"].Role-1)
	change(t, j, c, err)
	const last = 6
	for lost := 2; lost < 1<<(last+1); lost += 2 {
		for after := journal.Seq(0); after <= last; after++ {
			var got []journal.Seq
			conversations := 0
			err := Export(t.Context(), lossy{j, lost}, j, "", "g", after, func(line []byte) error {
				e, of, _, err := parseLine(line, nil, time.Now())
				if of != nil {
					conversations++
				} else {
					got = append(got, e.Seq)
				}
				return err
			})
			var want []journal.Seq
			for seq := after + 1; seq <= last; seq++ {
				if lost&(1<<seq) == 0 || seq == last { // the last entry stands for the members: it is made anew
					want = append(want, seq)
				}
			}
			damaged := lost>>(after+1) != 0
			if errors.Is(err, ErrDamaged) != damaged || err != nil && !damaged || !slices.Equal(got, want) || conversations != 1 {
				t.Fatalf("lost %b, after %d: entries %v, want %v; %d conversations, %v", lost, after, got, want, conversations, err)
			}
		}
	}
}

// Wherever a bit of a table flips: an export has all that can be read, and each of its lines is one
// that an import takes.
func TestExport_DamagedTable_HasTheRestAndSaysSo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	rooms := 0
	for i := range 30 {
		name := fmt.Sprintf("g-%d", i)
		var others []journal.User
		for k := range 20 {
			others = append(others, journal.User{ID: fmt.Sprintf("user-%d-%d", i, k)})
		}
		c, err := members.Found(name, ann, others, members.Info{Title: "Trip"})
		change(t, j, c, err)
		appendAll(t, j, everyKind(fmt.Sprintf("room%d", i))[:7]...)
		rooms += 2
	}
	if err := errors.Join(j.Compact(t.Context()), j.Close()); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	whole, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	const places = 24
	damaged, expensive := 0, 0
	for i := range places {
		at := 20 + i*(len(whole)-1000)/places
		b := bytes.Clone(whole)
		b[at] ^= 0x10
		entries, missing := exportDamaged(t, fmt.Sprint("byte ", at), dir, filepath.Base(tables[0]), b)
		if missing {
			damaged++
		}
		if entries < 100 {
			expensive++ // all of a table depends on a few bytes at its end
		}
	}
	if damaged < places/2 || expensive > 1 {
		t.Errorf("%d of %d exports said that something is missing, and %d lack more than half", damaged, places, expensive)
	}
}

// exportDamaged exports a copy of a journal with another table. It returns how many entries there
// were, and whether something was missing.
func exportDamaged(t *testing.T, what, dir, table string, b []byte) (entries int, missing bool) {
	t.Helper()
	there := filepath.Join(t.TempDir(), "journal")
	if err := errors.Join(os.CopyFS(there, os.DirFS(dir)), os.WriteFile(filepath.Join(there, table), b, 0o600)); err != nil {
		t.Fatal(err)
	}
	j, err := pebblejournal.Open(pebblejournal.Options{Dir: there})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	err = Export(t.Context(), j, j, "", "", 0, func(line []byte) error {
		if strings.HasPrefix(string(line), `{"epoch"`) {
			entries++
		}
		_, _, _, err := parseLine(line, nil, time.Now())
		if err != nil {
			t.Errorf("%s: %v: %.300s", what, err, line)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrDamaged) {
		t.Errorf("%s: %d entries, %v", what, entries, err)
	}
	return entries, errors.Is(err, ErrDamaged) || j.Stats().Damaged > 0
}

// Where a block is damaged, seats and the room may be of different times. The line is one that an import takes.
func TestConversationOf_SeatsOfAnotherTime_IsOneThatCanBe(t *testing.T) {
	for name, seats := range map[string]map[string]members.Seat{
		"the owner is missing":     {"bo": {Role: access.Member, Since: 1}},
		"there is another owner":   {"ann": {Role: access.Admin, Since: 1}, "bo": {Role: access.Owner, Since: 1}},
		"a seat is newer":          {"ann": {Role: access.Owner, Since: 1}, "bo": {Role: access.Member, Since: 9}},
		"there are too many seats": {"ann": {Role: access.Owner, Since: 1}, "bo": {Role: access.Member, Since: 2}, "cy": {Role: access.Member, Since: 2}},
	} {
		s := members.State{Name: "g", Room: members.Room{Size: 2, Owner: "ann", Version: 3}, Seats: seats, All: true}
		line, err := conversationOf(&s).append(nil)
		if err == nil {
			_, _, _, err = parseLine(line, nil, time.Now())
		}
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, line)
		}
	}
}
