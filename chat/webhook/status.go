package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Status tells of a webhook. Counters begin at 0 when it begins in this process.
type Status struct {
	Name      string        `json:"name"`
	URL       string        `json:"url"`  // without its query
	Host      string        `json:"host"` // of its URL
	Events    []string      `json:"events"`
	Rooms     []string      `json:"rooms"`
	Lag       time.Duration `json:"-"`         // how long the oldest event waits that is not accepted yet
	Delivered uint64        `json:"delivered"` // events
	Requests  uint64        `json:"requests"`
	Retried   uint64        `json:"retried"` // requests that were not accepted
	Skipped   uint64        `json:"skipped"` // events that were refused for a day
	Parts     []PartStatus  `json:"parts"`
}

// PartStatus tells of one part of the feed for a webhook.
type PartStatus struct {
	Part     int    `json:"part"`
	Position string `json:"position,omitempty"` // up to which everything was accepted or skipped; empty: not known yet
	Node     string `json:"node,omitempty"`     // which sends
	Here     bool   `json:"here"`               // that is this process
	Lag      int64  `json:"lag"`                // milliseconds
	Failing  string `json:"failing,omitempty"`  // why the last request was not accepted
	Since    int64  `json:"since,omitempty"`    // since when that is so, Unix milliseconds
	Stopped  bool   `json:"stopped,omitempty"`  // the receiver has answered 410
}

// Status returns what the webhooks are doing, in the order of the settings.
func (s *Sender) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Status, 0, len(s.order))
	for _, name := range s.order {
		list = append(list, s.hooks[name].status(s.journal.Nodes().Self().ID))
	}
	return list
}

func (h *running) status(self string) Status {
	set := h.current.Load()
	st := Status{
		Name: h.name, Events: set.Events, Rooms: set.Rooms,
		Delivered: h.delivered.Load(), Requests: h.requests.Load(), Retried: h.retried.Load(), Skipped: h.skipped.Load(),
	}
	if u, err := url.Parse(set.URL); err == nil {
		st.Host, u.RawQuery = u.Host, ""
		st.URL = u.String()
	}
	if len(st.Events) == 0 {
		st.Events = feed.Entries()
	}
	if len(st.Rooms) == 0 {
		st.Rooms = []string{"*"}
	}
	now := time.Now()
	for _, c := range h.consumers {
		c.state.change(func(p *partState) {
			lag := p.lag(now)
			st.Lag = max(st.Lag, lag)
			part := PartStatus{
				Part: c.part, Position: p.at, Node: p.holder, Here: p.holder == self, Lag: lag.Milliseconds(), Failing: p.failing, Stopped: p.stopped,
			}
			if p.failing != "" {
				part.Since = p.since.UnixMilli()
			}
			st.Parts = append(st.Parts, part)
		})
	}
	return st
}

// Warning says what an operator should do about the webhook, or nothing.
func (s *Status) Warning() string {
	for _, p := range s.Parts {
		switch {
		case p.Stopped && p.Here:
			return stopped(s.Name, "", "")
		case p.Stopped:
			return stopped(s.Name, " at node "+p.Node, " there")
		}
	}
	return ""
}

func stopped(name, where, there string) string {
	return fmt.Sprintf("webhook %s is stopped%s, since its receiver has answered with status 410: once it is back, load the configuration again%s, with caddy reload --force", name, where, there)
}

// ErrUnknown says that there is no webhook of that name.
var ErrUnknown = errors.New("there is no webhook of that name")

// Moved tells how Replay has moved a part of a webhook.
type Moved struct {
	Part int    `json:"part"`
	From string `json:"from"`
	To   string `json:"to"`
}

// ErrStopped says that a webhook sends nothing, whatever its position.
var ErrStopped = errors.New("nothing would be sent again")

// ErrPosition says that a text is no position of this journal.
var ErrPosition = errors.New("this is no position of the journal: take one that a webhook or the list of webhooks shows")

