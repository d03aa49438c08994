package script

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
)

// Dialer opens the connection with this name, in this dialect, with a query such
// as "room=lobby", which may be empty. A raw connection must have joined its room
// when Dialer returns, or it misses the next messages. A server may answer the
// handshake before the join, so wait for the answer to a WebSocket ping.
type Dialer func(ctx context.Context, name, dialect, query string) (Conn, error)

// Conn is the client's side of a WebSocket connection. One goroutine uses it at a
// time. It answers WebSocket pings by itself.
type Conn interface {
	Send(ctx context.Context, f Frame) error
	// Recv returns the next message, or a [*ClosedError] if the server has
	// closed.
	Recv(ctx context.Context) (Frame, error)
	// Close closes the connection. It may be called more than once, and after
	// the server has closed.
	Close() error
}

// Frame is a whole WebSocket message.
type Frame struct {
	Binary bool
	Data   []byte
}

func (f Frame) String() string {
	if f.Binary {
		return fmt.Sprintf("binary %x", f.Data)
	}
	return string(f.Data)
}

// ClosedError reports that the server closed the connection.
type ClosedError struct {
	Code int // the close code
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("the server closed the connection with %d", e.Code)
}

// Run plays a conversation and returns the first difference between it and what the
// server does. given must have a value for every name in c.Given. ctx limits how
// long the server may take.
func Run(ctx context.Context, c Conversation, dial Dialer, given Vars) error {
	for _, name := range c.Given {
		if _, ok := given[name]; !ok {
			return fmt.Errorf("line %d: $%s is not given", c.Line, name)
		}
	}
	r := runner{c: c, dial: dial, vars: Vars{}, conns: map[string]Conn{}}
	maps.Copy(r.vars, given)
	defer r.close()
	for i := 0; i < len(c.Steps); {
		n := r.group(i)
		if err := r.play(ctx, c.Steps[i:i+n]); err != nil {
			return fmt.Errorf("line %d: %w", c.Steps[i].Line, err)
		}
		i += n
	}
	return nil
}

type runner struct {
	c     Conversation
	dial  Dialer
	vars  Vars
	conns map[string]Conn
}

func (r *runner) close() {
	for _, conn := range r.conns {
		_ = conn.Close() // the conversation is over
	}
}

// group returns how many steps from i on are played together, because their frames
// may come in any order.
func (r *runner) group(i int) int {
	first := r.c.Steps[i]
	n := 1
	for _, s := range r.c.Steps[i+1:] {
		if first.Action != HearAnyOrder || s.Action != HearAnyOrder || s.Conn != first.Conn {
			break
		}
		n++
	}
	return n
}

// play plays one step, or a group of them.
func (r *runner) play(ctx context.Context, steps []Step) error {
	s := steps[0]
	conn, err := r.conn(ctx, s)
	if err != nil {
		return err
	}
	switch s.Action {
	case Say:
		return conn.Send(ctx, Frame{Data: []byte(r.fill(s))})
	case SayBinary:
		return conn.Send(ctx, Frame{Binary: true, Data: s.Bytes})
	case Hear, HearAnyOrder, HearBinary:
		return r.hear(ctx, conn, steps)
	case Close:
		return conn.Close()
	case Closed:
		return r.closed(ctx, conn, s.Code)
	}
	return nil // Open
}

// conn returns the connection of a step, and opens it first if it is not open.
func (r *runner) conn(ctx context.Context, s Step) (Conn, error) {
	conn := r.conns[s.Conn]
	if conn != nil && s.Action != Open {
		return conn, nil
	}
	if conn != nil {
		return nil, fmt.Errorf("connection %q is already open", s.Conn)
	}
	query := ""
	if s.Action == Open {
		query = r.fillQuery(s.Text)
	}
	conn, err := r.dial(ctx, s.Conn, s.Dialect, query)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	r.conns[s.Conn] = conn
	return conn, nil
}

// hear receives frames until each step has got the one it expects.
func (r *runner) hear(ctx context.Context, conn Conn, steps []Step) error {
	for left := append([]Step(nil), steps...); len(left) > 0; {
		f, err := conn.Recv(ctx)
		if err != nil {
			return err
		}
		i, err := r.find(f, left)
		if err != nil && unordered(f) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%w\nreceived %v\nwant     %s", err, f, left[0].Text)
		}
		left = append(left[:i], left[i+1:]...)
	}
	return nil
}

// find returns the index of the first step that a frame matches, or how it differs
// from the last.
func (r *runner) find(f Frame, steps []Step) (int, error) {
	var err error
	for i, s := range steps {
		if err = r.match(f, s); err == nil {
			return i, nil
		}
	}
	return 0, err
}

func (r *runner) match(f Frame, s Step) error {
	binary := s.Action == HearBinary
	switch {
	case f.Binary && !binary:
		return errors.New("the frame is binary, want text")
	case !f.Binary && binary:
		return errors.New("the frame is text, want binary")
	case f.Binary && !bytes.Equal(f.Data, s.Bytes):
		return errors.New("the bytes differ")
	case f.Binary:
		return nil
	case s.Dialect != "raw":
		return Match([]byte(s.Text), f.Data, r.vars)
	case string(f.Data) != s.Text:
		return errors.New("the text differs")
	}
	return nil
}

// unordered reports whether a frame may come at any time, whatever the
// conversation expects. The server decides when to send presence and changes of the list
// of conversations, and how many of them it reports at once.
func unordered(f Frame) bool {
	var frame struct{ Type string }
	if f.Binary || json.Unmarshal(f.Data, &frame) != nil {
		return false
	}
	return frame.Type == "presence" || frame.Type == "row" || frame.Type == "head"
}

// closed waits until the server has closed. code 0 stands for any code.
func (r *runner) closed(ctx context.Context, conn Conn, code int) error {
	for {
		f, err := conn.Recv(ctx)
		var end *ClosedError
		switch {
		case errors.As(err, &end) && (code == 0 || code == end.Code):
			return nil
		case errors.As(err, &end):
			return fmt.Errorf("%w, want %d", err, code)
		case err != nil:
			return err
		case !unordered(f):
			return fmt.Errorf("the connection is not closed, received %v", f)
		}
	}
}

var (
	quotedName = regexp.MustCompile(`"\$([A-Za-z][A-Za-z0-9]*)"`)
	bareName   = regexp.MustCompile(`\$([A-Za-z][A-Za-z0-9]*)`)
)

// fill returns the text of a step with values in place of names. The raw dialect
// has no names.
func (r *runner) fill(s Step) string {
	if s.Dialect == "raw" {
		return s.Text
	}
	return quotedName.ReplaceAllStringFunc(s.Text, func(quoted string) string {
		return show(r.value(quoted[2 : len(quoted)-1]))
	})
}

func (r *runner) fillQuery(query string) string {
	query = strings.TrimPrefix(query, "?")
	return bareName.ReplaceAllStringFunc(query, func(name string) string {
		return url.QueryEscape(fmt.Sprint(r.value(name[1:])))
	})
}

// value returns the value of a name; a new name gets a fresh string.
func (r *runner) value(name string) any {
	if _, ok := r.vars[name]; !ok {
		r.vars[name] = name + "-" + rand.Text()[:10]
	}
	return r.vars[name]
}
