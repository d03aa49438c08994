package caddymodule

import (
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/bounds"
	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// Limits restrict what clients may do. Their defaults suit a public site. A client
// that reaches a limit is told so, and when to try again.
type Limits struct {
	// The most characters in the text of a message: the body if that is a string,
	// else its member `text`. Default: 2500, which is the most that WeChat's content
	// check accepts in one call.
	Text int `json:"text,omitempty"`

	// The most entries in one answer. Default: 100.
	Page int `json:"page,omitempty"`

	// The most rooms that one session may be in. Default: 100.
	Rooms int `json:"rooms,omitempty"`

	// The most sessions of one user, on all devices together. Default: 20.
	Sessions int `json:"sessions,omitempty"`

	// The most connections that have not sent hello yet. Default: 1000.
	Greeting int `json:"greeting,omitempty"`

	// The most rooms with at least one session in them. Default: 100000.
	OpenRooms int `json:"open_rooms,omitempty"`

	// The most bytes that wait for one client to read them. A client that is slower
	// is disconnected. Default: 512 KiB. It is never less than eight times
	// `max_message`.
	Outbox int64 `json:"outbox,omitempty"`

	// The most bytes that wait for all clients together. Default: 256 MiB.
	Outboxes int64 `json:"outboxes,omitempty"`

	// How many frames one session may send. Default: 20 a second, 100 at once.
	SessionRate Rate `json:"session_rate,omitzero"`

	// How many bytes one session may send. Default: 128 KiB a second, 1 MiB at once.
	SessionBytes Rate `json:"session_bytes,omitzero"`

	// How many frames all sessions of one user may send, and how many requests over HTTP, where the guests
	// of one address count as one user. Default: twice `session_rate`.
	UserRate Rate `json:"user_rate,omitzero"`

	// How many bytes these may have. Default: twice `session_bytes`.
	UserBytes Rate `json:"user_bytes,omitzero"`

	// How often one address may connect. Default: 10 times a second, 100 at once.
	ConnectRate Rate `json:"connect_rate,omitzero"`

	// How many rooms one user may make: rooms in which the user says the first thing.
	// The guests of one address count as one user. Default: 0.2 a second, 60 at once.
	NewRooms Rate `json:"new_rooms,omitzero"`

	// How many bytes are read for one user: history, and what they have missed. The
	// guests of one address count as one user. As many more bytes one address is answered
	// of what everybody gets. Default: 4 MiB a second, 32 MiB at once.
	ReadBytes Rate `json:"read_bytes,omitzero"`

	// The most read marks that are kept for one user. Default: 1000.
	Marks int `json:"marks,omitempty"`

	// The most conversations that one user belongs to. Default: 10000.
	Conversations int `json:"conversations,omitempty" bounds:"1 100000"`

	// The most rows of lists of conversations that this server tells of changes, of all
	// users who have their lists open. Default: 5000000.
	Listed int `json:"listed,omitempty"`

	// How many conversations one user may found. Default: 0.2 a second, 10 at once.
	CreateRate Rate `json:"create_rate,omitzero"`

	// How often one user may ask for a page of the list of conversations. Default: 0.5
	// times a second, 10 at once.
	ListRate Rate `json:"list_rate,omitzero"`

	// How many requests one key may send. Default: 200 a second, 1000 at once.
	KeyRate Rate `json:"key_rate,omitzero"`

	// How long after sending a message its author may recall it. Default: 2m.
	Recall caddy.Duration `json:"recall,omitempty"`

	// How long after sending a message its author may edit it. Default: 15m.
	Edit caddy.Duration `json:"edit,omitempty"`

	// How long a client may take to send hello. Default: 10s.
	Hello caddy.Duration `json:"hello,omitempty" bounds:"1s 36500d"`

	// How long a user stays present after losing the connection. Of more than 100,000, in all
	// rooms together, the network with most loses those who were lost first. Default: 30s.
	Away caddy.Duration `json:"away,omitempty"`
}

// Rate is a token bucket.
type Rate struct {
	// How much is allowed per second on average.
	PerSecond float64 `json:"per_second,omitempty"`
	// How much is allowed at once.
	Burst int `json:"burst,omitempty"`
}

// CheckBounds returns an error for a bucket that would never be full again.
func (r Rate) CheckBounds() error {
	const most = 50 * 365 * 24 * 3600 // seconds
	if r.PerSecond > 0 && float64(r.Burst)/r.PerSecond > most {
		return fmt.Errorf("allows %d at once, which at %v a second take more than 50 years to come again", r.Burst, r.PerSecond)
	}
	return nil
}

// applyTo copies the limits to the settings of a hub.
func (l *Limits) applyTo(s *chat.Settings) {
	s.MaxText, s.MaxPage, s.MaxRooms, s.MaxSessions = l.Text, l.Page, l.Rooms, l.Sessions
	s.MaxGreeting, s.MaxOpenRooms = l.Greeting, l.OpenRooms
	s.OutboxLimit, s.MaxOutboxes = int(l.Outbox), int(l.Outboxes)
	s.SessionRate, s.SessionBytes = access.Rate(l.SessionRate), access.Rate(l.SessionBytes)
	s.UserRate, s.UserBytes = access.Rate(l.UserRate), access.Rate(l.UserBytes)
	s.ConnectRate = access.Rate(l.ConnectRate)
	s.NewRooms, s.ReadBytes, s.Marks = access.Rate(l.NewRooms), access.Rate(l.ReadBytes), l.Marks
	s.EditWindow = time.Duration(l.Edit)
	s.Conversations, s.Listed = l.Conversations, l.Listed
	s.CreateRate, s.ListRate, s.KeyRate = access.Rate(l.CreateRate), access.Rate(l.ListRate), access.Rate(l.KeyRate)
	s.RecallWindow, s.HelloTimeout, s.AwayDelay = time.Duration(l.Recall), time.Duration(l.Hello), time.Duration(l.Away)
}

// parse reads the option limits. Syntax:
//
//	limits {
//	    text          <number>
//	    page          <number>
//	    rooms         <number>
//	    sessions      <number>
//	    greeting      <number>
//	    open_rooms    <number>
//	    outbox        <size>
//	    outboxes      <size>
//	    session_rate  <frames a second> <frames at once>
//	    session_bytes <size a second> <size at once>
//	    user_rate     <frames a second> <frames at once>
//	    user_bytes    <size a second> <size at once>
//	    connect_rate  <times a second> <times at once>
//	    new_rooms     <rooms a second> <rooms at once>
//	    read_bytes    <size a second> <size at once>
//	    marks         <number>
//	    conversations <number>
//	    listed        <number>
//	    create_rate   <conversations a second> <conversations at once>
//	    list_rate     <times a second> <times at once>
//	    key_rate      <requests a second> <requests at once>
//	    recall        <duration>
//	    edit          <duration>
//	    hello         <duration>
//	    away          <duration>
//	}
func (l *Limits) parse(d *caddyfile.Dispenser) error {
	options := map[string]func() error{}
	for name, to := range map[string]*int{
		"text": &l.Text, "page": &l.Page, "rooms": &l.Rooms, "sessions": &l.Sessions,
		"greeting": &l.Greeting, "open_rooms": &l.OpenRooms, "marks": &l.Marks,
		"conversations": &l.Conversations, "listed": &l.Listed,
	} {
		options[name] = func() error { return values.Number(d, l, to) }
	}
	for name, to := range map[string]*int64{"outbox": &l.Outbox, "outboxes": &l.Outboxes} {
		options[name] = func() error { return values.Size(d, l, to) }
	}
	for name, to := range map[string]*Rate{
		"session_rate": &l.SessionRate, "user_rate": &l.UserRate, "connect_rate": &l.ConnectRate, "new_rooms": &l.NewRooms,
		"create_rate": &l.CreateRate, "list_rate": &l.ListRate, "key_rate": &l.KeyRate,
	} {
		options[name] = func() error { return parseRate(d, to) }
	}
	for name, to := range map[string]*Rate{"session_bytes": &l.SessionBytes, "user_bytes": &l.UserBytes, "read_bytes": &l.ReadBytes} {
		options[name] = func() error { return parseByteRate(d, to) }
	}
	for name, to := range map[string]*caddy.Duration{"recall": &l.Recall, "edit": &l.Edit, "hello": &l.Hello, "away": &l.Away} {
		options[name] = func() error { return values.Duration(d, l, to) }
	}
	return values.Block(d, "limits", values.EachChecked(d, func() error { return bounds.Check(l) }, options))
}

func parseRate(d *caddyfile.Dispenser, to *Rate) error {
	name, args := d.Val(), d.RemainingArgs()
	if len(args) != 2 {
		return d.Errf("chat: %s takes two numbers: per second, and at once", name)
	}
	perSecond, err := strconv.ParseFloat(args[0], 64)
	if err != nil || !(perSecond > 0) {
		return d.Errf("chat: %s: %q is not a number above 0", name, args[0])
	}
	burst, err := values.WholeNumber(args[1])
	if err != nil {
		return d.Errf("chat: %s: %v", name, err)
	}
	*to = Rate{perSecond, burst}
	return nil
}

func parseByteRate(d *caddyfile.Dispenser, to *Rate) error {
	name, args := d.Val(), d.RemainingArgs()
	if len(args) != 2 {
		return d.Errf("chat: %s takes two sizes: per second, and at once", name)
	}
	var sizes [2]int64
	for i, arg := range args {
		var err error
		if sizes[i], err = values.MemorySize(arg); err != nil {
			return d.Errf("chat: %s: %v", name, err)
		}
	}
	*to = Rate{float64(sizes[0]), int(sizes[1])}
	return nil
}
