package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Validate returns an error that names the first policy that makes no sense.
func (ps Policies) Validate() error {
	for i, p := range ps {
		if err := p.ValidateOptions(); err != nil {
			return err
		}
		if err := cmp.Or(p.validateConversation(), p.validateGuests()); err != nil {
			return err
		}
		for _, before := range ps[:i] {
			switch {
			case before.Pattern == p.Pattern:
				return fmt.Errorf("policy %q stands twice: only the first would apply", p.Pattern)
			case covers(before.Pattern, p.Pattern):
				return fmt.Errorf("policy %q never applies, because policy %q before it matches all its rooms: put it before that one", p.Pattern, before.Pattern)
			}
		}
	}
	return ps.validateNames()
}

// ValidateOptions returns an error if an option of the policy makes no sense, whatever
// the others are.
func (p *Policy) ValidateOptions() error {
	if err := CheckPattern(p.Pattern); err != nil {
		return err
	}
	if journal.IsReserved(p.Pattern) {
		return fmt.Errorf("policy %q: rooms whose names begin with @ belong to the server", p.Pattern)
	}
	if least := len(strings.NewReplacer("*", "", userSlot, "u").Replace(p.Pattern)); least > journal.MaxRoom {
		return fmt.Errorf("policy %q matches no room: their names have at most %d bytes, and this has %d", p.Pattern, journal.MaxRoom, least)
	}
	for _, list := range [][]Subject{p.Read, p.Write, p.Moderate, p.Create, p.Invite, p.OpenTo} {
		for i, s := range list {
			if slices.Contains(list[:i], s) {
				return fmt.Errorf("policy %q names %s twice in one list", p.Pattern, s)
			}
			if s.kind != anyone && s.kind != members && s.kind != admins && slices.Contains(list, Subject{kind: anyone}) { // members make it a conversation
				return fmt.Errorf("policy %q names anyone and %s in one list: anyone lets everybody, so remove one of them", p.Pattern, s)
			}
			if s.kind == 0 {
				return fmt.Errorf("policy %q has an empty subject", p.Pattern)
			}
			if s.kind == named && !strings.Contains(p.Pattern, userSlot) {
				return fmt.Errorf("policy %q: %s is nobody, since the pattern has no %s", p.Pattern, userSlot, userSlot)
			}
		}
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"max_members", int64(p.MaxMembers)},
		{"receipts", int64(p.Receipts)},
		{"history", int64(p.History.Age)},
		{"retention", int64(p.Retention.Count)},
		{"retention", int64(p.Retention.Age)},
		{"retention", p.Retention.Bytes},
	} {
		if n.value < 0 {
			return fmt.Errorf("policy %q: %s must not be negative", p.Pattern, n.name)
		}
	}
	return nil
}

// validateGuests returns an error if guests may do what they can't, because only users may
// read. A user who may not read here may have that right by a token; a guest never has.
// Of a policy without read, the site is warned anyway.
func (p *Policy) validateGuests() error {
	isGuests := func(s Subject) bool { return s.kind == guests }
	mayRead := len(p.Read) == 0 || slices.ContainsFunc(p.Read, func(s Subject) bool { return s.kind != users })
	if !mayRead && (slices.ContainsFunc(p.Write, isGuests) || slices.ContainsFunc(p.Moderate, isGuests)) {
		return fmt.Errorf("policy %q: guests may write or moderate and not read, and one needs the other: add guests to read", p.Pattern)
	}
	return nil
}

// maxFounded is the length of a pattern, in bytes, at most, whose rooms can be founded.
const maxFounded = 100

// nameLength is how many characters stand for the star in the name of a founded room;
// nameAlphabet has them.
const (
	nameLength   = 26
	nameAlphabet = "abcdefghijklmnopqrstuvwxyz234567"
)

// validateConversation returns what is wrong with the words that only conversations
// have.
func (p *Policy) validateConversation() error {
	for _, word := range []struct {
		name  string
		given bool
		fits  bool
		why   string
	}{
		{"create", len(p.Create) > 0, p.IsConversation(), "is for conversations: add direct, or members to read"},
		{"invite", p.Direct && len(p.Invite) > 0, false, "contradicts direct: nobody is added to the two"},
		{"invite", len(p.Invite) > 0, p.IsConversation(), "is for conversations: add members to read"},
		{"open_to", p.Direct && len(p.OpenTo) > 0, false, "contradicts direct: nobody is added to the two"},
		{"open_to", len(p.OpenTo) > 0, p.IsConversation(), "is for conversations: add members to read"},
		{"history joined", p.Direct && p.History.Joined, false, "contradicts direct: the two are there from the beginning"},
		{"history joined", p.History.Joined, p.IsConversation(), "is for conversations: add members to read"},
		{"receipts", p.Receipts > 0, p.IsConversation(), "is for conversations: add direct, or members to read"},
		{"receipts", p.Receipts == 1 || p.Receipts > MaxConversation, false, fmt.Sprintf("is from 2 to %d members: so many a conversation may have", MaxConversation)},
		{"invite", p.MaxMembers == 1 && len(p.Invite) > 0, false, "contradicts max_members 1: nobody can be added"},
		{"open_to", p.MaxMembers == 1 && len(p.OpenTo) > 0, false, "contradicts max_members 1: nobody can be added"},
		{"read", p.Direct && len(p.Read) > 0, false, "contradicts direct: the two read"},
		{"write", p.Direct && len(p.Write) > 0, false, "contradicts direct: the two write"},
		{"moderate", p.Direct && len(p.Moderate) > 0, false, "contradicts direct: nobody moderates"},
		{"max_members", p.Direct && p.MaxMembers > 0, false, "contradicts direct: there are two"},
		{"max_members", p.IsConversation() && p.MaxMembers > MaxConversation, false, fmt.Sprintf("is at most %d in conversations", MaxConversation)},
		{"create", namesMembers(p.Create), false, "names members or admins, but nobody is one before the conversation is founded: name users, guests or claim=value"},
		{"open_to", namesMembers(p.OpenTo), false, "names members or admins, who are there already: name users, guests or claim=value"},
	} {
		if word.given && !word.fits {
			return fmt.Errorf("policy %q: %s %s", p.Pattern, word.name, word.why)
		}
	}
	if p.Direct && len(p.Create) == 0 {
		return fmt.Errorf("policy %q: direct needs create: who may found conversations of two", p.Pattern)
	}
	if len(p.Create) == 0 {
		return nil
	}
	if strings.Count(p.Pattern, "*") != 1 || strings.Contains(p.Pattern, userSlot) || len(p.Pattern) > maxFounded {
		return fmt.Errorf("policy %q: create needs a pattern with one * and without {user}, of at most %d bytes", p.Pattern, maxFounded)
	}
	return nil
}

