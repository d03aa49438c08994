// Package sanctions keeps the mutes and bans of a hub, which outlive a restart.
package sanctions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// Sanctions are the mutes and bans of a hub. They are in memory, where they are
// asked for, and in the journal's records, so that they outlive restarts. What changes
// in the records, on whichever node, changes here.
type Sanctions struct {
	access.Sanctions

	// Fixed.
	records journal.Records
	most    int                                      // is MaxImposed, but in tests of this package
	changed func(k access.Sanction, d time.Duration) // another node has changed it. It must not block
	failed  func(error)                              // a record makes no sense
	stops   []func()                                 // end the watching

	setting keyedmutex.Mutex[access.Sanction] // held while this node changes a sanction

	mu      sync.Mutex // guards the rest, and the order of what is set; above the mutex of Sanctions
	loaded  bool
	over    []access.Sanction            // sanctions that are over, whose records are to be removed
	invalid error                        // until loaded
	setHere map[access.Sanction]*setHere // under way

	// What moderators have imposed in rooms, and this process knows of: each is a record,
	// and whoever moderates a room of their own may name users that do not exist.
	share     backpressure.Share // has a mutex of its own
	imposedBy map[access.Sanction]access.Person
	forgotAt  time.Time
}

// MaxImposed is how many mutes and bans of rooms moderators may have imposed. It is a variable
// for tests, which may change it before there is a hub.
var MaxImposed = 100_000

// setHere is a change that this node makes.
type setHere struct {
	value []byte
	heard chan struct{} // closed, under Sanctions.mu, once it is in the record, and in memory
}

func (h *setHere) isHeard() bool {
	select {
	case <-h.heard:
		return true
	default:
		return false
	}
}

// heardTime is how long a change that is stored waits until it is heard. Over a database that
// takes some milliseconds. If it took effect before, a later change could, too, and what is heard
// then would undo that.
const heardTime = time.Second

// sanctionRecord is the key of a sanction in the journal's records. Neither a
// user's id nor a room's name has a control character, so two sanctions never
// have the same record.
func sanctionRecord(k access.Sanction) string {
	return string(k.Kind) + "\x00" + k.Room + "\x00" + k.User
}

