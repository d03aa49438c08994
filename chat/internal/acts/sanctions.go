package acts

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// sanctions are the mutes and bans of a hub. They are in memory, where they are
// asked for, and in the journal's records, so that they outlive restarts.
type sanctions struct {
	access.Sanctions
	records journal.Records
	setting keyedmutex.Mutex[access.Sanction]
}

// sanctionRecord is the key of a sanction in the journal's records. Neither a
// user's id nor a room's name has a control character, so two sanctions never
// have the same record.
func sanctionRecord(k access.Sanction) string {
	return string(k.Kind) + "\x00" + k.Room + "\x00" + k.User
}

func parseSanction(record string) (access.Sanction, error) {
	parts := strings.SplitN(record, "\x00", 3)
	if len(parts) != 3 {
		return access.Sanction{}, fmt.Errorf("record %q is not a mute or a ban", record)
	}
	return access.Sanction{Kind: access.SanctionKind(parts[0]), Room: parts[1], User: parts[2]}, nil
}

// sanctionValue is what a record says of a sanction.
type sanctionValue struct {
	Until int64 `json:"until"` // Unix milliseconds; 0: it has no end
}

// loadSanctions reads the sanctions in force, and removes the records of those
// that are over.
func loadSanctions(ctx context.Context, r journal.Records) (*sanctions, error) {
	s := &sanctions{records: r}
	var over []string
	for _, kind := range []access.SanctionKind{access.Mute, access.Ban} {
		err := r.Scan(ctx, string(kind)+"\x00", func(r journal.Record) error {
			k, err := parseSanction(r.Key)
			var v sanctionValue
			if err == nil {
				err = json.Unmarshal(r.Value, &v)
			}
			switch {
			case err != nil:
				return err
			case v.Until == 0:
				s.Set(k, time.Time{})
			case time.Now().Before(time.UnixMilli(v.Until)):
				s.Set(k, time.UnixMilli(v.Until))
			default:
				over = append(over, r.Key)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read mutes and bans: %w", err)
		}
	}
	for _, record := range over {
		if err := r.Put(ctx, record, nil); err != nil {
			break // it has no effect, and the next start removes it
		}
	}
	return s, nil
}

// change puts a sanction into force for d: [wire.Forever] for no end, 0 to lift
// it. It is stored before it takes effect. If it is not certain that it was stored, it
// has no effect before the next start.
func (s *sanctions) change(ctx context.Context, k access.Sanction, d time.Duration) error {
	unlock, err := s.setting.Lock(ctx, k)
	if err != nil {
		return err
	}
	defer unlock()
	if d == 0 {
		if err := s.put(ctx, k, nil); err != nil {
			return err
		}
		s.Lift(k)
		return nil
	}
	var end time.Time
	var v sanctionValue
	if d != wire.Forever {
		end = time.Now().Add(d).Truncate(time.Millisecond)
		v.Until = end.UnixMilli()
	}
	value, err := json.Marshal(v)
	if err == nil {
		err = s.put(ctx, k, value)
	}
	if err == nil {
		s.Set(k, end)
	}
	return err
}

func (s *sanctions) put(ctx context.Context, k access.Sanction, value []byte) error {
	err := s.records.Put(ctx, sanctionRecord(k), value)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", journal.ErrUncertain, err)
	}
	return err
}

// check returns an error with code muted or banned, and when to try again, if the
// user is under such a sanction in the room.
func (s *sanctions) check(kind access.SanctionKind, user, room string) error {
	left := s.Left(kind, user, room)
	if left == 0 {
		return nil
	}
	code := wire.Muted
	if kind == access.Ban {
		code = wire.Banned
	}
	e := code.Error("")
	if left != access.Endless {
		e.Retry = left
	}
	return e
}
