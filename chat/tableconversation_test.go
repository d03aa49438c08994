package chat_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// More of the table of table_test.go: the rules of conversations, and the doors that only
// they have. Ann is an admin of a group that bo has founded, with cy as the third, and has
// joined it.

var conversationWays = map[string]door{
	"create": func(p *place) string {
		return p.out.ask(`{"type":"create","id":"?","key":"new","pattern":"g-*","users":["cy"]}`)
	},
	"member": func(p *place) string {
		return p.out.ask(fmt.Sprintf(`{"type":"member","id":"?","room":%q,"users":["dan"],"role":"member"}`, p.room))
	},
	"members": func(p *place) string { return p.out.ask(fmt.Sprintf(`{"type":"members","id":"?","room":%q}`, p.room)) },
	"info": func(p *place) string {
		return p.out.ask(fmt.Sprintf(`{"type":"info","id":"?","room":%q,"title":"Rome"}`, p.room))
	},
	"set": func(p *place) string {
		return p.out.ask(fmt.Sprintf(`{"type":"set","id":"?","room":%q,"top":true}`, p.room))
	},
	"list": func(p *place) string { return p.out.ask(fmt.Sprintf(`{"type":"list","id":"?","rooms":[%q]}`, p.room)) },
}

func inGroup(p *place) {
	p.enter()
	p.room, p.seq, p.other = p.bo.create(`"key":"k","title":"Trip","users":["ann","cy"]`), 3, "cy"
	p.ask(p.bo, `{"type":"member","id":"?","room":%q,"users":["ann"],"role":"admin"}`, p.room)
	p.in = p.connect().hello(fmt.Sprintf(`,"token":"ann","rooms":[{"room":%q}]`, p.room))
	p.ask(p.in, `{"type":"send","id":"?","room":%q,"body":"first"}`, p.room)
	synctest.Wait()
}

// ask carries out a command that must succeed.
func (p *place) ask(c *client, format string, args ...any) {
	p.t.Helper()
	if got := c.ask(fmt.Sprintf(format, args...)); got != "" {
		p.t.Fatalf("%s: %s", format, got)
	}
	synctest.Wait()
}

// groupPolicy puts a policy for the group into force that is as usual but for change.
func groupPolicy(change func(p *access.Policy)) func(*testing.T, *place) {
	return func(t *testing.T, p *place) {
		set := p.hub.Settings()
		set.Policies = chatApp(t)
		change(&set.Policies[1])
		p.hub.Configure(set)
		synctest.Wait()
	}
}

const (
	noRaw   = "raw clients never enter conversations: not a member"
	founds  = "it is about no conversation that is there"
	ownList = "a list is the user's own"
	ownRow  = "what a user's own row says is the user's"
)

var (
	joined = []string{"send", "typing", "read", "who", "recall", "edit", "tag", "pin"}
	ruling = []string{"member", "info"}

	noConversation = map[string]string{"raw say": noRaw, "raw handshake": noRaw, "login": noRoom, "renew": noRoom}
)

// outside is what somebody gets who does not belong to the group.
func outside(code string) map[string]string {
	return all(at(code, reading, one("POST", "members", "set"), moderation, ruling), at("not_joined", joined), at(code, one("read")), at(passes, operators), noConversation,
		map[string]string{"raw handshake": "403", "create": founds, "list": "nothing"})
}

