package chat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// who reads a list of subjects.
func who(t testing.TB, list ...string) (found []access.Subject) {
	t.Helper()
	for _, text := range list {
		s, err := access.ParseSubject(text)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, s)
	}
	return found
}

// chatApp is the policies of a site with conversations of two, groups, channels and
// rooms without members.
func chatApp(t testing.TB) access.Policies {
	return access.Policies{
		{Pattern: "d-*", Direct: true, Create: who(t, "users")},
		{
			Pattern: "g-*", Read: who(t, "members"), Write: who(t, "members"), Moderate: who(t, "admins"),
			Create: who(t, "users"), Invite: who(t, "members"), History: access.History{Joined: true}, MaxMembers: 4,
		},
		{
			Pattern: "c-*", Read: who(t, "users"), Write: who(t, "admins"), Moderate: who(t, "admins"),
			Create: who(t, "users"), OpenTo: who(t, "users"),
		},
		{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone")},
	}
}

// create founds a conversation and returns its room.
func (c *client) create(fields string) string {
	c.t.Helper()
	c.send(`{"type":"create",` + fields + `}`)
	got := c.any()
	for typeOf(got) == "row" { // of who lists: it may come before the answer
		got = c.any()
	}
	var room string
	if _, err := fmt.Sscanf(got, `{"type":"created","room":%q`, &room); err != nil {
		c.t.Fatalf("create: %s", got)
	}
	return room
}

func TestConversation_Group_LivesItsLife(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		ben := b.connect().hello(`,"token":"ben"`)
		cy := b.connect().hello(`,"token":"cy"`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		if again := ann.create(`"key":"k","title":"Other"`); again != g {
			t.Fatalf("the same key founds %s and %s", g, again)
		}
		in := func(c *client, frame string) { c.send(fmt.Sprintf(frame, g)) }

		in(ann, `{"type":"join","room":%q}`)
		ann.expect(`{"type":"joined","title":"Trip","role":"owner","size":2,"read":1,"unread":0,"entries":[{"type":"member","seq":1,` +
			`"from":{"id":"ann","…":"…"},"users":[{"id":"ben","…":"…"}],"role":"member","owner":{"id":"ann","…":"…"},"title":"Trip","…":"…"}],"…":"…"}`)
		in(cy, `{"type":"join","id":"1","room":%q}`)
		cy.expect(`{"type":"error","id":"1","code":"forbidden","…":"…"}`)
		in(ben, `{"type":"join","room":%q}`)
		ben.expect(`{"type":"joined","role":"member","…":"…"}`)
		in(ben, `{"type":"send","room":%q,"body":"before cy"}`)
		ben.expect(`{"type":"message","seq":2,"…":"…"}`)
		in(ben, `{"type":"member","id":"2","room":%q,"users":["cy"],"role":"member"}`)
		ben.expectAround(`{"type":"ok","id":"2","seq":3,"duplicate":false,"…":"…"}`, `{"type":"member","seq":3,"users":[{"id":"cy","…":"…"}],"role":"member","…":"…"}`)
		in(ben, `{"type":"member","id":"3","room":%q,"users":["cy"],"role":"member"}`)
		ben.expect(`{"type":"ok","id":"3","room":"…","duplicate":true}`)

		in(cy, `{"type":"join","room":%q}`) // what was said before is hidden
		cy.expect(`{"type":"joined","role":"member","size":3,"read":3,"unread":0,"entries":[{"type":"member","seq":3,"…":"…"}],"…":"…"}`)
		in(cy, `{"type":"history","room":%q,"before":3}`)
		cy.expect(`{"type":"history","entries":[],"more":false,"…":"…"}`)
		in(cy, `{"type":"recall","id":"4","room":%q,"seq":2}`)
		cy.expect(`{"type":"error","id":"4","code":"not_found","…":"…"}`)
		in(cy, `{"type":"member","id":"5","room":%q,"users":["ben"],"role":"none"}`)
		cy.expect(`{"type":"error","id":"5","code":"forbidden","field":"users[0]","…":"…"}`)
		in(cy, `{"type":"members","id":"6","room":%q}`)
		cy.expect(`{"type":"members","id":"6","users":[{"user":{"id":"ann","…":"…"},"role":"owner","since":1},{"user":{"id":"ben","…":"…"},"role":"member","since":1},` +
			`{"user":{"id":"cy","…":"…"},"role":"member","since":3}],"size":3,"more":false,"…":"…"}`)
		in(cy, `{"type":"members","room":%q,"after":"ann","limit":1}`)
		cy.expect(`{"type":"members","users":[{"user":{"id":"ben","…":"…"},"…":"…"}],"size":3,"more":true,"…":"…"}`)

		in(ann, `{"type":"info","id":"7","room":%q,"title":"Rome"}`)
		ann.expectAround(`{"type":"ok","id":"7","seq":4,"…":"…"}`, `{"type":"message","…":"…"}`, `{"type":"member","…":"…"}`, `{"type":"info","seq":4,"title":"Rome","avatar":"","about":"","closed":false,"…":"…"}`)
		in(ann, `{"type":"member","id":"8","room":%q,"users":["cy"],"role":"none"}`)
		cy.expect(`{"type":"info","…":"…"}`, `{"type":"member","seq":5,"users":[{"id":"cy","…":"…"}],"role":"none","…":"…"}`,
			`{"type":"removed","code":"kicked","…":"…"}`)
		in(cy, `{"type":"send","id":"9","room":%q,"body":"still here"}`)
		cy.expect(`{"type":"error","id":"9","code":"not_joined","…":"…"}`)
		in(ann, `{"type":"member","id":"10","room":%q,"users":["ann"],"role":"none"}`) // ben is the heir
		ben.expect(`{"type":"info","…":"…"}`, `{"type":"member","seq":5,"…":"…"}`,
			`{"type":"member","seq":6,"users":[{"id":"ann","…":"…"}],"role":"none","owner":{"id":"ben","…":"…"},"…":"…"}`)
		in(ben, `{"type":"member","id":"11","room":%q,"users":["ben"],"role":"none"}`)
		ben.expectAround(`{"type":"ok","id":"11","seq":7,"…":"…"}`, `{"type":"member","seq":7,"…":"…"}`, `{"type":"removed","code":"forbidden","…":"…"}`)
		in(ann, `{"type":"join","id":"12","room":%q}`)
		ann.expectAround(`{"type":"ok","id":"8","…":"…"}`, `{"type":"member","seq":5,"…":"…"}`)
		ann.expectAround(`{"type":"ok","id":"10","…":"…"}`, `{"type":"member","seq":6,"…":"…"}`, `{"type":"removed","code":"forbidden","…":"…"}`)
		ann.expect(`{"type":"error","id":"12","code":"forbidden","…":"…"}`)
	})
}

