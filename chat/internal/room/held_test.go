package room

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// say says so many messages in the room tea.
func say(t *testing.T, rooms *Rooms, n int, body string) {
	t.Helper()
	r, release, err := rooms.KeepOpen(t.Context(), "tea")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	said := make(chan error, n)
	for range n {
		e := journal.Entry{Kind: journal.Message, Text: true, Body: []byte(body)}
		r.Append(t.Context(), e, func(_ journal.Receipt, err error) { said <- err })
	}
	for range n {
		if err := <-said; err != nil {
			t.Fatal(err)
		}
	}
	rooms.SessionIDs(t.Context(), "tea") // the worker has passed on all that
}

// However short the frames are, and however many receivers hold them, what is held stays
// within the bounds, the greatest holders give way, and whoever comes then still holds
// something. Every way out gives back what was held.
func TestHeldFrames_AreBounded(t *testing.T) {
	rooms := newRooms(t)
	settings := *rooms.settings.Load()
	settings.OutboxLimit, settings.HeldLimit = 100*heldFrameSize, 300*heldFrameSize
	rooms.Configure(settings)
	var subs []*Subscription
	enter := func() *Subscription {
		t.Helper()
		sub, _, err := join(t, rooms, new(listener), Raw, 0)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
		return sub
	}
	for range 10 {
		enter()
	}
	say(t, rooms, 20, "a")
	if n := rooms.held.Load(); n < 200*heldFrameSize || n > int64(settings.HeldLimit) {
		t.Errorf("%d bytes are held for 10 receivers with 20 frames each", n)
	}
	say(t, rooms, 60, "a")
	late := enter()
	say(t, rooms, 2, "a")
	if late.held.overflow {
		t.Error("who has just come holds nothing")
	}
	if n := rooms.held.Load(); n > int64(settings.HeldLimit) {
		t.Errorf("%d bytes are held, of %d", n, settings.HeldLimit)
	}
	for _, sub := range subs {
		if sub.held != nil && !sub.held.overflow && sub.held.size > settings.OutboxLimit {
			t.Errorf("one receiver holds %d bytes", sub.held.size)
		}
	}
	if live, err := subs[0].TryResume(t.Context(), 0); live || err != nil {
		t.Errorf("the first one, for which there was too much, is live: %v, %v", live, err)
	}
	ways := []func(*Subscription){
		func(s *Subscription) { s.Resume(0, 0) },
		(*Subscription).Pause,
		(*Subscription).CancelHold,
		(*Subscription).Lose,
		func(s *Subscription) { s.Leave(nil) },
		func(s *Subscription) { s.Hold(); s.Resume(0, 0) },
	}
	for _, sub := range subs {
		sub.Resume(0, 0)
		sub.Hold()
	}
	say(t, rooms, 3, "a")
	for i, sub := range slices.Backward(subs) {
		ways[i%len(ways)](sub)
	}
	rooms.SessionIDs(t.Context(), "tea")
	if n := rooms.held.Load(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
	for _, sub := range subs {
		sub.Lose()
	}
	// Who is refused holds nothing either.
	full, _, err := join(t, rooms, new(listener), Raw, 1)
	var no *wire.Error
	if err != nil && (!errors.As(err, &no) || no.Code != wire.RoomFull) {
		t.Fatal(err)
	}
	full.Lose()
	rooms.Close()
	rooms.Wait()
	if err := rooms.Check(); err != nil {
		t.Error(err)
	}
}

// Whatever ends sessions ends those that are held, too: their clients read history for as long as
// they like. A raw one that has no connection yet ends as soon as it has one.
func TestRooms_HeldSessions_End(t *testing.T) {
	for name, end := range map[string]func(*Rooms, *Subscription){
		"evicted": func(rs *Rooms, _ *Subscription) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if err := rs.Evict(ctx, "tea", func() error { return nil }); err == nil {
				t.Error("evicted while somebody is there")
			}
		},
		"renewed": func(rs *Rooms, _ *Subscription) { rs.Renew("tea") },
		"lost":    func(_ *Rooms, sub *Subscription) { sub.room.Lost(journal.Lost{}) },
		"a panic": func(_ *Rooms, sub *Subscription) { sub.room.do(func() { panic("of the test") }) },
		"removed": func(_ *Rooms, sub *Subscription) {
			sub.room.do(func() {
				for _, rc := range sub.room.audience.receivers {
					rc.user = nil // as if all were raw
					sub.room.remove(rc, wire.Banned.Error(""))
				}
			})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			rooms := newRooms(t)
			rooms.onPanic, rooms.onLost = func(any, []byte) {}, func(string, journal.Lost) {}
			raw, alone, v1 := &listener{id: "raw"}, &listener{id: "alone"}, &listener{id: "v1"}
			subs := map[*listener]*Subscription{}
			for l, enc := range map[*listener]Encoding{raw: Raw, alone: Raw, v1: V1} {
				sub, _, err := join(t, rooms, l, enc, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer sub.Lose()
				subs[l] = sub
			}
			subs[raw].Connect()
			end(rooms, subs[raw])
			for l, want := range map[*listener]int{raw: 1, v1: 1, alone: 0} {
				if got := l.ends(); got != want {
					t.Errorf("%s: %s has ended %d times, want %d", name, l.id, got, want)
				}
			}
			if subs[alone].Connect(); alone.ends() != 1 {
				t.Errorf("%s: one that has a connection now has ended %d times", name, alone.ends())
			}
		})
	}
}

// ends returns how often a session was ended, in a bubble.
func (l *listener) ends() int {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}