var conversationRules = map[string]rule{
	"not a member": {func(_ *testing.T, p *place) {
		p.ask(p.bo, `{"type":"member","id":"?","room":%q,"users":["ann"],"role":"none"}`, p.room)
	}, outside("forbidden")},
	"has left": {func(_ *testing.T, p *place) {
		p.ask(p.out, `{"type":"member","id":"?","room":%q,"users":["ann"],"role":"none"}`, p.room)
	}, outside("forbidden")},
	"kicked": {func(_ *testing.T, p *place) {
		if p.hub.Kick(p.room, "ann") != nil {
			p.t.Error("nobody was there")
		}
		synctest.Wait()
	}, outside("forbidden")},
	"nobody has founded it": {func(_ *testing.T, p *place) { p.room = "g-aaaaaaaaaaaaaaaaaaaaaaaaaa" }, outside("forbidden")},
	"operator erases it": {func(_ *testing.T, p *place) {
		_, err := p.hub.EraseRoom(p.t.Context(), p.room)
		p.must(err)
	}, all(outside("forbidden"), at("4002", joined, moderation))},
	"banned":           {func(_ *testing.T, p *place) { p.must(p.hub.Ban(p.room, "ann", time.Hour)) }, outside("banned")},
	"no right to read": {groupPolicy(func(p *access.Policy) { p.Read = nil }), outside("forbidden")},
	"no policy says that it is a conversation": {func(t *testing.T, p *place) {
		set := p.hub.Settings()
		set.Policies = access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), Moderate: who(t, "anyone")}}
		p.hub.Configure(set)
		synctest.Wait()
	}, outside("forbidden")},
	"there are no policies": {func(_ *testing.T, p *place) {
		set := p.hub.Settings()
		set.Policies = nil
		p.hub.Configure(set)
		synctest.Wait()
	}, outside("forbidden")},
	"no right to write": {groupPolicy(func(p *access.Policy) { p.Write, p.Moderate = nil, nil }), all(
		at("forbidden", writing), at(others, reading, one("read", "who"), moderation, ruling, one("create", "members", "set", "list")), at(passes, operators), noConversation)},
	"no right to moderate": {groupPolicy(func(p *access.Policy) { p.Moderate = nil }), all(
		at(others, reading, writing, one("read", "who", "member", "create", "members", "set", "list")), at("forbidden", moderation, one("info", "pin")),
		at(passes, operators), noConversation)},
	"no right to add": {groupPolicy(func(p *access.Policy) { p.Moderate, p.Invite = nil, nil }), all(
		at("forbidden", one("member")), at(others, reading, writing, one("read", "who", "info", "create", "members", "set", "list"), moderation),
		at(passes, operators), noConversation)},
	"no right to found": {groupPolicy(func(p *access.Policy) { p.Create = nil }), all(
		at("forbidden", one("create")), at(others, reading, writing, one("read", "who", "members", "set", "list"), moderation, ruling),
		at(passes, operators), noConversation)},
	"all seats are taken": {groupPolicy(func(p *access.Policy) { p.MaxMembers = 2 }), all(
		at("a third is in already, and stays", reading, joined, moderation, one("POST", "members", "set", "list", "info", "create")),
		at("room_full", one("member")), at(passes, operators), noConversation)},
	"closed": {func(_ *testing.T, p *place) {
		p.ask(p.bo, `{"type":"info","id":"?","room":%q,"closed":true}`, p.room)
	}, all(at("forbidden", one("send", "typing", "edit", "tag", "pin", "POST", "member")), at("what was said is still read and moderated", reading, one("read", "who", "recall", "info"), moderation),
		at(ownRow, one("members", "set", "list")), at(founds, one("create")), at(passes, operators), noConversation)},
	"muted": {func(_ *testing.T, p *place) { p.must(p.hub.Mute(p.room, "ann", time.Hour)) }, all(
		at("muted", writing, one("info")), at(others, reading, one("read", "who", "member", "create", "members", "set", "list"), moderation),
		at(passes, operators), noConversation)},
	"muted in the hub": {func(_ *testing.T, p *place) { p.must(p.hub.Mute("", "ann", time.Hour)) }, all(
		at("muted", writing, one("info")), at(others, reading, one("read", "who", "member", "create", "members", "set", "list"), moderation),
		at(passes, operators), noConversation)},
	"banned from the hub": {func(_ *testing.T, p *place) { p.must(p.hub.Ban("", "ann", time.Hour)) }, all(
		at("4505", inSession, moderation, ruling, one("create", "members", "set", "list")), at("banned", one("hello", "GET", "POST")),
		at(passes, operators), noConversation, map[string]string{"renew": "4505"})},
	"token expires": {func(_ *testing.T, p *place) { time.Sleep(2 * time.Hour) }, all(
		at("4502", inSession, moderation, ruling, one("create", "members", "set", "list")), at("expired", one("hello", "GET", "POST")),
		at(passes, operators), noConversation, map[string]string{"raw handshake": "401"})},
	"rate of frames": {rules["rate of frames"].comes, all(
		at("too_fast", inSession, moderation, ruling, one("create", "members", "set", "list", "GET", "POST")), at("its rate is another", one("hello")),
		at(passes, operators), noConversation)},
	"bytes that are read": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.ReadBytes = access.Rate{PerSecond: 10, Burst: 100} })(t, p)
		for range 2 {
			p.in.ask(fmt.Sprintf(`{"type":"history","id":"?","room":%q}`, p.room))
		}
	}, all(at("too_fast", reading, one("members", "list")), at("it reads no page", joined, moderation, ruling, one("POST", "create", "set")),
		at(passes, operators), noConversation)},
	"rate of founding": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.CreateRate = once })(t, p)
		p.out.ask(`{"type":"create","id":"?","pattern":"g-*","key":"before"}`)
	}, all(at("too_fast", one("create")), at(others, reading, writing, moderation, ruling, one("read", "who", "members", "set", "list")), at(passes, operators), noConversation)},
	"rate of lists": {func(t *testing.T, p *place) {
		setting(func(set *chat.Settings) { set.ListRate = once })(t, p)
		p.out.ask(`{"type":"list","id":"?"}`)
	}, all(at("too_fast", one("list")), at(others, reading, writing, moderation, ruling, one("read", "who", "members", "set", "create")), at(passes, operators), noConversation)},
	"number of conversations": {func(t *testing.T, p *place) {
		for i := range 2 {
			p.bo.create(fmt.Sprintf(`"key":"%d","users":["dan","cy"]`, i))
		}
		setting(func(set *chat.Settings) { set.Conversations = 2 })(t, p)
	}, all(at("too_many", one("create", "member")), at(others, reading, writing, moderation, one("read", "who", "members", "info", "set", "list")), at(passes, operators), noConversation)},
	"name of a room": {rules["name of a room"].comes, all(
		at("bad_room", one("hello", "join", "history", "GET", "POST", "members", "set", "list"), joined, moderation, ruling, operators),
		noConversation, map[string]string{"raw handshake": "400", "create": founds})},
	"room of the server": {rules["room of the server"].comes, all(outside("forbidden"), at("forbidden", operators))},
	"shutdown": {rules["shutdown"].comes, all(
		at("1001", inSession, moderation, ruling, one("create", "members", "set", "list")), at("503", one("hello")),
		at("requests are the web server's to end", requests), at(passes, operators), at("closed", operators[:3]),
		noConversation, map[string]string{"raw handshake": "503", "renew": "1001"})},
}

// Each rule of conversations holds at each door.
func TestTable_ConversationAndDoor(t *testing.T) {
	doors := maps.Clone(ways)
	maps.Copy(doors, conversationWays)
	for name, rule := range conversationRules {
		for way, act := range doors {
			want, ok := rule.want[way]
			if !ok {
				t.Errorf("%s: nothing is said of %s", name, way)
			}
			if strings.Contains(want, " ") || want == "" {
				continue // why it cannot be
			}
			t.Run(name+"/"+way, func(t *testing.T) { try(t, chatApp(t), inGroup, rule, act, want) })
		}
	}
}

// Where no rule forbids it, each door is open: the cells above fail for their rule.
func TestTable_Conversation_DoorsAreOpen(t *testing.T) {
	doors := maps.Clone(ways)
	maps.Copy(doors, conversationWays)
	for _, other := range []string{"raw handshake", "raw say", "login", "renew"} {
		delete(doors, other)
	}
	for way, act := range doors {
		t.Run(way, func(t *testing.T) {
			try(t, chatApp(t), inGroup, rule{comes: func(*testing.T, *place) {}}, act, "")
		})
	}
}