func TestConversation_Direct_IsTheirsAlone(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		ben := b.connect().hello(`,"token":"ben"`)
		cy := b.connect().hello(`,"token":"cy"`)
		d := ann.create(`"direct":"ben"`)
		if other := ben.create(`"direct":"ann"`); other != d {
			t.Fatalf("theirs is %s and %s", d, other)
		}
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, d))
		ann.expect(`{"type":"joined","role":"member","size":2,"with":{"id":"ben","…":"…"},"moderate":false,"…":"…"}`)
		for _, frame := range []string{
			`{"type":"join","id":"1","room":%q}`, `{"type":"history","id":"1","room":%q}`, `{"type":"members","id":"1","room":%q}`,
			`{"type":"member","id":"1","room":%q,"users":["cy"],"role":"member"}`, `{"type":"info","id":"1","room":%q,"title":"x"}`,
		} {
			cy.send(fmt.Sprintf(frame, d))
			cy.expect(`{"type":"error","id":"1","code":"forbidden","…":"…"}`)
		}
		for _, frame := range []string{
			`{"type":"member","id":"1","room":%q,"users":["ann"],"role":"none"}`, `{"type":"member","id":"1","room":%q,"users":["cy"],"role":"member"}`,
			`{"type":"info","id":"1","room":%q,"title":"x"}`, `{"type":"kick","id":"1","room":%q,"user":"ben"}`,
		} {
			ann.send(fmt.Sprintf(frame, d))
			ann.expect(`{"type":"error","id":"1","code":"forbidden","…":"…"}`)
		}
		ann.send(`{"type":"create","id":"2","direct":"ann"}`)
		ann.expect(`{"type":"error","id":"2","code":"bad_frame","field":"direct","…":"…"}`)
	})
}

// checkAlike compares the records of a conversation with its entries.
func checkAlike(t *testing.T, what string, j journal.Journal, room string) {
	t.Helper()
	defer j.Close()
	page, err := j.Read(t.Context(), journal.Query{Room: room, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]string{}
	for _, e := range page.Entries {
		if e.Kind != journal.Member {
			continue
		}
		changes, err := wire.ParseMembers(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if c.Role == "owner" {
				for id, r := range roles {
					if r == "owner" {
						roles[id] = "admin"
					}
				}
			}
			if roles[c.User] = c.Role; c.Role == "none" {
				delete(roles, c.User)
			}
		}
	}
	owners, kept := 0, map[string]string{}
	err = j.Records().Scan(t.Context(), "role\x00"+room+"\x00", func(r journal.Record) error {
		role, _, _ := strings.Cut(string(r.Value), " ")
		kept[strings.TrimPrefix(r.Key, "role\x00"+room+"\x00")] = role
		if role == "owner" {
			owners++
		}
		return nil
	})
	record, getErr := j.Records().Get(t.Context(), "room\x00"+room)
	var state struct{ Size int }
	if err := errors.Join(err, getErr, json.Unmarshal(record.Value, &state)); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(roles, kept) || state.Size != len(roles) || owners != min(len(roles), 1) || len(roles) > 4 {
		t.Errorf("%s: the entries say %v, the records %v and %s", what, roles, kept, record.Value)
	}
}

// A conversation may have one member alone, who says things to nobody else.
func TestConversation_OfOne(t *testing.T) {
	policies := chatApp(t)
	policies[1].MaxMembers, policies[1].Invite = 1, nil
	inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k"`)
		for ask, want := range map[string]string{
			`{"type":"join","id":"?","room":%q}`: "", `{"type":"member","id":"?","room":%q,"users":["ben"],"role":"member"}`: "room_full",
		} {
			if got := ann.ask(fmt.Sprintf(ask, g)); got != want {
				t.Errorf("%s: %q, want %q", ask, got, want)
			}
		}
		if got := ann.ask(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":"milk"}`, g)); got != "" {
			t.Errorf("send: %q", got)
		}
	})
}
