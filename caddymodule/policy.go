package caddymodule

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat/access"
)

// Policy says who may do what in the rooms whose names match a pattern. Only the
// first policy that matches a room applies to it. Only somebody whose token
// grants it may enter a room that no policy matches. Without any policy every room is open to everybody.
//
// Who may is a list of `anyone`, `guests`, `users` (everybody except guests), `{user}`
// (the user whose id is in the room's name where the pattern has `{user}`), `members`
// and `admins` (who belongs to the room) and `claim=value` (users whose token has this
// claim, as a string or in a list). Rooms whose policy names `members` or `admins`, or is
// `direct`, are conversations: users found them, and their entries say who belongs to them.
type Policy struct {
	// The pattern of room names: `*` matches anything, `{user}` a user's id. It must
	// not begin with `@`: rooms with such names belong to the server. Required.
	Pattern string `json:"pattern"`

	// Who may read; who may write; who may recall anybody's messages, mute, kick and
	// ban. Default: nobody. To write or moderate, one must be allowed to read, too.
	Read     []string `json:"read,omitempty"`
	Write    []string `json:"write,omitempty"`
	Moderate []string `json:"moderate,omitempty"`

	// Whether the rooms are conversations of two: the two read and write, and nobody
	// joins or leaves. Default: false.
	Direct bool `json:"direct,omitempty"`

	// Of conversations: who may found them, which needs a pattern with one `*`; who may
	// add others, beside those who moderate; who may add themselves. Default: nobody.
	Create []string `json:"create,omitempty"`
	Invite []string `json:"invite,omitempty"`
	OpenTo []string `json:"open_to,omitempty"`

	// How much of the past readers see. Default: everything that is kept.
	History History `json:"history,omitzero"`

	// How much is kept. Default: the retention of the journal.
	Retention journals.Retention `json:"retention,omitzero"`

	// How many users may be in one room at a time; or, in conversations, belong to it, up
	// to 5000. Default: any number, and 500 in conversations.
	MaxMembers int `json:"max_members,omitempty"`

	// Members of a conversation see how far the others have read, if it has at most so
	// many. By default nobody sees that.
	Receipts int `json:"receipts,omitempty" bounds:"2 5000"`

	// Whether users are not told who else is in the room. Default: false.
	NoPresence bool `json:"no_presence,omitempty"`

	// Whether clients of the raw dialect are refused. Default: false.
	NoRaw bool `json:"no_raw,omitempty"`
}

// History is how much of a room's past its readers see.
type History struct {
	// The number of newest entries; -1 for none.
	Entries int `json:"entries,omitempty" bounds:"-1 2147483647"`
	// The age of the oldest entry.
	Age caddy.Duration `json:"age,omitempty"`
	// Whether members see nothing of what was said before they became members. What was
	// said since then they always see.
	Joined bool `json:"joined,omitempty"`
}

// toPolicies converts the policies of a handler to those of its hub.
func toPolicies(configured []Policy) (access.Policies, error) {
	var list access.Policies
	for _, p := range configured {
		policy, err := p.toChat()
		if err != nil {
			return nil, fmt.Errorf("policy %q: %w", p.Pattern, err)
		}
		list = append(list, policy)
	}
	return list, list.Validate()
}

// validate returns an error for a policy that makes no sense by itself.
func (p *Policy) validate() error {
	_, err := toPolicies([]Policy{*p})
	return err
}

// validateOptions returns an error for an option that makes no sense by itself.
func (p *Policy) validateOptions() error {
	err := bounds.Check(p)
	policy, parseErr := p.toChat()
	if err = cmp.Or(err, parseErr); err != nil {
		return fmt.Errorf("policy %q: %w", p.Pattern, err)
	}
	return policy.ValidateOptions()
}

