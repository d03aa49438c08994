package missed

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/online"
	"github.com/caddychat/caddy-chat/chat/journal"
	"go.uber.org/zap"
)

// Config is what a Missed is made of.
type Config struct {
	Journal journal.Journal
	Feed    *feed.Feed
	Events  *events.Events
	Online  *online.Tracker
	Log     *zap.Logger
	// IsConversation reports whether a room has members. It must wait for nothing.
	IsConversation func(room string) bool
	// Banned returns for how long a user is banned from a room, or 0. Neither must it wait.
	Banned func(user, room string) time.Duration
}

// maxUsers bounds the users of one event.
const maxUsers = 100

// tell tells of what was said in a room. It waits until the journal has recorded it. What it
// does not take is dropped.
func (m *Config) tell(ctx context.Context, room string, s *said) error {
	users, err := m.whom(ctx, room, s)
	if err != nil {
		return err
	}
	value := strconv.AppendInt(nil, time.Now().UnixMilli(), 10)
	for some := range slices.Chunk(users, maxUsers) {
		with := make([]journal.Record, len(some))
		for i, user := range some {
			with[i] = journal.Record{Key: online.ToldKey(user, room), Value: value}
		}
		done := make(chan error, 1)
		m.Events.WriteWith(events.Event{Type: events.Missed, Room: room, Seq: s.seq, Users: some}, with, func(err error) { done <- err })
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// whom returns who has missed what was said in a room, ordered by id.
func (m *Config) whom(ctx context.Context, room string, s *said) (users []string, err error) {
	records := m.Journal.Records()
	state, err := members.Load(ctx, records, room, nil, true)
	if err != nil {
		return nil, err
	}
	for id, seat := range state.Seats {
		if seat.Role != access.NoRole && seat.Since <= s.seq && id != s.by && m.Banned(id, room) == 0 {
			users = append(users, id)
		}
	}
	slices.Sort(users)
	if users, err = m.Online.Offline(ctx, users); err != nil {
		return nil, err
	}
	if users, err = without(ctx, records, users, func(user string) string { return online.ToldKey(user, room) }, func(r journal.Record) (bool, error) {
		return r.Value != nil, nil
	}); err != nil {
		return nil, err
	}
	return without(ctx, records, users, func(user string) string { return list.SettingsKey(user, room) }, func(r journal.Record) (bool, error) {
		set, err := list.ParseSettings(r)
		return set.Silent || set.Block, err
	})
}

// without returns the users but those whose record says so.
func without(ctx context.Context, records journal.Records, users []string, key func(string) string, says func(journal.Record) (bool, error)) (left []string, err error) {
	keys := make([]string, len(users))
	for i, user := range users {
		keys[i] = key(user)
	}
	found, err := records.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i := range found {
		no, err := says(found[i])
		if err != nil {
			return nil, err
		}
		if !no {
			left = append(left, users[i])
		}
	}
	return left, nil
}
