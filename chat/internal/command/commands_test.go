package command

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// counted is a journal that counts what is handed in, and loses the first entries.
type counted struct {
	journal.Journal
	appended, loses atomic.Int64
}

func (j *counted) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if j.appended.Add(1) > j.loses.Load() {
		j.Journal.Append(ctx, e, done)
	}
}

func (j *counted) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	j.appended.Add(1)
	return j.Journal.Follow(room, after, f)
}

func TestCommands_Ask(t *testing.T) {
	for name, c := range map[string]struct {
		others        int
		lost, answers int64 // first entries that are lost: commands of the asking node, answers of the others
		hangs, dies   bool  // the first of the others
		n             int
		takes         time.Duration
	}{
		"alone":                    {},
		"another node":             {others: 1, n: 7},
		"three others":             {others: 3, n: 21},
		"a command is lost":        {others: 1, lost: 1, n: 7, takes: again},
		"an answer is lost":        {others: 1, answers: 1, n: 7, takes: again},
		"one of two hangs":         {others: 2, hangs: true, n: 7, takes: giveUp},
		"one of two dies meantime": {others: 2, hangs: true, dies: true, n: 7, takes: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memjournal.NewStore(memjournal.Options{})
				own := &counted{Journal: store.Open()}
				defer own.Close()
				asking := New(own, zap.NewNop(), func(context.Context, Command) Answer { return Answer{N: 100} })
				asking.Begin()
				defer asking.Close()
				var done atomic.Int64
				for i := range c.others {
					j := &counted{Journal: store.Open()}
					j.loses.Store(c.answers + min(c.answers, 1)) // its Follow counts, too
					hangs := c.hangs && i == 0
					other := New(j, zap.NewNop(), func(ctx context.Context, what Command) Answer {
						if what.Act != Remove || what.Room != "tea" || what.User != "ann" {
							t.Errorf("asked for %+v", what)
						}
						if hangs {
							<-ctx.Done()
							time.Sleep(time.Second) // later than anybody waits
							return Answer{}
						}
						done.Add(1)
						return Answer{N: 7}
					})
					other.Begin()
					defer j.Close()
					defer other.Close()
					if hangs && c.dies {
						time.AfterFunc(time.Second, func() { _ = j.Close() }) // closed again below
					}
				}
				synctest.Wait()
				began, before := time.Now(), own.appended.Load()
				own.loses.Store(before + c.lost)
				got := asking.Ask(t.Context(), Command{Act: Remove, Room: "tea", User: "ann"})
				if got.N != c.n+100 {
					t.Errorf("answered %d, want 100 more than %d", got.N, c.n)
				}
				if wants := c.hangs && !c.dies; (len(got.Missing) == 1) != wants {
					t.Errorf("missing: %v", got.Missing)
				}
				if took := time.Since(began); took != c.takes {
					t.Errorf("took %v, want %v", took, c.takes)
				}
				if c.others == 0 && own.appended.Load() > 0 {
					t.Error("a node that is alone sends or follows something")
				}
				if int(done.Load())*7 != c.n {
					t.Errorf("done %d times", done.Load())
				}
			})
		})
	}
}

// What others send is bounded in bytes.
func TestCommands_WaitingIsBounded(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	c := New(j, zap.NewNop(), nil)
	for range 2 * maxWaiting / 200 {
		(*follower)(c).Deliver(journal.Entry{Origin: journal.Origin{Node: "x"}, Body: []byte(`{"id":"i","act":"remove"}`)})
	}
	if c.bytes < maxWaiting || c.bytes > maxWaiting+1000 {
		t.Errorf("%d bytes wait", c.bytes)
	}
	(*follower)(c).Deliver(journal.Entry{Origin: journal.Origin{Node: "x"}, Body: []byte(`no JSON`)})
}
