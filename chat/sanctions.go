package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// sanctions are the mutes and bans in force. They are kept in the journal's
// records, and outlive restarts; those that are asked for are kept in memory.
type sanctions struct {
	records Records
	setting turns[sanction]

	mu   sync.RWMutex           // guards ends; a leaf
	ends map[sanction]time.Time // zero: it has none
}

// sanction is what a user must not do, in a room or, without one, anywhere.
type sanction struct {
	kind       sanctionKind
	room, user string
}

type sanctionKind string

const (
	muted  sanctionKind = "mute"
	banned sanctionKind = "ban"
)

// record is the sanction's name in the journal's records. No room's name has a
// control character, so it can't be another's.
func (k sanction) record() string { return string(k.kind) + "\x00" + k.room + "\x00" + k.user }

func parseSanction(record string) (sanction, error) {
	parts := strings.SplitN(record, "\x00", 3)
	if len(parts) != 3 {
		return sanction{}, fmt.Errorf("record %q is not a mute or a ban", record)
	}
	return sanction{sanctionKind(parts[0]), parts[1], parts[2]}, nil
}

// term is what a record says of a sanction.
type term struct {
	Until int64 `json:"until"` // Unix milliseconds, 0 for ever
}

// loadSanctions reads what is in force, and removes what is over.
func loadSanctions(ctx context.Context, r Records) (*sanctions, error) {
	s := &sanctions{records: r, ends: map[sanction]time.Time{}}
	var over []string
	for _, kind := range []sanctionKind{muted, banned} {
		err := r.Scan(ctx, string(kind)+"\x00", func(record string, value []byte) error {
			k, err := parseSanction(record)
			var t term
			if err == nil {
				err = json.Unmarshal(value, &t)
			}
			switch {
			case err != nil:
				return err
			case t.Until == 0:
				s.ends[k] = time.Time{}
			case time.Now().Before(time.UnixMilli(t.Until)):
				s.ends[k] = time.UnixMilli(t.Until)
			default:
				over = append(over, record)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read mutes and bans: %w", err)
		}
	}
	for _, record := range over {
		if err := r.Put(ctx, record, nil); err != nil {
			break // it is over all the same, and looked at again next time
		}
	}
	return s, nil
}

// set puts a sanction into force for d, [wire.Forever] for no end, or lifts it
// where d is 0. It is kept before it takes effect.
func (s *sanctions) set(ctx context.Context, k sanction, d time.Duration) error {
	defer s.setting.take(k)()
	var end time.Time
	var value []byte
	if d != 0 {
		var t term
		if d != wire.Forever {
			end = time.Now().Add(d).Truncate(time.Millisecond)
			t.Until = end.UnixMilli()
		}
		var err error
		if value, err = json.Marshal(t); err != nil {
			return err
		}
	}
	if err := s.records.Put(ctx, k.record(), value); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d == 0 {
		delete(s.ends, k)
	} else {
		s.ends[k] = end
	}
	return nil
}

// check returns an error with the kind's code, and when to try again, if user
// is under such a sanction in room.
func (s *sanctions) check(kind sanctionKind, user, room string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.ends) == 0 {
		return nil
	}
	left := max(s.leftLocked(sanction{kind, room, user}), s.leftLocked(sanction{kind, "", user}))
	if left == 0 {
		return nil
	}
	e := wire.Muted.Error("")
	if kind == banned {
		e = wire.Banned.Error("")
	}
	if left < forever {
		e.Retry = left
	}
	return e
}

// forever is longer than any sanction that has an end.
const forever = 2 * wire.MaxFor

// leftLocked is how long a sanction is still in force.
func (s *sanctions) leftLocked(k sanction) time.Duration {
	end, ok := s.ends[k]
	switch {
	case !ok:
		return 0
	case end.IsZero():
		return forever
	}
	return max(0, time.Until(end))
}
