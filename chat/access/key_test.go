package access

import (
	"net/netip"
	"strings"
	"testing"
)

func secretOf(t *testing.T, text string) Secret {
	t.Helper()
	s, err := NewSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const aSecret, otherSecret = "a-secret-of-thirty-two-characters", "another-one-of-thirty-two-characters"

func TestKeys_Validate(t *testing.T) {
	one, two := secretOf(t, aSecret), secretOf(t, otherSecret)
	good := Key{Name: "orders", Secrets: []Secret{one}, Read: []string{"*"}}
	for name, c := range map[string]struct {
		change func(*Key)
		want   string
	}{
		"nothing":        {func(*Key) {}, ""},
		"no name":        {func(k *Key) { k.Name = "" }, "1 to 31 letters"},
		"a slash":        {func(k *Key) { k.Name = "a/b" }, "1 to 31 letters"},
		"a long name":    {func(k *Key) { k.Name = strings.Repeat("a", 32) }, "1 to 31 letters"},
		"no secret":      {func(k *Key) { k.Secrets = nil }, "no secret"},
		"a secret twice": {func(k *Key) { k.Secrets = []Secret{one, one} }, "twice"},
		"no scope":       {func(k *Key) { k.Read = nil }, "may do nothing"},
		"as alone":       {func(k *Key) { k.Read, k.As = nil, []string{"*"} }, "may do nothing"},
		"users alone":    {func(k *Key) { k.Read, k.Users = nil, true }, ""},
		"feed alone":     {func(k *Key) { k.Read, k.Feed = nil, true }, "hear nothing"},
		"feed of users":  {func(k *Key) { k.Read, k.Feed = []string{"@*"}, true }, ""},
		"rooms twice":    {func(k *Key) { k.Write = []string{"a", "b", "a"} }, "write has \"a\" twice"},
		"from twice": {func(k *Key) {
			k.From = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
		}, "from has 10.0.0.0/8 twice"},
		"a slot":   {func(k *Key) { k.Write = []string{"inbox-{user}"} }, "{user} is for policies"},
		"a brace":  {func(k *Key) { k.Members = []string{"{x}"} }, "braces"},
		"as a bot": {func(k *Key) { k.As = []string{"bot-x"} }, "belong to the server"},
		"a host":   {func(k *Key) { k.From = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")} }, "not a network"},
	} {
		k := good
		c.change(&k)
		err := Keys{k}.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	other := good
	other.Secrets = []Secret{two}
	if err := (Keys{good, other}).Validate(); err == nil || !strings.Contains(err.Error(), "stands twice") {
		t.Errorf("two of a name: %v", err)
	}
	other.Name, other.Secrets = "shop", []Secret{two, one}
	if err := (Keys{good, other}).Validate(); err == nil || !strings.Contains(err.Error(), "a secret of key") {
		t.Errorf("two of a secret: %v", err)
	}
	for _, text := range []string{"", strings.Repeat("a", 31), strings.Repeat("a", 32) + " ", strings.Repeat("ä", 32)} {
		if _, err := NewSecret(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestKeys_Find_EachSecret(t *testing.T) {
	ks := Keys{{Name: "a", Secrets: []Secret{secretOf(t, aSecret), secretOf(t, otherSecret)}}, {Name: "b", Secrets: []Secret{secretOf(t, strings.Repeat("b", 32))}}}
	for text, want := range map[string]string{aSecret: "a", otherSecret: "a", strings.Repeat("b", 32): "b", "": "", aSecret + "x": "", aSecret[1:]: ""} {
		got := ""
		if k := ks.Find(text); k != nil {
			got = k.Name
		}
		if got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// What a key may do is said by its scopes, and by nothing else.
func TestPolicies_ForKey(t *testing.T) {
	ps := Policies{{Pattern: "g-*", Read: subjectsOf(t, "members")}, {Pattern: "*"}}
	k := Key{Name: "k", Read: []string{"g-*"}, Write: []string{"*", "@*"}, Moderate: []string{"*"}, Members: []string{"g-1"}, As: []string{"u-*"}}
	for room, want := range map[string]Rights{
		"g-1":    {Read: true, Write: true, Moderate: true, Invite: true, Presence: true, Conversation: true, MaxMembers: DefaultMembers},
		"tea":    {Write: true, Moderate: true, Presence: true},
		"@ann":   {Write: true, Presence: true},
		"@":      {Presence: true},
		"@hub-1": {Presence: true},
		"@bot-k": {Presence: true},
		"":       {Write: true, Moderate: true, Presence: true},
	} {
		if got := ps.ForKey(&k, room); got != want {
			t.Errorf("%q: %+v", room, got)
		}
	}
	k.Moderate = []string{"t*"}
	if ps.ForKey(&k, "").Moderate {
		t.Error("a pattern of rooms means the hub")
	}
	for user, want := range map[string]bool{"u-1": true, "u": false, "bot-k": false, "": false} {
		if k.MayActAs(user) != want {
			t.Errorf("as %q", user)
		}
	}
	k.As, k.Members = []string{"u7", "a*z"}, []string{"tea", "o-*-x"}
	for user, want := range map[string]bool{"u7": true, "u70": false, "u": false, "xu7": false, "U7": false, "az": true, "abcz": true, "abczx": false, "xaz": false} {
		if k.MayActAs(user) != want {
			t.Errorf("as %q", user)
		}
	}
	for room, want := range map[string]bool{"tea": true, "teapot": false, "sweet tea": false, "Tea": false, "o--x": true, "o-1-x": true, "o-1-xx": false, "xo-1-x": false, "o-x": false, "": false} {
		if k.Governs(room) != want {
			t.Errorf("members of %q: not %v", room, want)
		}
	}
	k.As = []string{"*"}
	if k.MayActAs("bot-other") || k.MayActAs("hub-1") {
		t.Error("a key acts as another")
	}
}

func TestKey_MayComeFrom(t *testing.T) {
	k := Key{From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("fe90::/16")}}
	for addr, want := range map[string]bool{"10.1.2.3": true, "fe90::1%eth0": true, "fe80::1%eth0": false, "::ffff:10.1.2.3": true, "11.0.0.1": false, "fd00::1": true, "fe80::1": false} {
		if k.MayComeFrom(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s: not %v", addr, want)
		}
	}
	if k.MayComeFrom(netip.Addr{}) {
		t.Error("an unknown address is in a network")
	}
	if !(&Key{}).MayComeFrom(netip.Addr{}) {
		t.Error("a key without networks is bound to one")
	}
}
