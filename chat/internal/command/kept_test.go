package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// Answers are kept for copies that come late, and no more bytes of them than maxKept.
func TestCommands_KeptAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		done := 0
		c := New(j, zap.NewNop(), func(context.Context, Command) Answer {
			done++
			return Answer{List: json.RawMessage(`"` + strings.Repeat("x", MaxList) + `"`)}
		})
		const n = 3 * maxKept / MaxList
		for i := range n {
			for range 2 {
				c.answer(t.Context(), sent{message: message{ID: fmt.Sprint(i)}, by: "x"})
			}
		}
		if done != n {
			t.Errorf("%d commands were done %d times", n, done)
		}
		size := 0
		for id, a := range c.answers {
			size += len(id) + a.size()
		}
		if size != c.kept || size > maxKept || size < maxKept-2*MaxList || len(c.order) != len(c.answers) {
			t.Errorf("%d answers of %d bytes are kept, %d as it is counted, %d in order", len(c.answers), size, c.kept, len(c.order))
		}
		time.Sleep(remember + 1)
		c.answer(t.Context(), sent{message: message{ID: "last"}, by: "x"})
		if len(c.answers) != 1 {
			t.Errorf("%d answers are kept", len(c.answers))
		}
	})
}

// Who has found something says so at once; the others are asked on.
func TestCommands_AskAny(t *testing.T) {
	for name, c := range map[string]struct {
		here, there int  // how much is found
		hangs       bool // a third node
		takes       time.Duration
	}{
		"nobody has it":                     {},
		"nobody has it, and one hangs":      {hangs: true, takes: giveUp},
		"this node has it, and one hangs":   {here: 1, hangs: true},
		"another has it, and one hangs":     {there: 1, hangs: true},
		"this node and another, none hangs": {here: 1, there: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memjournal.NewStore(memjournal.Options{})
				var done atomic.Int64
				node := func(n int) *Commands {
					j := store.Open()
					c := New(j, zap.NewNop(), func(context.Context, Command) Answer { done.Add(int64(n)); return Answer{N: n} })
					c.Begin()
					t.Cleanup(func() { j.Close() })
					return c
				}
				asking, other := node(c.here), node(c.there)
				if c.hangs {
					silent := store.Open()
					defer silent.Close()
				}
				synctest.Wait()
				began := time.Now()
				found, missing := asking.AskAny(t.Context(), Command{Act: Remove})
				if found != (c.here+c.there > 0) || time.Since(began) != c.takes {
					t.Errorf("found: %v, after %v, want %v", found, time.Since(began), c.takes)
				}
				if wants := !found && c.hangs; (len(missing) > 0) != wants {
					t.Errorf("missing: %v", missing)
				}
				synctest.Wait()
				if int(done.Load()) != c.here+c.there {
					t.Errorf("done %d times", done.Load())
				}
				asking.Close()
				other.Close()
				if found, _ := asking.AskAny(t.Context(), Command{Act: Remove}); found != (c.here > 0) {
					t.Errorf("after Close: %v", found)
				}
			})
		})
	}
}
