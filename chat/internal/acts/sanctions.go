package acts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/foreign"
	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// sanctions are the mutes and bans of a hub. They are in memory, where they are
// asked for, and in the journal's records, so that they outlive restarts. What changes
// in the records, on whichever node, changes here.
type sanctions struct {
	access.Sanctions

	// Fixed.
	records journal.Records
	changed func(k access.Sanction, d time.Duration) // another node has changed it. It must not block
	failed  func(error)                              // a record makes no sense
	stops   []func()                                 // end the watching

	setting keyedmutex.Mutex[access.Sanction] // held while this node changes a sanction

	mu      sync.Mutex // guards the rest, and the order of what is set; above the mutex of Sanctions
	loaded  bool
	over    []string                     // records of sanctions that are over; until loaded
	invalid error                        // until loaded
	setHere map[access.Sanction]*setHere // under way
}

// setHere is a change that this node makes.
type setHere struct {
	value []byte
	heard bool // it is in the record, and in memory
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

// watchSanctions reads the sanctions in force, follows their changes, and removes the
// records of those that are over.
func watchSanctions(ctx context.Context, r journal.Records, changed func(access.Sanction, time.Duration), failed func(error)) (*sanctions, error) {
	s := &sanctions{records: r, changed: changed, failed: failed, setHere: map[access.Sanction]*setHere{}}
	for _, kind := range []access.SanctionKind{access.Mute, access.Ban} {
		stop, err := foreign.Call(ctx, func() (func(), error) { return r.Watch(string(kind)+"\x00", s.heard) }, stopLate)
		if err != nil {
			s.close(ctx)
			return nil, fmt.Errorf("read mutes and bans: %w", err)
		}
		s.stops = append(s.stops, stop)
	}
	s.mu.Lock()
	over, err := s.over, s.invalid
	s.loaded, s.over = true, nil
	s.mu.Unlock()
	if err != nil {
		s.close(ctx)
		return nil, fmt.Errorf("read mutes and bans: %w", err)
	}
	for _, record := range over {
		if err := r.Put(ctx, record, nil); err != nil {
			break // it has no effect, and the next start removes it
		}
	}
	return s, nil
}

// stopLate ends a watching that began when nobody waited for it any more.
func stopLate(stop func(), err error) {
	if err == nil {
		stop()
	}
}

// close ends the watching. It waits for the journal until ctx ends.
func (s *sanctions) close(ctx context.Context) {
	for _, stop := range s.stops {
		_ = foreign.Do(ctx, func() error { stop(); return nil }) // there is nobody to tell
	}
}

// heard is told of each record of a sanction, and of its changes.
func (s *sanctions) heard(r journal.Record) {
	k, err := parseSanction(r.Key)
	end, inForce, endErr := parseEnd(r.Value)
	err = errors.Join(err, endErr)
	s.mu.Lock()
	loaded := s.loaded
	switch {
	case err != nil && !loaded:
		s.invalid = err
	case r.Value != nil && !inForce && !loaded:
		s.over = append(s.over, r.Key)
	}
	changed := err == nil && s.setLocked(k, end, inForce)
	if here := s.setHere[k]; here != nil && bytes.Equal(here.value, r.Value) {
		here.heard, changed = true, false // whoever has set it does the rest
	}
	s.mu.Unlock()
	switch {
	case !loaded:
	case err != nil:
		s.failed(err)
	case changed:
		s.changed(k, durationUntil(end, inForce))
	}
}

// parseEnd returns when a sanction ends, and whether it is in force. A nil value is that
// of a record that was deleted.
func parseEnd(value []byte) (end time.Time, inForce bool, err error) {
	if value == nil {
		return end, false, nil
	}
	var v sanctionValue
	if err := json.Unmarshal(value, &v); err != nil {
		return end, false, err
	}
	if v.Until != 0 {
		end = time.UnixMilli(v.Until)
	}
	return end, end.IsZero() || time.Now().Before(end), nil
}

// durationUntil returns how long a sanction has yet to go, as frames have it.
func durationUntil(end time.Time, inForce bool) time.Duration {
	switch {
	case !inForce:
		return 0
	case end.IsZero():
		return wire.Forever
	}
	return max(time.Until(end).Round(time.Millisecond), time.Millisecond)
}

func (s *sanctions) setLocked(k access.Sanction, end time.Time, inForce bool) (changed bool) {
	if !inForce {
		return s.Lift(k)
	}
	return s.Set(k, end)
}

// change puts a sanction into force for d: [wire.Forever] for no end, 0 to lift
// it. It is stored before it takes effect. If it is not certain that it was stored, it
// takes effect once it is seen in the records.
func (s *sanctions) change(ctx context.Context, k access.Sanction, d time.Duration) error {
	unlock, err := s.setting.Lock(ctx, k)
	if err != nil {
		return err
	}
	defer unlock()
	var end time.Time
	var value []byte
	if d != 0 {
		var v sanctionValue
		if d != wire.Forever {
			end = time.Now().Add(d).Truncate(time.Millisecond)
			v.Until = end.UnixMilli()
		}
		if value, err = json.Marshal(v); err != nil {
			return err
		}
	}
	here := &setHere{value: value}
	s.mu.Lock()
	s.setHere[k] = here
	s.mu.Unlock()
	err = s.put(ctx, k, value)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.setHere, k)
	if here.heard {
		return nil // and what came after it counts
	}
	if err == nil {
		s.setLocked(k, end, d != 0)
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