func (p *Policy) toChat() (policy access.Policy, err error) {
	policy = access.Policy{
		Pattern:    p.Pattern,
		Direct:     p.Direct,
		History:    access.History{Entries: p.History.Entries, Age: time.Duration(p.History.Age), Joined: p.History.Joined},
		Retention:  p.Retention.ToChat(),
		MaxMembers: p.MaxMembers,
		Receipts:   p.Receipts,
		NoPresence: p.NoPresence,
		NoRaw:      p.NoRaw,
	}
	for _, list := range []struct {
		from []string
		to   *[]access.Subject
	}{
		{p.Read, &policy.Read},
		{p.Write, &policy.Write},
		{p.Moderate, &policy.Moderate},
		{p.Create, &policy.Create},
		{p.Invite, &policy.Invite},
		{p.OpenTo, &policy.OpenTo},
	} {
		for _, text := range list.from {
			subject, err := access.ParseSubject(text)
			if err != nil {
				return policy, err
			}
			*list.to = append(*list.to, subject)
		}
	}
	return policy, nil
}

// parsePolicy reads one option policy. Syntax:
//
//	policy <pattern> {
//	    read        <who...>
//	    write       <who...>
//	    moderate    <who...>
//	    direct
//	    create      <who...>
//	    invite      <who...>
//	    open_to     <who...>
//	    history     none|joined|<count|age...>
//	    retention   <count|age|size...>
//	    max_members <number>
//	    receipts    <number>
//	    presence    on|off
//	    raw         on|off
//	}
func parsePolicy(d *caddyfile.Dispenser) (p Policy, err error) {
	if !d.NextArg() {
		return p, d.Err("chat: policy needs a pattern of room names")
	}
	p.Pattern = d.Val()
	raw := false // the policy has raw on
	err = values.Block(d, "policy", values.EachChecked(d, p.validateOptions, map[string]func() error{
		"read":        func() error { return values.List(d, &p.Read) },
		"write":       func() error { return values.List(d, &p.Write) },
		"moderate":    func() error { return values.List(d, &p.Moderate) },
		"direct":      func() error { p.Direct = true; return values.Nothing(d, "direct") },
		"create":      func() error { return values.List(d, &p.Create) },
		"invite":      func() error { return values.List(d, &p.Invite) },
		"open_to":     func() error { return values.List(d, &p.OpenTo) },
		"history":     func() error { return parseHistory(d, &p.History) },
		"retention":   func() error { return journals.ParseRetention(d, &p.Retention) },
		"max_members": func() error { return values.Number(d, &p, &p.MaxMembers) },
		"receipts":    func() error { return values.Number(d, &p, &p.Receipts) },
		"presence":    func() error { return values.Inverted(d, &p.NoPresence) },
		"raw":         func() error { err := values.Inverted(d, &p.NoRaw); raw = !p.NoRaw; return err },
	}))
	if policy, failed := p.toChat(); err == nil && failed == nil && raw && policy.IsConversation() {
		err = d.Errf("chat: policy %q: raw on contradicts the rest: raw clients never enter conversations", p.Pattern)
	}
	return p, values.Checked(d, err, p.validate)
}

// parseHistory reads none, joined, or a count, an age, or both. The form of each value tells
// which it is.
func parseHistory(d *caddyfile.Dispenser, to *History) error {
	texts := d.RemainingArgs()
	if len(texts) == 0 {
		return d.Err("chat: history needs a value, such as none, 100 or 30d")
	}
	for _, value := range texts {
		if value == "none" && len(texts) == 1 {
			to.Entries = -1
		} else if value == "joined" && len(texts) == 1 {
			to.Joined = true
		} else if n, err := values.WholeNumber(value); err == nil && to.Entries == 0 {
			to.Entries = n
		} else if age, err := caddy.ParseDuration(value); err == nil && bounds.Within(caddy.Duration(age)) && to.Age == 0 {
			to.Age = caddy.Duration(age)
		} else {
			return d.Errf("chat: history: %q does not fit: it takes none, joined, or one count %s and one age %s at most, such as 100 30d",
				value, bounds.Of[int](), bounds.Of[caddy.Duration]())
		}
	}
	return values.NoBlock(d, "history")
}
