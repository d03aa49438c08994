package shared

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// alwaysAlive is an Engine that believes every node.
type alwaysAlive struct{ Engine }

func (alwaysAlive) Beat(_ context.Context, n journal.Node) ([]journal.Node, error) {
	return []journal.Node{n, {ID: "other"}}, nil
}

// A process that stood still for so long that others took its node for dead says so to its watchers, once,
// although no beat of it has failed.
func TestNodes_ProcessStoodStill_CountsAsCutOff(t *testing.T) {
	for _, still := range []time.Duration{deadAfter - time.Second, deadAfter + time.Second} {
		synctest.Test(t, func(t *testing.T) {
			n := newNodes(alwaysAlive{}, zap.NewNop(), journal.Node{ID: "own"})
			if _, err := n.beat(t.Context()); err != nil {
				t.Fatal(err)
			}
			var told []int
			stop, err := n.Watch(func(list []journal.Node) { told = append(told, len(list)) })
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			time.Sleep(still)
			for range 2 {
				if _, err := n.beat(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			want := []int{2}
			if still > deadAfter {
				want = []int{2, 0, 2}
			}
			if !slices.Equal(told, want) {
				t.Error(fmt.Sprint("after ", still, ": nodes that were told: ", told, ", want ", want))
			}
		})
	}
}
