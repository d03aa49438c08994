package members

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// patternKey is what the keys of patterns begin with.
const patternKey = "pattern\x00"

// Patterns are those of all conversations that there are or were: of the policies, and of
// earlier ones, which the journal keeps. So it is known without a look at the journal that a
// room cannot be a conversation any more that the policies say is none.
type Patterns struct {
	records journal.Records                 // fixed
	all     atomic.Pointer[access.Policies] // each act in a room reads them; never modified

	mu      sync.Mutex // guards changes of all, and the rest; a leaf
	missing []string   // what the journal does not have yet
}

// LoadPatterns returns those that the journal has.
func LoadPatterns(ctx context.Context, records journal.Records) (*Patterns, error) {
	p := &Patterns{records: records}
	var all access.Policies
	err := records.Scan(ctx, patternKey, func(r journal.Record) error {
		all = append(all, patternOf(strings.TrimPrefix(r.Key, patternKey)))
		return nil
	})
	p.all.Store(&all)
	return p, err
}

// patternOf returns a policy whose rooms are conversations.
func patternOf(pattern string) access.Policy { return access.Policy{Pattern: pattern, Direct: true} }

// Match reports whether a room may have been founded as a conversation.
func (p *Patterns) Match(room string) bool {
	return p.all.Load().Conversation(room) != nil
}

// Add adds those of policies.
func (p *Patterns) Add(policies access.Policies) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(*p.all.Load())
	known := make(map[string]bool, len(all))
	for i := range all {
		known[all[i].Pattern] = true
	}
	for i := range policies {
		if pattern := policies[i].Pattern; policies[i].IsConversation() && !known[pattern] {
			known[pattern] = true
			all = append(all, patternOf(pattern))
			p.missing = append(p.missing, pattern)
		}
	}
	p.all.Store(&all)
}

// Keep sees to it that the journal has all of them. It must succeed before a conversation is
// founded: nothing else remembers its pattern when the policies change.
func (p *Patterns) Keep(ctx context.Context) (err error) {
	p.mu.Lock()
	missing := slices.Clone(p.missing)
	p.mu.Unlock()
	for _, pattern := range missing {
		err = errors.Join(err, p.records.Put(ctx, patternKey+pattern, []byte{1}))
	}
	if err == nil && len(missing) > 0 {
		p.mu.Lock()
		p.missing = slices.DeleteFunc(slices.Clone(p.missing), func(pattern string) bool { return slices.Contains(missing, pattern) })
		p.mu.Unlock()
	}
	return err
}
