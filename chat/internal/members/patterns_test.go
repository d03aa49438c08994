package members_test

import (
	"context"
	"errors"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// fullRecords are those of a disk that takes nothing more.
type fullRecords struct{ journal.Records }

func (fullRecords) Put(context.Context, string, []byte) error { return errors.New("no space left") }

// Patterns are known at once, and by every later hub of the journal once they are kept.
func TestPatterns_Keep(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	load := func(records journal.Records) *members.Patterns {
		t.Helper()
		p, err := members.LoadPatterns(t.Context(), records)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	policies := access.Policies{{Pattern: "d-*", Direct: true}, {Pattern: "d-*", Direct: true}, {Pattern: "live-*"}, {Pattern: "*"}}
	p := load(fullRecords{j.Records()})
	p.Add(policies)
	if err := p.Keep(t.Context()); err == nil {
		t.Error("kept on a full disk")
	}
	if !p.Match("d-x") || p.Match("live-x") || p.Match("x") {
		t.Error("it does not match what was added, or more")
	}
	if load(j.Records()).Match("d-x") {
		t.Error("kept on a full disk")
	}
	p = load(j.Records())
	p.Add(policies)
	p.Add(nil)
	for range 2 {
		if err := p.Keep(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if later := load(fullRecords{j.Records()}); !later.Match("d-x") || later.Match("live-x") {
		t.Error("a later hub does not know them, or knows more")
	} else if later.Add(policies); later.Keep(t.Context()) != nil {
		t.Error("it is written again")
	}
}
