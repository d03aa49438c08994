package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// silence is a journal that hears nothing for a while: no transient entry, and no change of a record
// until the end of it.
type silence struct {
	journal.Journal
	until time.Time
}

type unhearing struct {
	journal.Follower
	until time.Time
}

type lateRecords struct {
	journal.Records
	until time.Time
}

func (j silence) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	return j.Journal.Follow(room, after, unhearing{f, j.until})
}

func (d unhearing) Deliver(e journal.Entry) {
	if time.Now().After(d.until) {
		d.Follower.Deliver(e)
	}
}

func (j silence) Records() journal.Records { return lateRecords{j.Journal.Records(), j.until} }

func (r lateRecords) Watch(prefix string, each func(journal.Record)) (func(), error) {
	return r.Records.Watch(prefix, func(rec journal.Record) {
		time.Sleep(time.Until(r.until))
		each(rec)
	})
}

// leftOver returns what is owed to any node.
func leftOver(t *testing.T, j journal.Journal) (keys []string) {
	t.Helper()
	err := j.Records().Scan(t.Context(), prefixOwed, func(r journal.Record) error {
		keys = append(keys, r.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// A node that is silent while something is done does it within a second of its return, once, whatever it
// is, also if it could not the first time or if the node that has asked is gone by then. Nobody answers a
// question late.
func TestCommands_SilentNode_DoesItLater(t *testing.T) {
	for _, act := range []string{Remove, End, Renew, Row, Arrive, Moderates, Online, Names, Count, Rooms, Sessions, Find} {
		for _, silent := range []time.Duration{time.Second, 3 * time.Second, 8 * time.Second} {
			for _, fails := range []int64{0, 2} {
				for _, dies := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, silent for %v, fails %d times, asker dies %v", act, silent, fails, dies), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							store := memjournal.NewStore(memjournal.Options{})
							own, other := store.Open(), store.Open()
							defer own.Close()
							defer other.Close()
							asker := New(own, zap.NewNop(), func(context.Context, Command) Answer { return Answer{} })
							asker.Begin()
							defer asker.Close()
							var tried, done atomic.Int64
							returns := time.Now().Add(time.Second + silent)
							silentNode := New(silence{other, returns}, zap.NewNop(), func(_ context.Context, what Command) Answer {
								if tried.Add(1) <= fails {
									return Answer{Err: errors.New("not now")}
								}
								done.Add(1)
								return Answer{N: 1}
							})
							silentNode.Begin()
							defer silentNode.Close()
							time.Sleep(time.Second)
							synctest.Wait()
							what := Command{Act: act, Room: "r", User: "ann"}
							for i := range 200 { // more than one record holds
								what.Arrived = append(what.Arrived, Arrived{User: strings.Repeat("ä", 100), Device: "phone", Session: fmt.Sprint(i)})
							}
							if act != Arrive {
								what.Arrived = nil
							}
							if got := asker.Ask(t.Context(), what); got.Err != nil || (len(got.Missing) == 0) != (silent < giveUp && fails == 0) {
								t.Errorf("%+v", got)
							}
							if dies {
								asker.Close()
							}
							time.Sleep(time.Until(returns) + time.Duration(fails)*refollow + time.Second)
							synctest.Wait()
							changes := what.changes()
							switch n := done.Load(); {
							case changes && n == 0, !changes && silent > giveUp && n != 0, act != Arrive && n > 1:
								t.Errorf("done %d times", n)
							}
							if left := leftOver(t, own); len(left) > 0 {
								t.Errorf("left over: %q", left)
							}
						})
					})
				}
			}
		}
	}
}

// What is owed to a node that has died is swept with the next that is owed, and not what is owed to
// one that is alive.
func TestOwed_OfADeadNode_IsSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.NewStore(memjournal.Options{}).Open()
		defer j.Close()
		o := owed{j.Records(), "own"}
		leave := func(nodes ...string) {
			t.Helper()
			if err := o.leave(t.Context(), nodes, message{ID: fmt.Sprint(time.Now().UnixNano()), Command: Command{Act: Remove}}); err != nil {
				t.Fatal(err)
			}
		}
		leave("dead", "alive")
		time.Sleep(owedAgo + time.Second)
		leave("dead")
		if err := o.sweep(t.Context(), func(node string) bool { return node == "alive" }); err != nil {
			t.Fatal(err)
		}
		if left := leftOver(t, j); len(left) != 2 {
			t.Errorf("left: %q", left)
		}
	})
}
