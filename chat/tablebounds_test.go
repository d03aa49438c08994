package chat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// More of the table of table_test.go: bounds of numbers and bytes, and what operators do.

// setting puts other settings into force.
func setting(change func(set *chat.Settings)) func(*testing.T, *place) {
	return func(_ *testing.T, p *place) {
		set := p.hub.Settings()
		change(&set)
		p.hub.Configure(set)
		time.Sleep(time.Minute) // what was said before is forgotten
	}
}

var once = access.Rate{PerSecond: 0.0001, Burst: 1}

const (
	ownRate  = "attempts have a rate of their own"
	noBytes  = "it says nothing"
	stays    = "who is in stays in"
	noMember = "who reads or posts need not be in the room"
	comeBack = "who was removed may come back"
)

var bounds = map[string]rule{
	"bytes from a session": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.SessionBytes = once })(t, p)
		for _, c := range []*client{p.in, p.out} {
			c.ask(`{"type":"ping","id":"?"}`)
		}
		if got := ways["raw say"](p); got != "" {
			t.Error(got)
		}
	}, all(at("too_fast", inSession, moderation), at("a request is no session", one("GET", "POST")), at(passes, operators),
		at(ownRate, one("raw handshake", "login")),
		map[string]string{"raw say": "4003", "hello": "the first frame is the session's first"})},
	"bytes from a user": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.UserBytes = once })(t, p)
		p.in.ask(`{"type":"ping","id":"?"}`)
	}, all(at("too_fast", inSession, moderation, one("POST")), at(passes, operators), at(ownRate, one("raw handshake", "login")),
		map[string]string{"GET": noBytes, "raw say": "4003", "hello": "the user is not known before it"})},
	"bytes that are read": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.ReadBytes = access.Rate{PerSecond: 10, Burst: 100} })(t, p)
		for range 2 {
			p.in.ask(`{"type":"history","id":"?","room":"tea"}`)
		}
	}, all(at("too_fast", one("hello", "join", "history", "who", "GET")), at("it reads no page", writing, moderation, one("login", "renew")),
		map[string]string{
			"raw handshake": "raw clients wait: TestReading_RawHistory_IsPaced", "read": "it reads one entry, and is charged for it: TestReading_EachDoor_IsBoundedAndCharged",
			"recall": "it reads one entry, and is charged for it: TestReading_EachDoor_IsBoundedAndCharged", "edit": "it reads one entry, and is charged for it: TestReading_EachDoor_IsBoundedAndCharged", "tag": "it reads one entry, and is charged for it: TestReading_EachDoor_IsBoundedAndCharged", "pin": "it is a tag"}, at(passes, operators))},
	"number of rooms": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.MaxRooms = 1 })(t, p)
		if got := p.out.ask(`{"type":"join","id":"?","room":"other"}`); got != "nothing" {
			t.Error(got)
		}
		p.before = `{"room":"other"},`
	}, all(at("too_many_rooms", one("hello", "join")), at(noMember, one("history", "GET", "POST", "login", "renew")),
		at(stays, one("raw say", "send", "typing", "read", "who", "recall", "edit", "tag", "pin"), moderation), at(passes, operators),
		map[string]string{"raw handshake": "a raw client is in one room"})},
	"number of sessions": {setting(func(set *chat.Settings) { set.MaxSessions = 3 }), all(
		at("4007", one("raw handshake")), at("too_many_sessions", one("hello")), at("a request is no session", requests),
		at(stays, one("raw say"), inSession, moderation), at(passes, operators))},
	"number of connections": {setting(func(set *chat.Settings) { set.MaxConnections = 4 }), all(
		at("503", one("raw handshake", "hello")), at("a request is no connection of the hub", requests),
		at(stays, one("raw say"), inSession, moderation), at(passes, operators))},
	"number of connections of an address": {setting(func(set *chat.Settings) { set.MaxConnectionsPerIP = 4 }), all(
		at("503", one("raw handshake", "hello")), at("a request is no connection of the hub", requests),
		at(stays, one("raw say"), inSession, moderation), at(passes, operators))},
	"first messages of rooms": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.NewRooms = once })(t, p)
		p.room = "new"
		if got := p.request("POST", `{"body":1}`); got != "" {
			t.Error(got)
		}
		p.room = "newer"
		p.in.ask(`{"type":"join","id":"?","room":"newer"}`)
	}, all(at("too_fast", one("send", "POST")), at("it makes no room", reading, moderation, inSession[3:], one("login")), at(passes, operators),
		map[string]string{"raw say": "its room has entries: TestDoors_NewRooms_AreCharged"})},
	"token revoked": {func(_ *testing.T, p *place) { p.handler.Auth = revoking{} }, all(
		at("bad_token", one("hello", "GET", "POST")), map[string]string{"raw handshake": "401"},
		at("a session goes on until its token ends", one("raw say"), inSession, moderation), at("a login needs no token", one("login")), at(passes, operators))},
	"operator kicks from the hub": {func(t *testing.T, p *place) {
		if p.hub.Kick("", "ann") != nil {
			t.Error("nobody was there")
		}
		synctest.Wait()
	}, all(at("4504", one("raw say"), inSession, moderation), at(comeBack, one("raw handshake", "hello"), requests), at(passes, operators))},
	"operator erases the room": {func(_ *testing.T, p *place) {
		_, err := p.hub.EraseRoom(p.t.Context(), "tea")
		p.must(err)
	}, all(at("nothing", reading), at("4002", one("raw say", "send", "typing", "read", "who", "recall", "edit", "tag", "pin"), moderation),
		at("who was not in the room notices nothing", one("POST", "login", "renew")), at(passes, operators))},
	"operator erases the user": {func(_ *testing.T, p *place) {
		done, err := p.hub.EraseUser(p.t.Context(), "ann")
		p.must(err)
		if done.Messages != 1 {
			p.t.Errorf("erased %+v", done)
		}
	}, all(at("4504", one("raw say"), inSession, moderation), at("nothing", one("raw handshake")), at(comeBack, one("hello"), requests), at(passes, operators))},
}

// revoking refuses all tokens.
type revoking struct{}

func (revoking) Authenticate(context.Context, access.Credential) (*access.Identity, error) {
	return nil, wire.BadToken.Error("")
}
