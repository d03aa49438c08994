package admin

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// moderation is the body of mute, ban and kick.
type moderation struct {
	Room string `json:"room"` // empty: the whole hub
	User string `json:"user"`
	// For is the duration: milliseconds, or a string like "10m". 0 ends a sanction;
	// if For is missing, the sanction has no end.
	For any `json:"for"`
	// Unknown allows a sanction of a user, or in a room, that the hub does not know.
	Unknown bool `json:"unknown"`
}

// read decodes the body and checks the names.
func (m *moderation) read(r *http.Request) error {
	if err := decode(r, m); err != nil {
		return err
	}
	if m.User == "" {
		return apiError(http.StatusBadRequest, "user is missing")
	}
	if m.Room == "" {
		return nil
	}
	return checkRoom(m.Room)
}

// duration returns For.
func (m *moderation) duration() (time.Duration, error) {
	d := wire.Forever
	switch value := m.For.(type) {
	case nil:
	case float64:
		// It is checked before it is converted: a fraction would become 0, which
		// lifts the sanction, and a large number would wrap around.
		if value != math.Trunc(value) || value < 0 || value > float64(wire.MaxFor/time.Millisecond) {
			return 0, errBadFor
		}
		d = time.Duration(value) * time.Millisecond
	case string:
		var err error
		if d, err = caddy.ParseDuration(value); err != nil {
			return 0, apiError(http.StatusBadRequest, "for is not a duration: %w", err)
		}
		if d < 0 || d > wire.MaxFor || d%time.Millisecond != 0 {
			return 0, errBadFor
		}
	default:
		return 0, errBadFor
	}
	return d, nil
}

// MaxFor is the longest duration of a mute or a ban that has an end.
const MaxFor = wire.MaxFor

var errBadFor = apiError(http.StatusBadRequest, "for must be whole milliseconds or a string like \"10m\", from 0 to \"%dd\"; leave it out for ever", MaxFor/(24*time.Hour))

// Imposed is the answer to POST /chat/hubs/{hub}/mute and /ban.
type Imposed struct {
	chat.Sanction
	Sessions int  `json:"sessions"`         // of the user: those that a ban has removed, or to which a mute applies
	Lifted   bool `json:"lifted,omitempty"` // it was in force, and is no longer
	None     bool `json:"none,omitempty"`   // it was to be lifted, and was not in force
}

func mute(hub *chat.Hub, r *http.Request) (any, error) { return impose(hub, r, "mute", hub.Mute) }

func ban(hub *chat.Hub, r *http.Request) (any, error) { return impose(hub, r, "ban", hub.Ban) }

// impose is for sanctions of a kind, which set puts into force and lifts.
func impose(hub *chat.Hub, r *http.Request, kind string, set func(room, user string, d time.Duration) error) (any, error) {
	var m moderation
	if err := m.read(r); err != nil {
		return nil, err
	}
	d, err := m.duration()
	if err != nil {
		return nil, err
	}
	if d != 0 { // an earlier version may have taken what this one does not
		if err := m.check(r.Context(), hub); err != nil {
			return nil, err
		}
	}
	there := func(s chat.Sanction) bool { return s.Kind == kind && s.Room == m.Room && s.User == m.User }
	before := sanctionsWhere(hub, there)
	sessions := hub.CountSessions(m.Room, m.User)
	if err := set(m.Room, m.User, d); err != nil {
		return nil, err
	}
	if d == 0 {
		lifted := len(before) > 0
		return Imposed{Sanction: chat.Sanction{Kind: kind, Room: m.Room, User: m.User}, Sessions: sessions, Lifted: lifted, None: !lifted}, nil
	}
	for _, s := range sanctionsWhere(hub, there) {
		return Imposed{Sanction: s, Sessions: sessions}, nil
	}
	return nil, apiError(http.StatusConflict, "the %s has ended already, or somebody else has just lifted it", kind)
}

// check refuses names that are probably misspelt.
func (m *moderation) check(ctx context.Context, hub *chat.Hub) error {
	if !wire.IsUserID(m.User) {
		return apiError(http.StatusBadRequest, "nobody can have this id: it has more than %d bytes, or a control character", wire.MaxUser)
	}
	if err := notReserved(m.Room); err != nil || m.Unknown {
		return err
	}
	_, err := knownUser(ctx, hub, m.User)
	if err == nil && m.Room != "" {
		_, err = knownRoom(ctx, hub, m.Room)
	}
	if isNotFound(err) {
		return apiError(http.StatusNotFound, "%w; if the name is right, set unknown (--unknown)", err)
	}
	return err
}

// Kicked is the answer to POST /chat/hubs/{hub}/kick.
type Kicked struct {
	User     string `json:"user"`
	Room     string `json:"room,omitempty"`
	Sessions int    `json:"sessions"` // that were ended, or removed from the room
}

