package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
)

// Status tells of a webhook. Counters begin at 0 when it begins in this process.
type Status struct {
	Name      string        `json:"name"`
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
		st.Host = u.Host
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

// ErrUnknown says that there is no webhook of that name.
var ErrUnknown = errors.New("there is no webhook of that name")

// Moved tells how Replay has moved a part of a webhook.
type Moved struct {
	Part int    `json:"part"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Replay moves a webhook back, so that what was recorded since a time is sent again, as far
// as the feed keeps it. A part that is further back already stays there.
func (s *Sender) Replay(ctx context.Context, name string, since time.Time) ([]Moved, error) {
	s.mu.Lock()
	h := s.hooks[name]
	s.mu.Unlock()
	if h == nil {
		return nil, fmt.Errorf("webhook %q: %w", name, ErrUnknown)
	}
	var list []Moved
	for _, c := range h.consumers {
		to, err := s.feed.Since(ctx, c.part, since)
		if err != nil {
			return list, err
		}
		moved := Moved{Part: c.part}
		if err = s.journal.Records().Update(ctx, c.key, func(old []byte) ([]byte, error) {
			var r record
			if old != nil { // of a damaged one only the position is lost, which is set now
				r, _ = decodeRecord(old)
			}
			moved.From, moved.To = r.At, earlier(r.At, to)
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

// earlier returns the earlier one of two positions of a part. If from is of another store,
// that is to.
func earlier(from, to string) string {
	epoch, part, at, ok := feed.Split(to)
	if before, same := feed.Parse(from, epoch, part); ok && same && before < at {
		return from
	}
	return to
}
