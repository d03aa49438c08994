package tester

import (
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Nodes returns the nodes that are alive.
func (t *T) Nodes() []journal.Node {
	t.Helper()
	list, err := t.J.Nodes().List(Background)
	if err != nil || !sorted(list) {
		t.Fatalf("List: %+v, %v", list, err)
	}
	return list
}

func sorted(list []journal.Node) bool {
	return slices.IsSortedFunc(list, func(a, b journal.Node) int { return strings.Compare(a.ID, b.ID) })
}

// NodesWatcher watches the nodes and checks every call.
type NodesWatcher struct {
	*calls[[]journal.Node]
	Stop func()
}

// WatchNodes watches the nodes until the test ends.
func (t *T) WatchNodes() *NodesWatcher {
	t.Helper()
	w := &NodesWatcher{calls: newCalls[[]journal.Node](t, "a watcher of nodes")}
	stop, err := t.J.Nodes().Watch(func(list []journal.Node) {
		if !sorted(list) {
			t.Errorf("a watcher was told %+v", list)
		}
		w.call(slices.Clone(list), nil)
	})
	if err != nil {
		t.Fatalf("Watch: %v", err)
	}
	w.Stop = w.stopper(stop)
	return w
}

// UntilNewest waits until these are the nodes, in any order.
func (w *NodesWatcher) UntilNewest(nodes ...journal.Node) {
	w.T.Helper()
	slices.SortFunc(nodes, func(a, b journal.Node) int { return strings.Compare(a.ID, b.ID) })
	w.Until(func(got [][]journal.Node) bool { return len(got) > 0 && slices.Equal(got[len(got)-1], nodes) })
}