// Record returns the record of a sanction with an end, about: it takes as many bytes.
func Record(k access.Sanction) journal.Record {
	return journal.Record{Key: sanctionRecord(k), Value: []byte(`{"until":1700000000000}`)}
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

// Watch reads the sanctions in force, follows their changes, and removes the
// records of those that are over.
func Watch(ctx context.Context, r journal.Records, changed func(access.Sanction, time.Duration), failed func(error)) (*Sanctions, error) {
	s := &Sanctions{records: r, most: MaxImposed, changed: changed, failed: failed, setHere: map[access.Sanction]*setHere{}, imposedBy: map[access.Sanction]access.Person{}}
	for _, kind := range []access.SanctionKind{access.Mute, access.Ban} {
		stop, err := foreign.Call(ctx, func() (func(), error) { return r.Watch(string(kind)+"\x00", s.heard) }, stopLate)
		if err != nil {
			s.Close(ctx)
			return nil, fmt.Errorf("read mutes and bans: %w", err)
		}
		s.stops = append(s.stops, stop)
	}
	s.mu.Lock()
	err := s.invalid
	s.loaded = true
	s.mu.Unlock()
	if err != nil {
		s.Close(ctx)
		return nil, fmt.Errorf("read mutes and bans: %w", err)
	}
	s.RemoveOver(ctx, math.MaxInt)
	return s, nil
}

// stopLate ends a watching that began when nobody waited for it any more.
func stopLate(stop func(), err error) {
	if err == nil {
		stop()
	}
}

// Close ends the watching. It waits for the journal until ctx ends.
func (s *Sanctions) Close(ctx context.Context) {
	for _, stop := range s.stops {
		_ = foreign.Do(ctx, func() error { stop(); return nil }) // there is nobody to tell
	}
}

// heard is told of each record of a sanction, and of its changes.
func (s *Sanctions) heard(r journal.Record) {
	k, err := parseSanction(r.Key)
	end, inForce, endErr := parseEnd(r.Value)
	if err = errors.Join(err, endErr); err != nil {
		err = fmt.Errorf("the record %q makes no sense: %w; delete it and impose the sanction again (in PostgreSQL: DELETE FROM record WHERE key = '\\x%x', in the schema of the hub)", r.Key, err, r.Key)
	}
	s.mu.Lock()
	loaded := s.loaded
	switch {
	case err != nil && !loaded:
		s.invalid = err
	case r.Value != nil && !inForce && !loaded:
		s.over = append(s.over, k)
	}
	changed := err == nil && s.setLocked(k, end, inForce)
	if here := s.setHere[k]; here != nil && bytes.Equal(here.value, r.Value) {
		changed = false // whoever has set it does the rest
		if !here.isHeard() {
			close(here.heard)
		}
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

func (s *Sanctions) setLocked(k access.Sanction, end time.Time, inForce bool) (changed bool) {
	if !inForce {
		s.forgetLocked(k)
		return s.Lift(k)
	}
	changed, over := s.Set(k, end)
	s.endedLocked(over)
	return changed
}

// endedLocked says that sanctions are over and forgotten.
func (s *Sanctions) endedLocked(over []access.Sanction) {
	for _, k := range over {
		s.forgetLocked(k)
	}
	s.over = append(s.over, over...)
}

// forgetLocked says that a sanction no longer counts for who has imposed it.
func (s *Sanctions) forgetLocked(k access.Sanction) {
	if by, ok := s.imposedBy[k]; ok {
		s.share.GiveBack(by, 1)
		delete(s.imposedBy, k)
	}
}

// forgetInterval is how often all sanctions are looked at for some that are over, because
// somebody may impose no more.
const forgetInterval = time.Minute

// Impose counts a sanction for who imposes it. It returns false if it counts already, or
// need not.
func (s *Sanctions) Impose(k access.Sanction, by access.Person) (counts bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.imposedBy[k]; ok || k.Room == "" {
		return false, nil
	}
	took := s.share.Take(s.most, by, 1)
	if now := time.Now(); !took && now.Sub(s.forgotAt) >= forgetInterval {
		s.forgotAt = now
		s.endedLocked(s.Forget())
		took = s.share.Take(s.most, by, 1)
	}
	if !took {
		e := wire.TooMany.Error("")
		e.Message = "too many mutes and bans are in force: lift some first"
		return false, e
	}
	s.imposedBy[k] = by
	return true, nil
}

// Withdraw takes Impose back: the sanction was not stored.
func (s *Sanctions) Withdraw(k access.Sanction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(k)
}

// RemovedAtOnce is how many records a change removes: more than the one that it makes, so
// that those of sanctions that are over do not add up.
const RemovedAtOnce = 4

var errInForce = errors.New("the sanction is in force")

// RemoveOver removes records of sanctions that are over, at most so many.
func (s *Sanctions) RemoveOver(ctx context.Context, most int) {
	s.mu.Lock()
	n := min(len(s.over), most)
	over := s.over[:n:n]
	if s.over = s.over[n:]; len(s.over) == 0 {
		s.over = nil
	}
	s.mu.Unlock()
	for _, k := range over {
		if _, err := removeOver(ctx, s.records, sanctionRecord(k)); err != nil {
			return // they have no effect, and the next start removes them
		}
	}
}

// removeOver removes a record unless its sanction is in force, and reports whether there was one.
func removeOver(ctx context.Context, r journal.Records, key string) (was bool, err error) {
	err = r.Update(ctx, key, func(value []byte) ([]byte, error) {
		if _, inForce, err := parseEnd(value); err != nil || inForce { // somebody has imposed it again
			return nil, errInForce
		}
		was = value != nil
		return nil, nil
	})
	if err == errInForce {
		return false, nil
	}
	return was && err == nil, err
}

// EraseOver removes the records of those sanctions of a user that are over. It returns how many.
func EraseOver(ctx context.Context, r journal.Records, user string) (n int, err error) {
	var keys []string
	for _, kind := range []access.SanctionKind{access.Mute, access.Ban} {
		if err == nil {
			err = r.Scan(ctx, string(kind)+"\x00", func(r journal.Record) error {
				if k, err := parseSanction(r.Key); err == nil && k.User == user {
					keys = append(keys, r.Key)
				}
				return nil
			})
		}
	}
	for _, key := range keys {
		was := false
		if err == nil {
			was, err = removeOver(ctx, r, key)
		}
		if was {
			n++
		}
	}
	return n, err
}

// Change puts a sanction into force for d: [wire.Forever] for no end, 0 to lift
// it. It returns false if it is lifted and was not in force. It is stored, and takes effect once it is heard, or after heardTime. If it is not certain
// that it was stored, it takes effect once it is heard.
func (s *Sanctions) Change(ctx context.Context, k access.Sanction, d time.Duration) (changed bool, err error) {
	unlock, err := s.setting.Lock(ctx, k)
	if err != nil {
		return false, err
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
			return false, err
		}
	}
	here := &setHere{value: value, heard: make(chan struct{})}
	s.mu.Lock()
	s.setHere[k] = here
	s.mu.Unlock()
	if changed, err = s.put(ctx, k, value); err == nil && (value != nil || s.Left(k.Kind, k.User, k.Room) != 0) { // else nothing may be heard
		late := time.NewTimer(heardTime)
		defer late.Stop()
		select {
		case <-here.heard:
		case <-late.C:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.setHere, k)
	if here.isHeard() {
		return changed || err != nil, nil // and what came after it counts
	}
	if err == nil {
		s.setLocked(k, end, d != 0)
	}
	return changed, err
}

// put stores a sanction, or removes it, and reports whether that changes anything.
func (s *Sanctions) put(ctx context.Context, k access.Sanction, value []byte) (changed bool, err error) {
	if changed = value != nil; changed {
		err = s.records.Put(ctx, sanctionRecord(k), value)
	} else {
		err = s.records.Update(ctx, sanctionRecord(k), func(old []byte) ([]byte, error) {
			_, was, err := parseEnd(old)
			changed = was || err != nil
			return nil, nil
		})
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", journal.ErrUncertain, err)
	}
	return changed, err
}

// Check returns an error with code muted or banned, and when to try again, if the
// user is under such a sanction in the room.
func (s *Sanctions) Check(kind access.SanctionKind, user, room string) error {
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
