package caddymodule

import (
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/chat"
)

// Policy says who may do what in the rooms whose names fit a pattern. The first
// that a room fits says all there is to say of it; a room that fits none is
// nobody's. Without any policy every room is open to everybody.
//
// Who is a list of `anyone`, `guests`, `users` (everybody but guests), `{user}`
// (whose id stands in the room's name, where the pattern has `{user}`) and
// `claim=value` (whose token has this claim, as a text or in a list).
type Policy struct {
	// What the rooms' names look like: `*` stands for anything, `{user}` for a
	// user's id. Required.
	Pattern string `json:"pattern"`

	// Who may read, write, and take back anybody's messages, mute, kick and ban.
	// Default: nobody. Who writes or moderates needs to read, too.
	Read     []string `json:"read,omitempty"`
	Write    []string `json:"write,omitempty"`
	Moderate []string `json:"moderate,omitempty"`

	// How far back readers see. Default: all that is kept.
	History History `json:"history,omitzero"`

	// How much is kept. Default: as much as the journal says.
	Retention Retention `json:"retention,omitzero"`

	// How many members there may be in one room. Default: any number.
	MaxMembers int `json:"max_members,omitempty"`

	// Whether members are kept from knowing who the others are. Default: false.
	NoPresence bool `json:"no_presence,omitempty"`

	// Whether clients of the raw dialect are kept out. Default: false.
	NoRaw bool `json:"no_raw,omitempty"`
}

// History is how far back a room is shown.
type History struct {
	// So many of the newest entries; below 0 for none.
	Entries int `json:"entries,omitempty"`
	// Those so old at most.
	Age caddy.Duration `json:"age,omitempty"`
}

// policies translates the policies for the hub.
func (h *Handler) policies() (chat.Policies, error) {
	var list chat.Policies
	for _, p := range h.Policies {
		policy, err := p.chat()
		if err != nil {
			return nil, fmt.Errorf("chat: policy %q: %w", p.Pattern, err)
		}
		list = append(list, policy)
	}
	if err := list.Validate(); err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	return list, nil
}

func (p *Policy) chat() (policy chat.Policy, err error) {
	policy = chat.Policy{
		Pattern:    p.Pattern,
		History:    chat.History{Entries: p.History.Entries, Age: time.Duration(p.History.Age)},
		Retention:  p.Retention.chat(),
		MaxMembers: p.MaxMembers,
		NoPresence: p.NoPresence,
		NoRaw:      p.NoRaw,
	}
	for _, list := range []struct {
		from []string
		to   *[]chat.Subject
	}{{p.Read, &policy.Read}, {p.Write, &policy.Write}, {p.Moderate, &policy.Moderate}} {
		for _, text := range list.from {
			subject, err := chat.ParseSubject(text)
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
//	    history     none|<count|age...>
//	    retention   <count|age|size...>
//	    max_members <number>
//	    presence    on|off
//	    raw         on|off
//	}
func (h *Handler) parsePolicy(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Err("chat: policy needs a pattern of room names")
	}
	p := Policy{Pattern: d.Val()}
	err := parseBlock(d, "policy", map[string]func() error{
		"read":        func() error { return parseList(d, &p.Read) },
		"write":       func() error { return parseList(d, &p.Write) },
		"moderate":    func() error { return parseList(d, &p.Moderate) },
		"history":     func() error { return parseHistory(d, &p.History) },
		"retention":   func() error { return parseRetention(d, &p.Retention) },
		"max_members": func() error { return parseNumber(d, &p.MaxMembers) },
		"presence":    func() error { return parseOff(d, &p.NoPresence) },
		"raw":         func() error { return parseOff(d, &p.NoRaw) },
	})
	if err != nil {
		return err
	}
	if policy, err := p.chat(); err != nil {
		return d.Errf("chat: policy: %v", err)
	} else if err := (chat.Policies{policy}).Validate(); err != nil {
		return d.Errf("chat: %v", err)
	}
	h.Policies = append(h.Policies, p)
	return nil
}

// parseOff reads a switch into the opposite.
func parseOff(d *caddyfile.Dispenser, to *bool) error {
	on := false
	err := parseSwitch(d, &on)
	*to = !on
	return err
}

// parseHistory reads a count and an age, of which each says by its form what it
// is, or none.
func parseHistory(d *caddyfile.Dispenser, to *History) error {
	values := d.RemainingArgs()
	if len(values) == 0 {
		return d.Err("chat: history needs a value, such as none, 100 or 30d")
	}
	for _, value := range values {
		if value == "none" && len(values) == 1 {
			to.Entries = -1
		} else if n, err := strconv.Atoi(value); err == nil && n > 0 && to.Entries == 0 {
			to.Entries = n
		} else if age, err := caddy.ParseDuration(value); err == nil && age > 0 && to.Age == 0 {
			to.Age = caddy.Duration(age)
		} else {
			return d.Errf("chat: history: %q is not none, or one count or age above 0, such as 100 or 30d", value)
		}
	}
	return noBlock(d, "history")
}
