package access

import (
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func subjectsOf(t testing.TB, list string) (found []Subject) {
	t.Helper()
	for _, text := range strings.Fields(list) {
		s, err := ParseSubject(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != text {
			t.Errorf("%q became %q", text, s)
		}
		found = append(found, s)
	}
	return found
}

// site is a site's policies: a notice board, inboxes, chats of two, a support
// desk and a room for guests.
func site(t testing.TB) Policies {
	ps := Policies{
		{Pattern: "board", Read: subjectsOf(t, "anyone"), Write: subjectsOf(t, "role=staff"), NoPresence: true},
		{Pattern: "inbox-{user}", Read: subjectsOf(t, "{user}"), Write: subjectsOf(t, "users")},
		{Pattern: "{user}/*", Read: subjectsOf(t, "{user}"), Write: subjectsOf(t, "{user}"), NoRaw: true, MaxMembers: 2},
		{
			Pattern: "support-*", Read: subjectsOf(t, "users"), Write: subjectsOf(t, "users"),
			Moderate: subjectsOf(t, "role=staff sub=ann"), History: History{Entries: 100, Age: time.Hour}, Retention: journal.Retention{Age: time.Minute},
		},
		{Pattern: "porch", Read: subjectsOf(t, "guests"), Write: subjectsOf(t, "guests")},
	}
	if err := ps.Validate(); err != nil {
		t.Fatal(err)
	}
	return append(ps, Policy{Pattern: "support-closed"}) // behind support-*, so of no effect
}

func TestPolicies_For(t *testing.T) {
	ps := site(t)
	people := map[string]*Identity{
		"stranger": nil,
		"guest":    {User: journal.User{ID: "guest~1", Guest: true}},
		"ann":      {User: journal.User{ID: "ann"}},
		"staff":    {User: journal.User{ID: "bo"}, Claims: map[string][]string{"role": {"user", "staff"}}},
		"granted": {User: journal.User{ID: "cy"}, Grants: &Grants{
			Read: []string{"vault", "{user}-*", "board"}, Write: []string{"vault", "board"}, Moderate: []string{"support-1"},
		}},
		"liar": {User: journal.User{ID: "dee"}, Claims: map[string][]string{"sub": {"ann"}, "role": {"staffer"}}},
	}
	const (
		r   = "r"
		w   = "w"
		m   = "m"
		rw  = r + w
		rwm = rw + m
	)
	for _, c := range []struct{ who, room, want string }{
		{"stranger", "board", r}, {"guest", "board", r}, {"ann", "board", r}, {"staff", "board", rw}, {"granted", "board", rw},

		{"ann", "inbox-ann", rw}, {"ann", "inbox-bo", w}, {"guest", "inbox-guest~1", r}, {"guest", "inbox-ann", ""},
		{"stranger", "inbox-", ""}, {"stranger", "inbox-ann", ""},

		{"ann", "ann/bo", rw}, {"staff", "ann/bo", ""}, {"granted", "ann/bo", ""}, {"guest", "guest~1/bo", rw},

		{"ann", "support-1", rwm}, {"staff", "support-1", rwm}, {"granted", "support-1", rwm}, {"liar", "support-1", rw},
		{"guest", "support-1", ""}, {"ann", "support-closed", rwm},

		{"stranger", "porch", rw}, {"guest", "porch", rw}, {"ann", "porch", ""},

		{"ann", "elsewhere", ""}, {"staff", "elsewhere", ""}, {"guest", "elsewhere", ""},
		{"granted", "vault", rw}, {"granted", "cy-notes", r}, {"granted", "ann-notes", ""},

		{"staff", "", ""}, {"granted", "", ""}, // no policy for the whole hub
	} {
		rights := ps.For(people[c.who], c.room, NoRole)
		got := ""
		for _, right := range []struct {
			has  bool
			name string
		}{{rights.Read, r}, {rights.Write, w}, {rights.Moderate, m}} {
			if right.has {
				got += right.name
			}
		}
		if got != c.want {
			t.Errorf("%s in %q: %q, want %q", c.who, c.room, got, c.want)
		}
	}
}

func TestPolicies_For_HowARoomIsShown(t *testing.T) {
	ps := site(t)
	id := &Identity{User: journal.User{ID: "cy"}, Grants: &Grants{Read: []string{"vault", "support-1"}}}
	for room, want := range map[string]Rights{
		"support-1": {Read: true, Write: true, Presence: true, Raw: true, History: History{Entries: 100, Age: time.Hour}},
		"vault":     {Read: true, Presence: true, Raw: true},
		"board":     {Read: true, Raw: true},
		"a/b":       {Presence: true, MaxMembers: 2},
	} {
		if got := ps.For(id, room, NoRole); got != want {
			t.Errorf("%s: %+v, want %+v", room, got, want)
		}
	}
	if keep, ok := ps.Retention("support-9"); !ok || keep != (journal.Retention{Age: time.Minute}) {
		t.Errorf("support-9 is kept %+v, %v", keep, ok)
	}
	for _, room := range []string{"board", "nowhere"} {
		if keep, ok := ps.Retention(room); ok {
			t.Errorf("%s is kept %+v by no policy", room, keep)
		}
	}
}

func TestPolicies_WithoutAny(t *testing.T) {
	var none Policies
	open := Rights{Read: true, Write: true, Presence: true, Raw: true}
	for _, id := range []*Identity{nil, {User: journal.User{ID: "ann"}}, {User: journal.User{ID: "guest~1", Guest: true}}} {
		if got := none.For(id, "any", NoRole); got != open {
			t.Errorf("%+v may %+v", id, got)
		}
	}
	granted := &Identity{User: journal.User{ID: "cy"}, Grants: &Grants{Read: []string{"a*"}, Moderate: []string{"*"}}}
	if got := none.For(granted, "any", NoRole); !got.Read || got.Write || !got.Moderate {
		t.Errorf("granted: %+v", got)
	}
	if got := none.For(granted, "other", NoRole); got.Read || got.Write {
		t.Errorf("not granted: %+v", got)
	}
	if got := none.For(&Identity{User: journal.User{ID: "cy"}, Grants: &Grants{}}, "any", NoRole); got.Read || got.Write {
		t.Errorf("granted nothing: %+v", got)
	}
}

// The name of no room is the hub: only a policy for every room speaks of it.
func TestPolicies_TheWholeHub(t *testing.T) {
	staff := &Identity{User: journal.User{ID: "bo"}, Claims: map[string][]string{"role": {"staff"}}}
	narrow := Policies{{Pattern: "support-*", Moderate: subjectsOf(t, "role=staff")}}
	wide := append(narrow, Policy{Pattern: "*", Moderate: subjectsOf(t, "role=staff")})
	if narrow.For(staff, "", NoRole).Moderate {
		t.Error("a moderator of some rooms moderates the hub")
	}
	if !wide.For(staff, "", NoRole).Moderate {
		t.Error("a moderator of every room does not moderate the hub")
	}
}

func TestPolicies_Validate(t *testing.T) {
	for want, ps := range map[string]Policies{
		"pattern is empty":                {{}},
		"braces are for {user} only":      {{Pattern: "a-{usr}"}},
		`policy "a" stands twice`:         {{Pattern: "a"}, {Pattern: "b"}, {Pattern: "a"}},
		`"support-1" never applies`:       {{Pattern: "b"}, {Pattern: "support-*"}, {Pattern: "support-1"}},
		`"a" never applies`:               {{Pattern: "*"}, {Pattern: "a"}},
		`"in-{user}" never applies`:       {{Pattern: "in-*"}, {Pattern: "in-{user}"}},
		`"a*b*c" never applies`:           {{Pattern: "a*c"}, {Pattern: "a*b*c"}},
		`"u-x*" never applies`:            {{Pattern: "u-{user}"}, {Pattern: "u-x*"}},
		`"u-{user}-log" never applies`:    {{Pattern: "u-{user}"}, {Pattern: "u-{user}-log"}},
		`"a-*x-b" never applies`:          {{Pattern: "a-{user}-b"}, {Pattern: "a-*x-b"}},
		"names anyone and users in one":   {{Pattern: "a", Read: subjectsOf(t, "anyone users")}},
		"names anyone and role=a in one":  {{Pattern: "a", Write: subjectsOf(t, "role=a anyone")}},
		"{user} is nobody":                {{Pattern: "a", Read: subjectsOf(t, "{user}")}},
		"empty subject":                   {{Pattern: "a", Write: []Subject{{}}}},
		"begin with @ belong to the serv": {{Pattern: "@*"}},
		"max_members must not be":         {{Pattern: "a", MaxMembers: -1}},
		"history must not be":             {{Pattern: "a", History: History{Age: -1}}},
		"retention must not be negative":  {{Pattern: "a", Retention: journal.Retention{Count: -1}}},
		`"b": retention must not be nega`: {{Pattern: "b", Retention: journal.Retention{Age: -1}}},
		`"c": retention must not be nega`: {{Pattern: "c", Retention: journal.Retention{Bytes: -1}}},
	} {
		if err := ps.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A policy that matches less may stand before one that matches more.
func TestPolicies_Validate_Accepts(t *testing.T) {
	for _, ps := range []Policies{
		{{Pattern: "support-1"}, {Pattern: "support-*"}, {Pattern: "*"}},
		{{Pattern: "in-{user}"}, {Pattern: "in-*"}},
		{{Pattern: "a*b*c"}, {Pattern: "a*c"}},
		{{Pattern: "**"}, {Pattern: "*"}}, // which is for the whole hub, too
		{{Pattern: "*-a"}, {Pattern: "b-*"}},
		{{Pattern: "u-{user}"}, {Pattern: "u-*"}}, // also of u-
		{{Pattern: "a{user}a"}, {Pattern: "a*a"}}, // also of aa
		{{Pattern: "{user}"}, {Pattern: "*"}},
		{{Pattern: "{user}-b"}, {Pattern: "*-c"}},
		{{Pattern: "{user}/*"}, {Pattern: "{user}/x*"}}, // also of /x/x, whose user is /x
		{{Pattern: "a", Read: subjectsOf(t, "anyone members")}},
	} {
		if err := ps.Validate(); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestParseSubject_Refuses(t *testing.T) {
	for text, want := range map[string]string{
		"":          "is not anyone",
		"everybody": "is not anyone",
		"Users":     "is not anyone",
		"=x":        "needs a claim and a value",
		"role=":     "needs a claim and a value",
		"role=a\nb": "control character",
		"name=Li":   "can never match: policies are not told of the claims name, avatar, chat, exp, nbf, iat",
		"exp=5":     "can never match",
	} {
		if _, err := ParseSubject(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestPolicies_For_AllocatesNothing(t *testing.T) {
	ps := site(t)
	id := &Identity{User: journal.User{ID: "cy"}, Grants: &Grants{Read: []string{"vault", "{user}-*"}}}
	if n := testing.AllocsPerRun(100, func() { ps.For(id, "ann/cy", NoRole) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPolicies_For(b *testing.B) {
	var ps Policies
	for _, p := range []string{"board", "news", "inbox-{user}", "{user}/*", "a-*", "b-*", "c-*-c", "d", "e", "support-*"} {
		ps = append(ps, Policy{Pattern: p, Read: subjectsOf(b, "users")})
	}
	id := &Identity{User: journal.User{ID: "ann"}}
	b.ReportAllocs()
	for b.Loop() {
		if !ps.For(id, "support-1", NoRole).Read {
			b.Fatal("refused")
		}
	}
}