// Replay moves a webhook back, so that what was recorded since a time is sent again, as far
// as the feed keeps it. A part that is further back already stays there. The error is
// ErrStopped if the receiver has answered the node that sends that it is gone.
func (s *Sender) Replay(ctx context.Context, name string, since time.Time) ([]Moved, error) {
	return s.replay(ctx, name, func(part int) (string, error) { return s.feed.Since(ctx, part, since) })
}

// ReplayFrom is Replay for what was recorded behind a position of one part.
func (s *Sender) ReplayFrom(ctx context.Context, name, position string) ([]Moved, error) {
	epoch, of, at, ok := feed.Split(position)
	list, err := s.replay(ctx, name, func(part int) (string, error) {
		now, err := s.feed.Now(ctx, part)
		newest, same := feed.Parse(now, epoch, part)
		switch {
		case err != nil, part != of:
			return "", err
		case !ok || !same || at > newest:
			return "", ErrPosition
		}
		return position, nil
	})
	if err == nil && len(list) == 0 {
		err = ErrPosition
	}
	return list, err
}

// replay moves the parts of a webhook to what to returns; one for which that is empty stays.
func (s *Sender) replay(ctx context.Context, name string, to func(part int) (string, error)) ([]Moved, error) {
	h, err := s.named(name)
	if err != nil {
		return nil, err
	}
	if err := s.isStopped(ctx, h); err != nil {
		return nil, err
	}
	var list []Moved
	for _, c := range h.consumers {
		position, err := to(c.part)
		if err != nil {
			return list, err
		}
		if position == "" {
			continue
		}
		moved := Moved{Part: c.part}
		if err = s.journal.Records().Update(ctx, c.key, func(old []byte) ([]byte, error) {
			var r record
			if old != nil { // of a damaged one only the position is lost, which is set now
				r, _ = decodeRecord(old)
			}
			moved.From, moved.To = r.At, earlier(r.At, position)
			r.At, r.Refused = moved.To, 0
			r.Turn++
			return r.encode(), nil
		}); err != nil {
			return list, err
		}
		list = append(list, moved)
		c.nudge()
	}
	return list, nil
}

// isStopped returns an error if a webhook is stopped at the node that sends it, whichever that is.
func (s *Sender) isStopped(ctx context.Context, h *running) error {
	self := s.journal.Nodes().Self().ID
	st := h.status(self)
	why := st.Warning()
	nodes, err := s.journal.Nodes().List(ctx)
	for _, c := range h.consumers {
		if err != nil || why != "" {
			break
		}
		var r journal.Record
		r, err = s.journal.Records().Get(ctx, c.key)
		had, _ := decodeRecord(r.Value) // what is damaged is written anew
		if had.Stopped && had.Node != self && slices.ContainsFunc(nodes, func(n journal.Node) bool { return n.ID == had.Node }) {
			why = stopped(h.name, " at node "+had.Node, " there")
		}
	}
	if why != "" {
		return fmt.Errorf("%w: %s; replay after that", ErrStopped, why)
	}
	return err
}

func (s *Sender) named(name string) (*running, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hooks[name]; h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("webhook %q: %w", name, ErrUnknown)
}

// MaxWaiting is up to where Waiting counts.
const MaxWaiting = 10_000

// Waiting returns how many events a webhook has not sent yet, or MaxWaiting if there are so
// many. It reads them all.
func (s *Sender) Waiting(ctx context.Context, name string) (n int, err error) {
	h, err := s.named(name)
	if err != nil {
		return 0, err
	}
	for _, c := range h.consumers {
		after := ""
		c.state.change(func(p *partState) { after = p.at })
		for more := after != ""; more && n < MaxWaiting; {
			b, err := s.feed.Batch(ctx, feed.Want{Part: c.part, After: after, Events: MaxBatch, Filter: h.current.Load().filter})
			if err != nil {
				return n, err
			}
			n, more, after = n+b.N, b.More, b.To
		}
	}
	return min(n, MaxWaiting), nil
}

// earlier returns the earlier one of two positions of a part. If from is of another store,
// that is to.
func earlier(from, to string) string {
	epoch, part, at, ok := feed.Split(to)
	if before, same := feed.Parse(from, epoch, part); ok && same && before < at {
		return from
	}
	return to
}
