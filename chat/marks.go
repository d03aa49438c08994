package chat

import (
	"context"
	"encoding/json"
	"sync"
)

// marks are how far users have read, in the journal's records. Those of guests,
// of whom any number may come, are kept in memory alone, and the oldest give way.
type marks struct {
	records Records
	moving  turns[markKey]

	mu     sync.Mutex // guards the rest
	guests map[markKey]mark
	order  []markKey // of guests, the oldest first
}

type markKey struct{ user, room string }

// record is the key's name in the journal's records. No room's name has a
// control character, so it can't be another's.
func (k markKey) record() string { return "read\x00" + k.user + "\x00" + k.room }

// mark is a position in the numbering of one epoch; in another it means nothing.
type mark struct {
	Epoch string `json:"epoch"`
	Seq   Seq    `json:"seq"`
}

// maxGuestMarks bounds the marks of guests.
const maxGuestMarks = 100_000

func newMarks(r Records) *marks {
	return &marks{records: r, guests: map[markKey]mark{}}
}

// get returns how far a user has read, 0 for not at all.
func (m *marks) get(ctx context.Context, k markKey, epoch string, guest bool) (Seq, error) {
	at, err := m.load(ctx, k, guest)
	if err != nil || at.Epoch != epoch {
		return 0, err
	}
	return at.Seq, nil
}

// move moves a mark on to seq and returns where it stands now: it never goes
// back. Two who move the same mark wait for each other.
func (m *marks) move(ctx context.Context, k markKey, epoch string, seq Seq, guest bool) (at Seq, moved bool, err error) {
	defer m.moving.take(k)()
	at, err = m.get(ctx, k, epoch, guest)
	if err != nil || seq <= at {
		return at, false, err
	}
	return seq, true, m.store(ctx, k, mark{epoch, seq}, guest)
}

func (m *marks) load(ctx context.Context, k markKey, guest bool) (at mark, err error) {
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

func (m *marks) store(ctx context.Context, k markKey, at mark, guest bool) error {
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