func kick(hub *chat.Hub, r *http.Request) (any, error) {
	var m moderation
	if err := m.read(r); err != nil {
		return nil, err
	}
	if m.For != nil || m.Unknown {
		return nil, apiError(http.StatusBadRequest, "a kick has neither for nor unknown; use a ban to keep somebody out")
	}
	n := hub.CountSessions(m.Room, m.User)
	switch err := hub.Kick(m.Room, m.User); {
	case err == nil:
		return Kicked{m.User, m.Room, max(n, 1)}, nil
	case !isNotFound(err):
		return nil, err
	case m.Room == "":
		return nil, noUser(hub, m.User, "user %q is not connected", m.User)
	}
	if _, err := knownRoom(r.Context(), hub, m.Room); err != nil {
		return nil, err
	}
	return nil, noUser(hub, m.User, "user %q is not in room %q", m.User, m.Room)
}

// announcement is the body of announce. Either Room or All is set.
type announcement struct {
	Room   string          `json:"room"`
	All    bool            `json:"all"`    // every room that somebody is in
	Create bool            `json:"create"` // the room may have no entries yet
	Body   json.RawMessage `json:"body"`
}

func (a *announcement) read(r *http.Request) (body []byte, err error) {
	if err := decode(r, a); err != nil {
		return nil, err
	}
	switch {
	case a.Room == "" && !a.All:
		return nil, badBody("room is missing; to announce in every room that somebody is in, set all to true")
	case a.All && (a.Room != "" || a.Create):
		return nil, badBody("all means every room: there must be neither room nor create")
	case a.Body == nil:
		return nil, badBody("body is missing")
	case isEmpty(a.Body):
		return nil, badBody("the announcement is empty")
	case !a.All:
		if err := checkRoom(a.Room); err != nil {
			return nil, err
		}
		if err := notReserved(a.Room); err != nil {
			return nil, err
		}
	}
	said, err := wire.DecodePost([]byte(`{"body":` + string(a.Body) + `}`))
	if err != nil {
		_, err = explain(err)
		return nil, badBody("body: %w", err)
	}
	return said.Body, nil
}

// isEmpty reports whether a body says nothing: it is null, or its text is empty.
func isEmpty(body json.RawMessage) bool {
	var text any
	_ = json.Unmarshal(body, &text) // it is JSON: it was decoded
	if object, ok := text.(map[string]any); ok {
		if text, ok = object["text"]; !ok {
			return len(object) == 0
		}
	}
	s, ok := text.(string)
	return text == nil || ok && strings.TrimSpace(s) == ""
}

// Announced is the answer to POST /chat/hubs/{hub}/announce.
type Announced struct {
	Room  string      `json:"room,omitempty"` // these are there if one was named
	Seq   journal.Seq `json:"seq,omitempty"`
	At    int64       `json:"at,omitempty"`
	Rooms int         `json:"rooms"` // in how many it was announced
}

func announce(hub *chat.Hub, r *http.Request) (any, error) {
	var a announcement
	body, err := a.read(r)
	if err != nil {
		return nil, err
	}
	if a.All {
		rooms, err := hub.AnnounceToAll(r.Context(), body)
		return Announced{Rooms: rooms}, err
	}
	if !a.Create {
		_, err := knownRoom(r.Context(), hub, a.Room)
		if isNotFound(err) {
			err = apiError(http.StatusNotFound, "%w; if the name is right, set create (--create)", err)
		}
		if err != nil {
			return nil, err
		}
	}
	receipt, err := hub.Announce(r.Context(), a.Room, body)
	return Announced{a.Room, receipt.Seq, receipt.At, 1}, err
}

// Recalled is the answer to POST /chat/hubs/{hub}/recall.
type Recalled struct {
	Room   string      `json:"room"`
	Target journal.Seq `json:"target"`           // the message
	Seq    journal.Seq `json:"seq,omitempty"`    // of the entry that says so; not there if it was recalled before
	Before bool        `json:"before,omitempty"` // it was recalled before
}

func recall(hub *chat.Hub, r *http.Request) (any, error) {
	var message struct {
		Room string      `json:"room"`
		Seq  journal.Seq `json:"seq"`
	}
	if err := decode(r, &message); err != nil {
		return nil, err
	}
	if err := checkRoom(message.Room); err != nil {
		return nil, err
	}
	if err := notReserved(message.Room); err != nil {
		return nil, err
	}
	if message.Seq == 0 || message.Seq > wire.MaxSeq {
		return nil, badBody("seq must be the number of a message")
	}
	receipt, err := hub.Recall(r.Context(), message.Room, message.Seq)
	if isNotFound(err) {
		if _, err := knownRoom(r.Context(), hub, message.Room); err != nil {
			return nil, err
		}
		return nil, apiError(http.StatusNotFound, "room %q has no message %d", message.Room, message.Seq)
	}
	return Recalled{message.Room, message.Seq, receipt.Seq, receipt.Duplicate}, err
}
