package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Request is a request that a route answers.
type Request struct {
	Path  map[string]string // what stands in the path for each parameter
	Query url.Values
	Key   string // of the header Idempotency-Key
	Limit int    // bytes of one message
	// Body reads the body.
	Body func() ([]byte, error)

	Feed    *feed.Feed
	Lister  journal.Lister  // of the journal; nil: it cannot list its rooms
	Tokens  Tokens          // nil: there are none
	Leaving context.Context // ends when the web server shuts down; may be nil
}

// Tokens gives tokens to users. They are good for life, or as long as is permitted. It may
// wait until ctx ends.
type Tokens interface {
	Issue(ctx context.Context, user string, life time.Duration) (token string, expires time.Time, err error)
}

// Answer is what answers a request. Made says that an entry was made.
type Answer struct {
	Body []byte
	Made bool
}

// Route is one row of the table: a method of a path.
type Route struct {
	Method, Path string
	summary      string
	scopes       []string // of which a key needs one; none: they depend on the request
	forKeys      bool     // nobody else is answered
	command      string   // type of the command that the request is; empty: none
	query        fields
	body         fields // nil: there is none
	Keyed        bool   // the header Idempotency-Key is its key
	Says         bool   // it may be checked, so it waits longer
	Waits        bool   // it has a time of its own
	Holds        int    // bytes that its answer holds meanwhile, if these are more than a page
	Sizes        int    // how many times max_message the body may have; 0: once
	answer       string // the shape of what answers it
	makes        bool   // it can be answered with 201
	refusals     []int  // beside those that every request may get
	serve        func(context.Context, acts.Turn, *call) (Answer, error)
}

// call is a request while its route answers it.
type call struct {
	*Request
	route *Route
}

// once returns the query parameter of that name, which may be missing.
func (c *call) once(name string) (string, error) {
	values := c.Query[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", refuse(wire.BadFrame, name, "must be given once")
}

// amount returns a query parameter that is a number of least to most, or 0 if it is missing.
func (c *call) amount(name string, least, most int) (int, error) {
	text, err := c.once(name)
	if err != nil || text == "" && !c.Query.Has(name) {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(n) < least || int(n) > most {
		return 0, refuse(wire.BadFrame, name, fmt.Sprintf("must be a whole number of %d to %d", least, most))
	}
	return int(n), nil
}

// segments returns the parts of a path between its slashes.
func segments(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

// match returns what stands for the parameters in a path, which is escaped.
func (rt *Route) match(parts []string) (map[string]string, bool) {
	pattern := segments(rt.Path)
	if len(parts) != len(pattern) || parts[len(parts)-1] == "" {
		return nil, false
	}
	values := map[string]string{}
	for i, p := range pattern {
		text, err := url.PathUnescape(parts[i])
		switch {
		case err != nil:
			return nil, false
		case strings.HasPrefix(p, "{"):
			values[strings.Trim(p, "{}")] = text
		case p != text:
			return nil, false
		}
	}
	return values, true
}

// Serve answers a request that it matches, whose actor was charged for it.
func (rt *Route) Serve(ctx context.Context, t acts.Turn, r *Request) (Answer, error) {
	for name := range r.Query {
		if !has(rt.query, name) && (name != "as" || !rt.actsAs()) {
			return Answer{}, refuse(wire.BadFrame, name, "there is no such parameter here")
		}
	}
	if rt.forKeys {
		if err := t.NeedsKey(); err != nil {
			return Answer{}, err
		}
	}
	return rt.serve(ctx, t, &call{r, rt})
}

// actsAs reports whether a key may act in the name of a user here. What is done to users, and what is
// read of events, is nobody's act but the key's.
func (rt *Route) actsAs() bool {
	return !slices.Contains(rt.scopes, "users") && !slices.Contains(rt.scopes, "feed")
}

func refuse(code wire.Code, field, message string) error {
	e := code.Error("")
	e.Field, e.Message = field, field+": "+message
	return e
}

// decode reads the command that the request is.
func (c *call) decode() (wire.Command, error) {
	fixed, err := c.fixed()
	if err != nil {
		return nil, err
	}
	var body []byte
	if c.route.body != nil {
		if body, err = c.Body(); err != nil {
			return nil, err
		}
	}
	return wire.DecodeRequest(c.route.command, fixed, body, c.route.knows)
}

// knows reports whether the body of the request may have that field.
func (rt *Route) knows(name string) bool { return has(rt.body, name) }

// has reports whether a field is one of those, required or not.
func has(of fields, name string) bool {
	return of[name] != nil || of[name+"!"] != nil
}

// fixed returns the fields that stand in the path, the query and the header.
func (c *call) fixed() (f wire.Fields, err error) {
	for _, name := range []string{"room", "seq"} {
		value, ok := c.Path[name]
		switch {
		case !ok:
		case name == "room":
			if err := wire.CheckRoom(value); err != nil {
				return f, err
			}
			f.Text(name, value)
		case !f.Number(name, value):
			return f, refuse(wire.BadFrame, name, "must be the number of an entry")
		}
	}
	for name, s := range c.route.query {
		values := c.Query[name]
		switch {
		case len(values) == 0:
		case s["type"] == "array":
			f.Texts(name, values)
		case len(values) > 1:
			return f, refuse(wire.BadFrame, name, "must be given once")
		case s["type"] == "integer" && !f.Number(name, values[0]):
			return f, refuse(wire.BadFrame, name, "must be a whole number")
		case s["type"] == "string":
			f.Text(name, values[0])
		}
	}
	if c.route.Keyed && c.Key != "" {
		f.Text("key", c.Key)
	}
	return f, nil
}

// Bounds returns how many bytes the body of a request may have, and how many the request holds
// at most. It says that its body has length bytes, or -1: it does not say. rt is nil for a request that is none.
func (rt *Route) Bounds(maxMessage int, length int64) (body, holds int) {
	body, holds = maxMessage, acts.PageBytes
	if rt != nil {
		// Where an int has 32 bits, eight times it must still be one: see the bound of all requests.
		body = int(min(int64(body)*int64(max(1, rt.Sizes)), math.MaxInt/16))
		holds = max(holds, rt.Holds)
	}
	if length < 0 || length > int64(body) {
		length = int64(body)
	}
	return body, max(int(length), holds)
}

// frame is the answer that is a frame.
func frame(f wire.Frame, made bool) Answer { return Answer{wire.AppendBody(nil, f), made} }

// asJSON is the answer that has these fields.
func asJSON(of any) (Answer, error) {
	body, err := json.Marshal(of)
	return Answer{Body: body}, err
}

// recorded is the answer to what makes an entry, or has changed nothing.
func recorded(room string, r journal.Receipt, err error) (Answer, error) {
	if err != nil {
		return Answer{}, err
	}
	sent := &wire.Sent{Room: room, Seq: uint64(r.Seq), At: r.At, Duplicate: r.Duplicate}
	return frame(sent, !r.Duplicate), nil
}

// to returns a function that answers a request whose command is a C.
func to[C wire.Command](act func(context.Context, acts.Turn, C) (Answer, error)) func(context.Context, acts.Turn, *call) (Answer, error) {
	return func(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
		command, err := c.decode()
		if err != nil {
			return Answer{}, err
		}
		known, ok := command.(C)
		if !ok {
			return Answer{}, fmt.Errorf("%s %s is decoded as %T", c.route.Method, c.route.Path, command)
		}
		return act(ctx, t, known)
	}
}
