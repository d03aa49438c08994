package room

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// holding is a journal that goes on to serve a follower until the test lets it stop.
type holding struct {
	journal.Journal
	stop chan struct{}
}

func (j *holding) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	start, err := j.Journal.Follow(room, after, f)
	stop := start.Stop
	start.Stop = func() { <-j.stop; stop() }
	return start, err
}

// A room that everybody has left may still follow the journal. Nothing is evicted before
// that has ended, or what is erased would leave a head behind.
func TestRooms_Evict_WaitsForWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &holding{Journal: memjournal.New(memjournal.Options{}), stop: make(chan struct{})}
		rs := NewRooms(Config{Journal: j, Settings: Settings{MaxRooms: 10}})
		for range 2 { // two of the same name end at the same time
			_, release, err := rs.KeepOpen(t.Context(), "tea")
			if err != nil {
				t.Fatal(err)
			}
			release()
		}
		evicted := false
		done := make(chan error, 1)
		go func() {
			done <- rs.Evict(context.Background(), "tea", func() error { evicted = true; return nil })
		}()
		for range 2 {
			synctest.Wait()
			if evicted {
				t.Error("evicted while somebody follows")
			}
			j.stop <- struct{}{}
		}
		if err := <-done; err != nil || !evicted {
			t.Errorf("evicted: %v, %v", evicted, err)
		}
		if len(rs.ending)+len(rs.evicted)+len(rs.rooms) > 0 {
			t.Errorf("left: %v %v %v", rs.ending, rs.evicted, rs.rooms)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}
