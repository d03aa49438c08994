package members

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// group is the policy of the tests: members invite, admins moderate.
func group(role access.Role) access.Rights {
	return access.Rights{
		Conversation: true, Read: role >= access.Member, Write: role >= access.Member,
		Invite: role >= access.Member, Moderate: role >= access.Admin, MaxMembers: 4,
	}
}

// Who may make whom to what, in a group with an owner, an admin, a member and somebody
// who does not belong to it.
func TestSetRole_Rules(t *testing.T) {
	people := map[string]access.Role{"owner": access.Owner, "admin": access.Admin, "member": access.Member, "none": access.NoRole}
	permitted := map[string]string{ // by: what they may do, as user>role
		"owner":  "owner>none admin>none admin>member admin>owner member>none member>admin member>owner none>member none>admin",
		"admin":  "admin>none admin>member member>none none>member",
		"member": "member>none none>member",
		"none":   "",
	}
	for by, byRole := range people {
		got := ""
		for _, user := range []string{"owner", "admin", "member", "none"} {
			for _, role := range []access.Role{access.NoRole, access.Member, access.Admin, access.Owner} {
				s := State{Name: "g", Room: Room{Size: 3, Owner: "owner", Version: 1}, Seats: map[string]Seat{}}
				for id, r := range people {
					s.Seats[id] = Seat{Role: r, Since: 1}
				}
				change, err := s.SetRole(By{User: by, Role: byRole, Rights: group(byRole)}, []journal.User{{ID: user}}, role)
				if (change == nil && err == nil) != (people[user] == role && by != "none") {
					t.Errorf("%s makes %s to %s: %v, %v", by, user, role, change, err)
				}
				if e := (*wire.Error)(nil); by == "none" && (!errors.As(err, &e) || e.Field != "") {
					t.Errorf("a stranger makes %s to %s and learns %v", user, role, err)
				}
				if change != nil {
					got += " " + user + ">" + role.String()
				}
			}
		}
		if want := permitted[by]; got != " "+want && got != want {
			t.Errorf("%s may%s, want %s", by, got, want)
		}
	}
}

func TestSetRole_Refuses(t *testing.T) {
	founded := State{Name: "g", Room: Room{Size: 3, Owner: "owner", Version: 1}, Seats: map[string]Seat{"owner": {Role: access.Owner, Since: 1}}}
	closed, direct, unknown := founded, founded, founded
	closed.Closed, direct.Direct, unknown.Room = true, []string{"a", "b"}, Room{}
	users := func(ids ...string) (list []journal.User) {
		for _, id := range ids {
			list = append(list, journal.User{ID: id})
		}
		return list
	}
	by := By{User: "owner", Role: access.Owner, Rights: group(access.Owner)}
	for name, c := range map[string]struct {
		state State
		users []journal.User
		role  access.Role
		code  wire.Code
		field string
	}{
		"a seat too many":           {founded, users("a", "b"), access.Member, wire.RoomFull, ""},
		"two owners":                {founded, users("a", "b"), access.Owner, wire.BadFrame, "users"},
		"an owner from outside":     {founded, users("a"), access.Owner, wire.Forbidden, "users[0]"},
		"into a closed room":        {closed, users("owner", "a"), access.Member, wire.Forbidden, "users[0]"},
		"into a closed room, alone": {closed, users("a"), access.Member, wire.Forbidden, "users[0]"},
		"into one of two":           {direct, users("c"), access.Member, wire.Forbidden, ""},
		"out of one of two":         {direct, users("owner"), access.NoRole, wire.Forbidden, ""},
		"no conversation":           {unknown, users("a"), access.Member, wire.Forbidden, ""},
	} {
		change, err := c.state.SetRole(by, c.users, c.role)
		var e *wire.Error
		if change != nil || !errors.As(err, &e) || e.Code != c.code || e.Field != c.field {
			t.Errorf("%s: %v, %v", name, change, err)
		}
	}
}

// A room lives with random commands. After each, what its records say equals what its
// entries say, read from the first to the last.
func TestRoom_RecordsFollowFromEntries(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	user := func() string { return fmt.Sprint("u", random.IntN(6)) }
	founder := journal.User{ID: user()}
	change, err := Found("g", founder, nil, Info{Title: "Trip"})
	if err != nil {
		t.Fatal(err)
	}
	record(t, j, founder, change)
	for range 500 {
		by, users := user(), []journal.User{{ID: user()}}
		if other := user(); other != users[0].ID && random.IntN(3) == 0 {
			users = append(users, journal.User{ID: other})
		}
		role := access.Role(random.IntN(4))
		state, err := Load(t.Context(), j.Records(), "g", nil, true)
		if err != nil {
			t.Fatal(err)
		}
		rights := state.Seats[by].Role
		if change, _ = state.SetRole(By{User: by, Role: rights, Rights: group(rights)}, users, role); change == nil {
			continue
		}
		record(t, j, journal.User{ID: by}, change)
		if state, err = Load(t.Context(), j.Records(), "g", nil, true); err != nil {
			t.Fatal(err)
		}
		if want := replay(t, j); !want.equals(&state) {
			t.Fatalf("the records say %+v, the entries %+v", state, want)
		}
		if state.Size == 0 { // it has ended: begin again
			reopen(t, j, &state)
		}
	}
}

