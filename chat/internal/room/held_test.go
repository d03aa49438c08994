package room

import (
	"errors"
	"slices"
	"testing"

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
