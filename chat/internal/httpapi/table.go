package httpapi

import (
	"net/http"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Fields that several routes have.
var (
	paging   = fields{"limit": number(1)}
	sanction = fields{"user!": userID, "for": described(schema{"type": "integer", "minimum": 0}, "milliseconds; 0 lifts it; absent: for ever")}
	info     = fields{"title": text(wire.MaxTitle), "avatar": text(wire.MaxAvatar), "about": text(wire.MaxAbout)}
)

// Table has all requests. openapi.json is made from it.
var Table []Route

func init() { // since what answers a batch asks a route
	room, message, person := "/rooms/{room}", "/rooms/{room}/messages/{seq}", "/users/{id}"
	Table = []Route{
		{Method: "POST", Path: "/rooms", summary: "Founds a conversation", scopes: []string{"members"}, command: "create", Keyed: true, Says: true, body: and(info, fields{
			"direct": userID, "pattern": described(text(wire.MaxRoom), "which policy it comes from; not beside room"), "users": list(userID, 0, wire.MaxUsers),
			"room":  described(text(wire.MaxRoom), "its name; for keys"),
			"owner": described(text(wire.MaxUser), "who owns it; for keys"),
		}), answer: "Created", makes: true, refusals: []int{409}, serve: to(create)},
		{Method: "GET", Path: room, summary: "The state of a room", scopes: []string{"read"}, answer: "Room", serve: state},
		{Method: "PATCH", Path: room, summary: "Changes what a conversation is called, or closes it", scopes: []string{"members"}, command: "info", Says: true,
			body: and(info, fields{"closed": flag}), answer: "Recorded", makes: true, serve: to(setInfo)},
		{Method: "GET", Path: room + "/members", summary: "Who belongs to a conversation", scopes: []string{"read", "members"}, command: "members",
			query: and(paging, fields{"after": userID}), answer: "Members", serve: to(members)},
		{Method: "POST", Path: room + "/members", summary: "Gives users a role, or removes them", scopes: []string{"members"}, command: "member", Says: true,
			body: fields{"users!": list(userID, 1, wire.MaxUsers), "role!": role}, answer: "Recorded", makes: true, refusals: []int{409}, serve: to(setMembers)},
		{Method: "POST", Path: room + "/read", summary: "Moves the read mark of a user", scopes: []string{"read"}, command: "read",
			body: fields{"seq!": number(1)}, answer: "Marked", serve: to(read)},
		{Method: "GET", Path: "/list", summary: "The conversations of a user", command: "list",
			query: and(paging, fields{"next": text(wire.MaxNext), "rooms": list(roomID, 1, wire.MaxUsers)}), answer: "List", serve: to(listRooms)},
		{Method: "PATCH", Path: "/list/{room}", summary: "Changes how a user has a conversation in the list", scopes: []string{"read"}, command: "set",
			body: fields{"notify": flag, "top": flag, "hide": flag, "block": flag, "clear": yes}, answer: "Done", serve: to(setRow)},
		{Method: "GET", Path: room + "/messages", summary: "A page of the entries of a room", scopes: []string{"read"}, command: "history",
			query: and(paging, fields{"before": number(1), "after": number(0)}), answer: "Page", serve: to(history)},
		{Method: "POST", Path: room + "/messages", summary: "Sends a message", scopes: []string{"write"}, command: "send", Keyed: true, Says: true, body: said,
			answer: "Recorded", makes: true, refusals: []int{404}, serve: send},
		{Method: "PATCH", Path: message, summary: "Edits a message", scopes: []string{"write"}, command: "edit", Keyed: true, Says: true,
			body: fields{"body!": any_}, answer: "Recorded", makes: true, refusals: []int{404, 409}, serve: to(edit)},
		{Method: "DELETE", Path: message, summary: "Recalls a message", scopes: []string{"write", "moderate"}, command: "recall",
			answer: "Recorded", makes: true, refusals: []int{404, 409}, serve: to(recall)},
		{Method: "GET", Path: message + "/tags", summary: "The tags of a message", scopes: []string{"read"}, command: "recall",
			answer: "Tags", refusals: []int{404}, serve: to(tagsOf)},
		{Method: "POST", Path: message + "/tags", summary: "Tags a message", scopes: []string{"write"}, command: "tag",
			body: fields{"tag!": text(wire.MaxTag), "value!": any_, "shared": flag}, answer: "Recorded", makes: true, refusals: []int{404, 409}, serve: to(tag)},
		{Method: "POST", Path: "/messages", summary: "Sends messages, in order", scopes: []string{"write"}, forKeys: true, Says: true, Sizes: 16,
			body: fields{"messages!": list(object(inBatch), 1, maxBatch)}, answer: "Results", makes: true, serve: batch},
		{Method: "DELETE", Path: room, summary: "Closes a conversation, or erases a room with all that it holds", scopes: []string{"members"}, forKeys: true, Waits: true,
			query: fields{"erase": schema{"type": "boolean"}}, answer: "Recorded or ErasedRoom", makes: true, refusals: []int{404}, serve: closeRoom},
		{Method: "GET", Path: person, summary: "What is known of a user", scopes: []string{"users"}, forKeys: true, answer: "Known", refusals: []int{404}, serve: user},
		{Method: "PUT", Path: person, summary: "Sets what is shown of a user who is not there", scopes: []string{"users"}, forKeys: true,
			body: fields{"name!": schema{"type": "string"}, "avatar": schema{"type": "string"}}, answer: "Known", serve: setUser},
		{Method: "DELETE", Path: person, summary: "Erases a user", scopes: []string{"users"}, forKeys: true, Waits: true,
			query:  fields{"messages!": schema{"type": "string", "enum": []string{"erase", "keep"}}},
			answer: "ErasedUser", serve: eraseUser},
		{Method: "DELETE", Path: person + "/sessions", summary: "Ends the sessions of a user, and the tokens that this server has given them", scopes: []string{"users"}, forKeys: true,
			answer: "SignedOut", serve: signOut},
		{Method: "POST", Path: person + "/token", summary: "A token for a user, with which they say hello", scopes: []string{"users"}, forKeys: true,
			body: fields{"for": schema{"type": "integer", "minimum": 1000, "maximum": int64(maxLife / time.Millisecond), "description": "milliseconds; absent: 24 hours"}}, answer: "Login", refusals: []int{404}, serve: giveToken},
		{Method: "POST", Path: "/presence", summary: "Which users are here", scopes: []string{"users"}, forKeys: true,
			body: fields{"users!": list(userID, 1, maxPresence)}, answer: "Presence", serve: presence},
		{Method: "GET", Path: "/feed", summary: "What happens in all rooms that the key may read", scopes: []string{"feed"}, forKeys: true, Waits: true, Holds: feed.PullBytes,
			query: fields{
				"events": described(schema{"type": "string"}, "names of events, joined by commas; absent: all entries of rooms, and no other events"),
				"after":  described(schema{"type": "string"}, "now, or the position to of an earlier answer; absent: the oldest event"),
				"limit":  schema{"type": "integer", "minimum": 1, "maximum": feed.MaxLimit},
				"wait":   described(schema{"type": "integer", "minimum": 0, "maximum": int(feed.MaxWait / time.Millisecond)}, "milliseconds to wait for an event if there is none; what the key does not get is read for as long, and for half a second at least"),
			}, answer: "Events", serve: pull},
	}
	for _, at := range []string{"", room} {
		where, counted := " everywhere", []int(nil)
		if at != "" {
			where, counted = " in a room", []int{409}
		}
		Table = append(Table,
			Route{Method: "POST", Path: at + "/mute", summary: "Mutes a user" + where, scopes: []string{"moderate"}, command: "mute", body: sanction, answer: "Done", refusals: counted, serve: to(mute)},
			Route{Method: "POST", Path: at + "/kick", summary: "Removes a user" + where, scopes: []string{"moderate"}, command: "kick", body: fields{"user!": userID}, answer: "Done", refusals: []int{404}, serve: to(kick)},
			Route{Method: "POST", Path: at + "/ban", summary: "Bans a user" + where, scopes: []string{"moderate"}, command: "ban", body: sanction, answer: "Done", refusals: counted, serve: to(ban)},
		)
	}
}

// Largest returns how many bytes the largest of all requests holds.
func Largest(maxMessage int) (most int) {
	for i := range Table {
		_, holds := Table[i].Bounds(maxMessage, -1)
		most = max(most, holds)
	}
	return most
}

// Find returns the routes of a path, by method, and what stands for the parameters. The path
// is escaped, and begins behind the base with a slash. has says that paths which begin like
// this one are the API's.
func Find(path string) (byMethod map[string]*Route, values map[string]string, has bool) {
	parts := segments(path)
	for i := range Table {
		rt := &Table[i]
		has = has || segments(rt.Path)[0] == parts[0]
		if v, ok := rt.match(parts); ok {
			if byMethod == nil {
				byMethod, values = map[string]*Route{}, v
			}
			byMethod[rt.Method] = rt
			if rt.Method == http.MethodGet {
				byMethod[http.MethodHead] = rt
			}
		}
	}
	return byMethod, values, has
}