// EachDoubt calls f with what is rarely meant of a policy, and its pattern. onlyGuests says
// that nobody else can come in.
func (ps Policies) EachDoubt(onlyGuests bool, f func(pattern, why string)) {
	for _, p := range ps {
		switch {
		case len(p.Read) == 0 && !p.Direct:
			f(p.Pattern, "a policy has no read: only users whose token grants it may enter its rooms")
		case len(p.Create) == 0 && p.IsConversation():
			f(p.Pattern, "a policy for conversations has no create: nobody can found one, so there are only those that are imported")
		case onlyGuests && !p.Direct && !includes(p.Read, &unknown, true, Owner):
			f(p.Pattern, "only guests can come in, and a policy lets none of them read: name anyone or guests at read, or add a method of auth")
		case p.Receipts > p.Seats():
			f(p.Pattern, "receipts of a policy are for more members than max_members lets in")
		case p.Retention.Count > 0 && p.History.Entries > p.Retention.Count, p.Retention.Age > 0 && p.History.Age > p.Retention.Age:
			f(p.Pattern, "history of a policy shows more messages than its retention keeps")
		case onlyGuests && len(p.Create) > 0 && !includes(p.Create, &unknown, false, NoRole):
			f(p.Pattern, "only guests can come in, and a policy lets none of them found conversations: name anyone or guests at create, or add a method of auth")
		}
	}
}

// validateNames returns an error if a room that one policy founds would belong to an
// earlier one.
func (ps Policies) validateNames() error {
	for i, p := range ps {
		if len(p.Create) == 0 {
			continue
		}
		for _, before := range ps[:i] {
			if matchesFounded(before.Pattern, p.Pattern) {
				return fmt.Errorf("policy %q: rooms that are created for it could belong to policy %q, which stands before it", p.Pattern, before.Pattern)
			}
		}
	}
	return nil
}

// matchesFounded reports whether a pattern matches a name that could be made for the
// pattern founded. Any text may stand for {user}.
func matchesFounded(pattern, founded string) bool {
	if journal.IsReserved(founded) && !journal.IsReserved(pattern) {
		return false
	}
	const star, letter = '*', 0 // no name has a control character
	name := strings.Replace(founded, "*", strings.Repeat(string(rune(letter)), nameLength), 1)
	pattern = strings.ReplaceAll(pattern, userSlot, "*")
	// row[j]: what was looked at of pattern fits name[:j].
	row := make([]bool, len(name)+1)
	row[0] = true
	for _, c := range []byte(pattern) {
		next := make([]bool, len(name)+1)
		for j := range next {
			switch {
			case c == star:
				next[j] = row[j] || j > 0 && next[j-1]
			case j == 0 || !row[j-1]:
			case name[j-1] == letter:
				next[j] = strings.IndexByte(nameAlphabet, c) >= 0
			default:
				next[j] = name[j-1] == c
			}
		}
		row = next
	}
	return row[len(name)]
}

// Founding returns the policy whose rooms somebody may found: of two users if direct,
// and with this pattern, or else the first one. It returns false if there is none.
func (ps Policies) Founding(id *Identity, direct bool, pattern string) (*Policy, bool) {
	if id == nil {
		id = &unknown
	}
	for i := range ps {
		p := &ps[i]
		if p.Direct == direct && (pattern == "" || pattern == p.Pattern) && includes(p.Create, id, false, NoRole) {
			return p, true
		}
	}
	return nil, false
}

// Directs returns the patterns of conversations of two.
func (ps Policies) Directs() (patterns []string) {
	for i := range ps {
		if ps[i].Direct {
			patterns = append(patterns, ps[i].Pattern)
		}
	}
	return patterns
}

// Listing returns a text that differs where Lists does, or which conversations are of two: what
// decides which rows a user's list has.
func (ps Policies) Listing() string {
	var b strings.Builder
	for i := range ps {
		p := &ps[i]
		fmt.Fprintf(&b, "%q", p.Pattern) // also of other rooms: the first that matches applies
		if p.IsConversation() {
			fmt.Fprintf(&b, " %t %q", p.Direct, p.Read)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// HaveConversations reports whether any room can be a conversation.
func (ps Policies) HaveConversations() bool {
	return slices.ContainsFunc(ps, func(p Policy) bool { return p.IsConversation() })
}

// Conversation returns the policy of a room if it is a conversation, or nil.
func (ps Policies) Conversation(room string) *Policy {
	if p, _ := ps.find(room, ""); p != nil && p.IsConversation() {
		return p
	}
	return nil
}
