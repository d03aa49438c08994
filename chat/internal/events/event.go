package events

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// The types of events.
const (
	Review    = "review"
	Unchecked = "unchecked"
	Online    = "online"
	Offline   = "offline"
	Missed    = "missed"
	Audit     = "audit"
)

var types = []string{Review, Unchecked, Online, Offline, Missed, Audit}

// Types returns the types that there are. The slice belongs to the caller.
func Types() []string { return slices.Clone(types) }

// IsType reports whether there are events of that type.
func IsType(name string) bool { return slices.Contains(types, name) }

// Event is what a backend hears. Fields that do not apply are empty. It has no text that a
// user has written.
type Event struct {
	Type string      `json:"type"`
	Room string      `json:"room,omitempty"`
	Seq  journal.Seq `json:"seq,omitempty"`

	Check string   `json:"check,omitempty"` // of Review and Unchecked: its name
	User  string   `json:"user,omitempty"`  // of Online, Offline and Audit: whom it is about
	Users []string `json:"users,omitempty"` // of Missed, and of Audit: those who were removed

	// Of Audit.
	Act     string `json:"act,omitempty"`     // what was done: PROTOCOL.md has the list
	By      string `json:"by,omitempty"`      // the user who did it, or bot- and the name of a key, or ByOperator
	Via     string `json:"via,omitempty"`     // the key that acted for By
	For     int64  `json:"for,omitempty"`     // milliseconds that it holds; -1: it has no end
	Webhook string `json:"webhook,omitempty"` // that was moved back
}

// Sanction is the audit of a sanction of this kind, for a duration: 0 lifts it, and
// one below 0 has no end.
func Sanction(kind, room, user string, d time.Duration) Event {
	e := Event{Act: kind, Room: room, User: user, For: d.Milliseconds()}
	switch {
	case d == 0:
		e.Act = "un" + kind
	case d < 0:
		e.For = -1
	}
	return e
}

// Without returns a list of users without one of them.
func Without(users []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool { return user == one })
}

// ByOperator stands for whoever used the admin API or the command line.
const ByOperator = "hub-operator"

// Entry returns the entry that shows an event. Events about the same are in one room, so in
// one order.
func (e *Event) Entry() (journal.Entry, error) {
	body, err := json.Marshal(e)
	about := (&Head{Room: e.Room, User: e.User}).About()
	return journal.Entry{Room: journal.EventRoom(about), Kind: journal.Event, Body: body}, err
}

// Head is what decides who hears an event.
type Head struct{ Type, Room, User string }

// About is the room that an event is about. For one about a user that is the user's own
// room: @ and the id.
func (h *Head) About() string {
	if h.Room != "" {
		return h.Room
	}
	return "@" + h.User
}

// HeadOf reads what Entry has written.
func HeadOf(e *journal.Entry) (h Head, ok bool) {
	if e.Kind != journal.Event || !journal.IsEventRoom(e.Room) {
		return h, false
	}
	return h, json.Unmarshal(e.Body, &h) == nil && IsType(h.Type)
}

// AppendMembers appends the members of the JSON object that an event is, without braces.
func AppendMembers(dst []byte, e *journal.Entry) []byte {
	return append(dst, strings.TrimSuffix(strings.TrimPrefix(string(e.Body), "{"), "}")...)
}