// record appends a change.
func record(t *testing.T, j journal.Journal, by journal.User, c *Change) {
	t.Helper()
	e := c.Entry()
	e.From = by
	answer := make(chan error, 1)
	j.Append(t.Context(), e, func(_ journal.Receipt, err error) { answer <- err })
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
}

// reopen lets somebody in who owns the room, which no command can do.
func reopen(t *testing.T, j journal.Journal, s *State) {
	c := &Change{room: s.Name, kind: journal.Member, since: s.Version + 1}
	owner := wire.User{ID: "u0"}
	body := wire.Members{Role: access.Member.String(), Owner: &owner}
	c.body = body.Append(nil)
	c.seat("u0", Seat{Role: access.Owner})
	if err := c.write(&Room{Size: 1, Owner: "u0"}); err != nil {
		t.Fatal(err)
	}
	record(t, j, journal.User{ID: "u0"}, c)
}

// model is what the entries of a room say.
type model struct {
	roles  map[string]access.Role
	closed bool
}

func (m *model) equals(s *State) bool {
	owner := ""
	for id, role := range m.roles {
		if s.Seats[id].Role != role {
			return false
		}
		if role == access.Owner {
			owner = id
		}
	}
	return len(m.roles) == s.Size && len(m.roles) == len(s.Seats) && owner == s.Owner && m.closed == s.Closed
}

func replay(t *testing.T, j journal.Journal) *model {
	m := &model{roles: map[string]access.Role{}}
	page, err := j.Read(context.Background(), journal.Query{Room: "g", Limit: 1000})
	if err != nil || page.More {
		t.Fatal(err, page.More)
	}
	for _, e := range page.Entries {
		changes, err := wire.ParseMembers(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			role, err := access.ParseRole(c.Role)
			if err != nil {
				t.Fatal(err)
			}
			m.apply(c.User, role)
		}
		m.closed = len(m.roles) == 0
	}
	return m
}

func (m *model) apply(user string, role access.Role) {
	if role == access.Owner {
		for id, r := range m.roles {
			if r == access.Owner {
				m.roles[id] = access.Admin
			}
		}
	}
	if m.roles[user] = role; role == access.NoRole {
		delete(m.roles, user)
	}
}

func TestRecords_ReadBack(t *testing.T) {
	for _, s := range []Seat{{Role: access.Member, Since: 7, Count: 3}, {Role: access.Owner, Since: 1}, {Role: access.Admin}} {
		got, err := ParseSeat(journal.Record{Value: s.value(), Stamp: journal.Stamp{Seq: 9, Count: 8}})
		want := s
		if s.Since == 0 {
			want.Since, want.Count = 9, 8
		}
		if err != nil || got != want {
			t.Errorf("%+v became %+v, %v", s, got, err)
		}
	}
	for _, bad := range []string{"", "king", "member 1", "member 1 2 3", "none", "none x", "member a b", "member -1 2"} {
		if got, err := ParseSeat(journal.Record{Value: []byte(bad)}); err == nil {
			t.Errorf("%q is %+v", bad, got)
		}
	}
	for _, bad := range []string{"", "[]", `{"size":"x"}`} {
		if got, err := ParseRoom(journal.Record{Value: []byte(bad)}); err == nil {
			t.Errorf("%q is %+v", bad, got)
		}
	}
}

func TestNames(t *testing.T) {
	names := []string{
		DirectName("d-*", "ann", "ben"), DirectName("d-*", "an", "nben"), DirectName("d-*", "ben", "cy"),
		GroupName("d-*", "ann", "ben"), GroupName("d-*", "ann", "k"), GroupName("g-*-x", "ann", "k"),
	}
	if DirectName("d-*", "ben", "ann") != names[0] {
		t.Error("a conversation of two has two names")
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) || len(name) < 28 || len(name) > 30 {
			t.Errorf("%q", name)
		}
		ps := access.Policies{{Pattern: "d-*", Direct: true}, {Pattern: "g-*-x"}}
		if p := ps.Conversation(name); (p == nil) != (name[0] == 'g') {
			t.Errorf("%q belongs to %+v", name, p)
		}
	}
}
