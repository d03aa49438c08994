package chat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// A room that one node erases is empty on all: who is in it comes back, and sees nothing of
// before.
func TestNodes_EraseRoom_EmptiesAll(t *testing.T) {
	inNodes(t, 3, chat.Settings{}, func(t *testing.T, nodes []*bubble) {
		var clients []*client
		for i, b := range nodes {
			clients = append(clients, b.joins([]string{"ann", "ben", "cy"}[i], i+1))
		}
		clients[0].send(`{"type":"send","id":"1","room":"r","body":"old"}`)
		clients[2].expect(`{"type":"message","body":"old","…":"…"}`)
		done, err := nodes[1].hub.EraseRoom(context.Background(), "r")
		if err != nil || done.Sessions != 3 || done.Entries != 1 {
			t.Errorf("%+v, %v", done, err)
		}
		for i, c := range clients {
			for {
				frame := c.next()
				if typeOf(frame) == "bye" {
					c.match(`{"type":"bye","code":"unavailable","…":"…"}`, frame)
					break
				}
			}
			again := nodes[i].connect()
			again.send(`{"type":"hello","token":"ann","rooms":[{"room":"r"}]}`)
			again.expect(`{"type":"welcome","rooms":[{"room":"r","entries":[],"…":"…"}],"…":"…"}`)
		}
	})
}

// beside runs f at a node beside one that is alive and does not answer.
func beside(t *testing.T, set chat.Settings, f func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		silent := store.Open() // no hub answers for it
		defer silent.Close()
		b, stop := begin(t, chat.Config{Settings: set, Journal: store.Open()}, testAuth{}, alone)
		defer stop()
		synctest.Wait()
		f(b)
		b.close()
	})
}

// Who was found is removed at once, whether or not all nodes answer; and it is asked only
// once for two seconds whether the user may be removed.
func TestNodes_Kick_DoesNotWaitForOthers(t *testing.T) {
	beside(t, chat.Settings{}, func(b *bubble) {
		ben := b.joins("ben", 1)
		began := time.Now()
		if err := b.hub.Kick("r", "ben"); err != nil || time.Since(began) > 0 {
			t.Errorf("kicked after %v: %v", time.Since(began), err)
		}
		ben.expect(`{"type":"removed","room":"r","code":"kicked","…":"…"}`)
		mod := b.joins("moderator", 1)
		ben.send(`{"type":"join","id":"1","room":"r"}`)
		ben.expect(`{"type":"joined","id":"1","…":"…"}`)
		began = time.Now()
		mod.send(`{"type":"kick","id":"1","room":"r","user":"ben"}`)
		mod.expect(`{"type":"ok","id":"1","…":"…"}`)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a user's kick took %v", took)
		}
	})
}
