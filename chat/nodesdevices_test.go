package chat_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// onDevice says hello as a user on a device, or on none, and receives the welcome.
func (b *bubble) onDevice(user, device string) *client {
	b.t.Helper()
	if device != "" {
		device = `,"device":"` + device + `"`
	}
	return b.connect().hello(`,"token":"` + user + `"` + device)
}

// A device that comes to another node takes its own place there, and no other's.
func TestNodes_Device_IsReplaced(t *testing.T) {
	inNodes(t, 3, chat.Settings{}, func(t *testing.T, nodes []*bubble) {
		phone := nodes[0].onDevice("ann", "phone")
		others := []*client{nodes[0].onDevice("ann", "tablet"), nodes[1].onDevice("ben", "phone"), nodes[2].onDevice("ann", "")}
		for range 3 {
			for i := range nodes {
				time.Sleep(time.Minute)
				fresh := nodes[(i+1)%3].onDevice("ann", "phone")
				phone.expect(`{"type":"bye","code":"replaced","…":"…"}`)
				phone = fresh
			}
		}
		for _, c := range append(others, phone) {
			c.silent(time.Minute)
		}
	})
}

// Of a device that comes to two nodes at once, one session stays.
func TestNodes_DeviceAtTwoNodesAtOnce_OneStays(t *testing.T) {
	inNodes(t, 2, chat.Settings{}, func(t *testing.T, nodes []*bubble) {
		a, b := nodes[0].connect(), nodes[1].connect()
		for _, c := range []*client{a, b} {
			c.send(`{"type":"hello","token":"ann","device":"phone"}`)
		}
		left := 0
		for _, c := range []*client{a, b} {
			c.expect(`{"type":"welcome","…":"…"}`)
			synctest.Wait()
			time.Sleep(3 * time.Second)
			select {
			case frame := <-c.frames:
				c.match(`{"type":"bye","code":"replaced","…":"…"}`, frame)
			default:
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d sessions of one device are left", left)
		}
	})
}

// A user has no more sessions than one node would permit: those who came first stay.
func TestNodes_MaxSessions_CountsAll(t *testing.T) {
	inNodes(t, 2, chat.Settings{MaxSessions: 3}, func(t *testing.T, nodes []*bubble) {
		var stay []*client
		for i := range 3 {
			stay = append(stay, nodes[i%2].onDevice("ann", ""))
			time.Sleep(10 * time.Millisecond)
		}
		for range 2 {
			for _, b := range nodes {
				c := b.connect()
				c.send(`{"type":"hello","token":"ann"}`)
				c.expect(`{"type":"welcome","…":"…"}`)
				c.expect(`{"type":"bye","code":"too_many_sessions","…":"…"}`)
			}
		}
		nodes[0].onDevice("ben", "").silent(time.Second)
		for _, c := range stay {
			c.silent(time.Second)
		}
		stay[0].closeNow()
		synctest.Wait()
		nodes[1].onDevice("ann", "").silent(time.Second)
	})
}

// A hello does not wait for other nodes.
func TestNodes_Hello_WaitsForNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		silent := store.Open() // alive, and no hub answers for it
		defer silent.Close()
		b, stop := begin(t, chat.Config{Journal: store.Open()}, testAuth{}, alone)
		defer stop()
		synctest.Wait()
		began := time.Now()
		for range 100 {
			b.onDevice("ann", "phone")
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
		b.close()
	})
}
