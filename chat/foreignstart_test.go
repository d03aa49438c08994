package chat_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// beginner is a journal one of whose methods misbehaves while a hub begins.
type beginner struct {
	journal.Journal
	method, does string
	over         chan struct{} // what hangs ends
}

func (j *beginner) call(method string) error {
	if method != j.method {
		return nil
	}
	switch j.does {
	case "panic":
		panic(errRogue)
	case "goexit":
		runtime.Goexit()
	case "hang":
		<-j.over
	}
	return errRogue
}

func (j *beginner) Nodes() journal.Nodes {
	_ = j.call("Nodes")
	return j.Journal.Nodes()
}

func (j *beginner) Records() journal.Records {
	_ = j.call("Records")
	return beginnerRecords{j.Journal.Records(), j}
}

type beginnerRecords struct {
	journal.Records
	j *beginner
}

func (r beginnerRecords) Watch(prefix string, each func(journal.Record)) (func(), error) {
	if err := r.j.call("Watch"); err != nil {
		return nil, err
	}
	return r.Records.Watch(prefix, each)
}

func (r beginnerRecords) Put(ctx context.Context, key string, value []byte) error {
	if err := r.j.call("Put"); err != nil {
		return err
	}
	return r.Records.Put(ctx, key, value)
}

// Whatever a journal does while a hub begins, NewHub returns in time: with an error, or
// with a hub that works. Nothing is left once the journal has come to its end.
func TestForeign_Begins_InTime(t *testing.T) {
	for _, method := range []string{"Nodes", "Records", "Watch", "Put"} {
		for _, does := range []string{"error", "panic", "goexit", "hang"} {
			t.Run(method+"/"+does, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					j := &beginner{memjournal.New(memjournal.Options{}), method, does, make(chan struct{})}
					// A mute that is over: the hub removes it.
					if err := j.Journal.Records().Put(t.Context(), "mute\x00tea\x00ann", []byte(`{"until":1}`)); err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					hub, err := chat.NewHub(chat.Config{Journal: j})
					if took := time.Since(began); took > 11*time.Second+time.Millisecond {
						t.Errorf("NewHub took %v", took)
					}
					// Nodes and Records return no error, and what is over may be removed later.
					if works := method == "Put" || does == "error" && method != "Watch"; works != (err == nil) {
						t.Errorf("NewHub: %v", err)
					}
					close(j.over)
					if err == nil {
						if err := hub.Close(t.Context()); err != nil {
							t.Error(err)
						}
						return
					}
					synctest.Wait()
					if err := j.Journal.Close(); err != nil { // it is still ours
						t.Error(err)
					}
				})
			})
		}
	}
}

// stray is a journal whose followers of one room are told what its contract forbids.
type stray struct {
	journal.Journal
	mute bool // delivers nothing there

	mu        sync.Mutex // guards the rest
	followers []journal.Follower
}

func (j *stray) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	if !strings.Contains(room, "bad") {
		return j.Journal.Follow(room, after, f)
	}
	j.mu.Lock()
	j.followers = append(j.followers, f)
	j.mu.Unlock()
	if j.mute {
		return journal.Start{Stop: func() {}}, nil
	}
	return j.Journal.Follow(room, after, f)
}

// each calls f for all followers that there ever were.
func (j *stray) each(f func(journal.Follower)) {
	j.mu.Lock()
	list := j.followers
	j.mu.Unlock()
	for _, follower := range list {
		f(follower)
	}
}

// Whatever a journal delivers to one room, the others do not suffer, the hub closes in
// time, and nothing is left.
func TestForeign_StrayDeliveries_CostOneRoom(t *testing.T) {
	entry := func(seq int) journal.Entry {
		return journal.Entry{Room: "bad", Kind: journal.Message, Seq: journal.Seq(seq), From: journal.User{ID: "ann"}, Body: []byte(`1`)}
	}
	deliver := func(entries ...journal.Entry) func(journal.Follower) {
		return func(f journal.Follower) {
			for _, e := range entries {
				f.Deliver(e)
			}
		}
	}
	odd := entry(1)
	odd.Kind, odd.Body = journal.Kind(99), nil
	elsewhere := entry(1)
	elsewhere.Room = "good"
	for name, c := range map[string]struct {
		mute bool
		does func(journal.Follower)
	}{
		"delivers nothing":    {true, func(journal.Follower) {}},
		"one entry twice":     {false, deliver(entry(1), entry(1))},
		"in another order":    {false, deliver(entry(7), entry(2), entry(0))},
		"of another room":     {false, deliver(elsewhere)},
		"of no kind":          {false, deliver(odd)},
		"an empty entry":      {false, deliver(journal.Entry{})},
		"lost for no reason":  {false, func(f journal.Follower) { f.Lost(journal.Lost{}) }},
		"lost twice":          {false, func(f journal.Follower) { f.Lost(journal.Lost{}); f.Lost(journal.Lost{Why: errRogue}) }},
		"more after its loss": {false, func(f journal.Follower) { f.Lost(journal.Lost{}); f.Deliver(entry(9)) }},
	} {
		for _, when := range []string{"while it follows", "after its Stop"} {
			t.Run(name+" "+when, func(t *testing.T) {
				var j *stray
				config := func() chat.Config {
					j = &stray{Journal: memjournal.New(memjournal.Options{}), mute: c.mute}
					return chat.Config{Journal: j}
				}
				onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
					good := b.connect().hello(`,"token":"bo","rooms":[{"room":"good"}]`)
					bad := b.connect().hello(`,"token":"ann","rooms":[{"room":"bad"}]`)
					bad.send(`{"type":"send","id":"1","room":"bad","body":1}`)
					synctest.Wait()
					if when == "after its Stop" {
						bad.closeNow()
						time.Sleep(time.Minute)
					}
					j.each(c.does)
					synctest.Wait()
					b.checkServed(good)
					if err := errors.Join(b.hub.Check(), b.hub.Close(t.Context()), b.hub.Empty()); err != nil {
						t.Error(err)
					}
					j.each(c.does) // and when nobody is there any more
					synctest.Wait()
				})
			})
		}
	}
}
