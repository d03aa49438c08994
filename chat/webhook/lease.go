package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// leaseTime is after which time another node takes a part over from one that does not
// renew its lease. No clocks of different nodes are compared: a node looks how long a record
// has not changed. So clocks that are wrong make nothing worse than repeats.
const leaseTime = 15 * time.Second

// renewTime is how often a lease is renewed, and looked at.
const renewTime = leaseTime / 5

// record is what a journal keeps of one part of a webhook.
type record struct {
	At   string `json:"at"`             // the position: what is up to it was accepted, or skipped
	Node string `json:"node,omitempty"` // which node has the lease
	Turn uint64 `json:"turn"`           // rises with each change
	// Refused is when the batch behind At was refused for the first time with a status
	// from 400 to 499, Unix milliseconds. Single: up to this position, events are sent
	// one by one.
	Refused int64  `json:"refused,omitempty"`
	Single  string `json:"single,omitempty"`
	// Stopped says that the receiver has told Node that it is gone.
	Stopped bool `json:"stopped,omitempty"`
}

func recordKey(name string, part int) string {
	return "feed\x00" + name + "\x00" + strconv.Itoa(part)
}

func decodeRecord(value []byte) (r record, err error) {
	if err = json.Unmarshal(value, &r); err != nil {
		err = fmt.Errorf("the record of the position is damaged: %w", err)
	}
	return r, err
}

func (r record) encode() []byte {
	p, err := json.Marshal(r)
	if err != nil {
		panic(err) // it has texts and numbers
	}
	return p
}

// errMoved says that somebody else has changed the record: another node has taken the
// lease, or an operator has moved the position.
var errMoved = errors.New("the record has changed")

// store keeps the record of one part of a webhook. The goroutine of its consumer owns it.
type store struct {
	journal journal.Journal // fixed
	key     string          // fixed
	self    string          // fixed: this node

	last    []byte    // the record as it was read or written last
	changed time.Time // when that was first seen
	written time.Time // when this node wrote it last
	had     record    // last, decoded
}

// updateTime bounds what is asked of the journal for a record.
const updateTime = 10 * time.Second

// read reads the record. It returns false if there is none.
func (s *store) read(ctx context.Context) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, updateTime)
	defer cancel()
	r, err := s.journal.Records().Get(ctx, s.key)
	if err != nil {
		return false, err
	}
	if r.Value == nil {
		s.last, s.had = nil, record{}
		return false, nil
	}
	if s.last == nil || !bytes.Equal(s.last, r.Value) {
		s.last, s.changed = bytes.Clone(r.Value), time.Now()
	}
	s.had, err = decodeRecord(r.Value)
	return true, err
}

// write replaces the record as it was seen last. It returns errMoved if that has changed.
func (s *store) write(ctx context.Context, r record) error {
	ctx, cancel := context.WithTimeout(ctx, updateTime)
	defer cancel()
	r.Turn = s.had.Turn + 1
	before, value := s.last, r.encode()
	err := s.journal.Records().Update(ctx, s.key, func(old []byte) ([]byte, error) {
		if !bytes.Equal(old, before) {
			return nil, errMoved
		}
		return value, nil
	})
	if err == nil {
		now := time.Now()
		s.last, s.had, s.changed, s.written = value, r, now, now
	}
	return err
}

// others returns the nodes that are alive beside this one.
func (s *store) others(ctx context.Context) (map[string]bool, error) {
	list, err := s.journal.Nodes().List(ctx)
	others := map[string]bool{}
	for _, n := range list {
		if n.ID != s.self {
			others[n.ID] = true
		}
	}
	return others, err
}

// free reports whether this node may take the lease of the record that was read.
func (s *store) free(others map[string]bool) bool {
	return s.last == nil || !others[s.had.Node] || time.Since(s.changed) >= leaseTime
}
