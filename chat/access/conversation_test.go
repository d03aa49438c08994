package access

import (
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// app is the policies of a site with conversations.
func app(t testing.TB) Policies {
	ps := Policies{
		{Pattern: "d-*", Direct: true, Create: subjectsOf(t, "users")},
		{
			Pattern: "g-*", Read: subjectsOf(t, "members"), Write: subjectsOf(t, "members"), Moderate: subjectsOf(t, "admins"),
			Create: subjectsOf(t, "users"), Invite: subjectsOf(t, "members"), History: History{Joined: true},
		},
		{
			Pattern: "c-*", Read: subjectsOf(t, "users"), Write: subjectsOf(t, "admins"), Moderate: subjectsOf(t, "admins"),
			Create: subjectsOf(t, "role=staff"), OpenTo: subjectsOf(t, "users"), MaxMembers: 3,
		},
		{Pattern: "live-*", Read: subjectsOf(t, "anyone"), Write: subjectsOf(t, "users")},
	}
	if err := ps.Validate(); err != nil {
		t.Fatal(err)
	}
	return ps
}

func TestPolicies_For_Conversations(t *testing.T) {
	ps := app(t)
	ann := &Identity{User: journal.User{ID: "ann"}}
	for _, c := range []struct {
		room string
		role Role
		want string // read, write, moderate, invite, add oneself
	}{
		{"d-1", NoRole, ""}, {"d-1", Member, "rw"}, {"d-1", Owner, "rw"},
		{"g-1", NoRole, ""}, {"g-1", Member, "rwi"}, {"g-1", Admin, "rwmi"}, {"g-1", Owner, "rwmi"},
		{"c-1", NoRole, "ro"}, {"c-1", Member, "ro"}, {"c-1", Admin, "rwmio"}, {"c-1", Owner, "rwmio"},
		{"live-1", NoRole, "rw"}, {"live-1", Owner, "rw"},
	} {
		r := ps.For(ann, c.room, c.role)
		got := ""
		for _, right := range []struct {
			has  bool
			name string
		}{{r.Read, "r"}, {r.Write, "w"}, {r.Moderate, "m"}, {r.Invite, "i"}, {r.Open, "o"}} {
			if right.has {
				got += right.name
			}
		}
		if got != c.want {
			t.Errorf("a user with the role %s in %s: %q, want %q", c.role, c.room, got, c.want)
		}
		if conversation := c.room != "live-1"; r.Conversation != conversation || r.Raw == conversation {
			t.Errorf("%s: %+v", c.room, r)
		}
	}
	for room, want := range map[string]int{"d-1": 2, "g-1": DefaultMembers, "c-1": 3, "live-1": 0} {
		if got := ps.For(ann, room, Member).MaxMembers; got != want {
			t.Errorf("%s has %d seats, want %d", room, got, want)
		}
	}
}

func TestPolicies_Founding(t *testing.T) {
	ps := app(t)
	ann := &Identity{User: journal.User{ID: "ann"}}
	staff := &Identity{User: journal.User{ID: "bo"}, Claims: map[string][]string{"role": {"staff"}}}
	for _, c := range []struct {
		id      *Identity
		direct  bool
		pattern string
		want    string
	}{
		{nil, true, "", ""}, {nil, false, "", ""},
		{ann, true, "", "d-*"}, {ann, false, "", "g-*"}, {ann, false, "g-*", "g-*"}, {ann, false, "c-*", ""},
		{ann, false, "d-*", ""}, {ann, true, "g-*", ""}, {ann, false, "live-*", ""}, {ann, false, "nowhere", ""},
		{staff, false, "c-*", "c-*"},
	} {
		got := ""
		if p, ok := ps.Founding(c.id, c.direct, c.pattern); ok {
			got = p.Pattern
		}
		if got != c.want {
			t.Errorf("%+v, direct %v, %q: founds %q, want %q", c.id, c.direct, c.pattern, got, c.want)
		}
	}
}

func TestPolicies_Validate_Conversations(t *testing.T) {
	who := func(list string) []Subject { return subjectsOf(t, list) }
	for want, ps := range map[string]Policies{
		"create is for conversations":           {{Pattern: "a-*", Read: who("users"), Create: who("users")}},
		"invite is for conversations":           {{Pattern: "a-*", Read: who("users"), Invite: who("users")}},
		"invite contradicts direct":             {{Pattern: "a-*", Direct: true, Create: who("users"), Invite: who("members")}},
		"open_to contradicts direct":            {{Pattern: "a-*", Direct: true, Create: who("users"), OpenTo: who("users")}},
		"history joined contradicts direct":     {{Pattern: "a-*", Direct: true, Create: who("users"), History: History{Joined: true}}},
		"create names members or admins":        {{Pattern: "a-*", Read: who("members"), Create: who("users members")}},
		"nobody is one before":                  {{Pattern: "a-*", Direct: true, Create: who("admins")}},
		"open_to names members or admins":       {{Pattern: "a-*", Read: who("members"), Create: who("users"), OpenTo: who("admins")}},
		"open_to is for conversations":          {{Pattern: "a-*", Read: who("users"), OpenTo: who("users")}},
		"history joined is for conversations":   {{Pattern: "a-*", Read: who("users"), History: History{Joined: true}}},
		"read contradicts direct":               {{Pattern: "a-*", Direct: true, Create: who("users"), Read: who("users")}},
		"write contradicts direct":              {{Pattern: "a-*", Direct: true, Create: who("users"), Write: who("users")}},
		"moderate contradicts direct":           {{Pattern: "a-*", Direct: true, Create: who("users"), Moderate: who("users")}},
		"max_members contradicts direct":        {{Pattern: "a-*", Direct: true, Create: who("users"), MaxMembers: 2}},
		"receipts is from 2 to 5000":            {{Pattern: "a-*", Read: who("members"), Receipts: 1}},
		"receipts is from 2 to 5000 members":    {{Pattern: "a-*", Direct: true, Create: who("users"), Receipts: 5001}},
		"invite contradicts max_members 1":      {{Pattern: "a-*", Read: who("members"), Invite: who("members"), MaxMembers: 1}},
		"open_to contradicts max_members 1":     {{Pattern: "a-*", Read: who("members"), OpenTo: who("users"), MaxMembers: 1}},
		"direct needs create":                   {{Pattern: "a-*", Direct: true}},
		"max_members is at most 5000":           {{Pattern: "a-*", Read: who("members"), MaxMembers: 5001}},
		"with one *":                            {{Pattern: "a", Direct: true, Create: who("users")}},
		"without {user}":                        {{Pattern: "{user}-*", Read: who("members"), Create: who("users")}},
		"at most 100 bytes":                     {{Pattern: strings.Repeat("a", 100) + "*", Read: who("members"), Create: who("users")}},
		`because policy "a-*" before it`:        {{Pattern: "a-*", Read: who("users")}, {Pattern: "a-b-*", Direct: true, Create: who("users")}},
		`"*x*", which stands before it`:         {{Pattern: "*x*", Read: who("users")}, {Pattern: "d-*", Direct: true, Create: who("users")}},
		`"d-a{user}", which stands before it`:   {{Pattern: "d-a{user}", Read: who("users")}, {Pattern: "d-*", Direct: true, Create: who("users")}},
		`"d-abcdefghijklmnopqrstuvwxyz", which`: {{Pattern: "d-abcdefghijklmnopqrstuvwxyz", Read: who("users")}, {Pattern: "d-*", Direct: true, Create: who("users")}},
	} {
		if err := ps.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, before := range []string{"d-vip", "d-1*", "D-*", "d-*-x", "d-A{user}", "x*", "d-" + strings.Repeat("a", 27), "*0*"} {
		ps := Policies{{Pattern: before, Read: who("users")}, {Pattern: "d-*", Direct: true, Create: who("users")}}
		if err := ps.Validate(); err != nil {
			t.Errorf("before d-*: %v", err)
		}
	}
}

func TestParseRole(t *testing.T) {
	for r, name := range map[Role]string{NoRole: "none", Member: "member", Admin: "admin", Owner: "owner"} {
		if got, err := ParseRole(name); err != nil || got != r || r.String() != name {
			t.Errorf("%q is %v, %v; %v is %q", name, got, err, r, r.String())
		}
	}
	if _, err := ParseRole("king"); err == nil {
		t.Error("king is a role")
	}
}

// What decides which rows a list has makes another text, and nothing else does.
func TestPolicies_Listing(t *testing.T) {
	seen := map[string]string{app(t).Listing(): "as they are"}
	for what, change := range map[string]func(Policies) Policies{
		"another pattern":           func(ps Policies) Policies { ps[1].Pattern = "h-*"; return ps },
		"another pattern of a room": func(ps Policies) Policies { ps[3].Pattern = "g-1"; return ps },
		"another order":             func(ps Policies) Policies { ps[0], ps[1] = ps[1], ps[0]; return ps },
		"one less":                  func(ps Policies) Policies { return ps[1:] },
		"others read":               func(ps Policies) Policies { ps[1].Read = subjectsOf(t, "admins"); return ps },
		"a claim and others read": func(ps Policies) Policies {
			ps[1].Read = append(subjectsOf(t, "sub=ann"), subjectsOf(t, "admins")...)
			return ps
		},
		"a conversation of two":     func(ps Policies) Policies { ps[1].Direct = true; return ps },
		"no conversation":           func(ps Policies) Policies { ps[2] = Policy{Pattern: "c-*", Read: ps[2].Read}; return ps },
		"a conversation by a right": func(ps Policies) Policies { ps[3].Invite = subjectsOf(t, "members"); return ps },
	} {
		listing := change(app(t)).Listing()
		if same := seen[listing]; same != "" {
			t.Errorf("%s: as %s", what, same)
		}
		seen[listing] = what
	}
	same := app(t)
	same[0].Create, same[1].Invite, same[1].History, same[1].MaxMembers = subjectsOf(t, "guests"), nil, History{}, 9
	same[1].NoPresence, same[2].Write, same[2].OpenTo, same[3].Read = true, subjectsOf(t, "members"), nil, nil
	if what := seen[same.Listing()]; what != "as they are" {
		t.Errorf("other rights make another text, %q", what)
	}
}
