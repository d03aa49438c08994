package chat

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// readMarks stores how far users have read, in the journal's records. There may
// be any number of guests: their marks are in memory only, and the oldest give
// way.
type readMarks struct {
	records journal.Records
	moving  keyedmutex.Mutex[markKey]

	mu     sync.Mutex // guards the rest
	guests map[markKey]readMark
	order  []markKey // of guests, the oldest first
}

type markKey struct{ user, room string }

// record is the key in the journal's records. Neither a user's id nor a room's
// name has a control character, so two keys never have the same record.
func (k markKey) record() string { return "read\x00" + k.user + "\x00" + k.room }

// readMark is a number of one epoch. In another epoch it means nothing.
type readMark struct {
	Epoch string      `json:"epoch"`
	Seq   journal.Seq `json:"seq"`
}

// maxGuestMarks bounds the marks of guests.
const maxGuestMarks = 100_000

func newReadMarks(r journal.Records) *readMarks {
	return &readMarks{records: r, guests: map[markKey]readMark{}}
}

// get returns how far a user has read, 0 for not at all.
func (m *readMarks) get(ctx context.Context, k markKey, epoch string, guest bool) (journal.Seq, error) {
	at, err := m.load(ctx, k, guest)
	if err != nil || at.Epoch != epoch {
		return 0, err
	}
	return at.Seq, nil
}

// move moves a mark to seq, unless it is there or above already, and returns
// where it is now. Those who move the same mark wait for each other.
func (m *readMarks) move(ctx context.Context, k markKey, epoch string, seq journal.Seq, guest bool) (at journal.Seq, moved bool, err error) {
	defer m.moving.Lock(k)()
	at, err = m.get(ctx, k, epoch, guest)
	if err != nil || seq <= at {
		return at, false, err
	}
	return seq, true, m.store(ctx, k, readMark{epoch, seq}, guest)
}

func (m *readMarks) load(ctx context.Context, k markKey, guest bool) (at readMark, err error) {
	if guest {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.guests[k], nil
	}
	value, err := m.records.Get(ctx, k.record())
	if err != nil || value == nil {
		return at, err
	}
	return at, json.Unmarshal(value, &at)
}

func (m *readMarks) store(ctx context.Context, k markKey, at readMark, guest bool) error {
	if !guest {
		value, err := json.Marshal(at)
		if err != nil {
			return err
		}
		return m.records.Put(ctx, k.record(), value)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.guests[k]; !ok {
		m.order = append(m.order, k)
	}
	m.guests[k] = at
	if len(m.order) > maxGuestMarks {
		delete(m.guests, m.order[0])
		m.order = m.order[1:]
	}
	return nil
}
