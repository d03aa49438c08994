package memjournal

import (
	"context"
	"crypto/rand"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// nodes are the journals that use one store.
type nodes struct {
	telling sync.Mutex // held while watchers are called, so that they see one order; taken before mu

	mu       sync.Mutex         // guards the rest
	alive    map[*node]struct{} // and their self
	watchers map[*nodeWatcher]struct{}
}

// node is one of them. It implements journal.Nodes.
type node struct {
	*nodes
	log  *zap.Logger  // fixed
	self journal.Node // guarded by nodes.mu
}

type nodeWatcher struct {
	by      *node
	changed func([]journal.Node)
}

func newNodes() *nodes {
	return &nodes{alive: map[*node]struct{}{}, watchers: map[*nodeWatcher]struct{}{}}
}

// join makes a node.
func (ns *nodes) join(log *zap.Logger) *node {
	name, _ := os.Hostname()
	n := &node{nodes: ns, log: log, self: journal.Node{ID: rand.Text()[:10], Name: name}}
	ns.change(func() { ns.alive[n] = struct{}{} })
	return n
}

// leave ends what the node watches, and tells the others.
func (n *node) leave() {
	n.change(func() {
		delete(n.alive, n)
		maps.DeleteFunc(n.watchers, func(w *nodeWatcher, _ struct{}) bool { return w.by == n })
	})
}

// change calls f under mu, and then all watchers.
func (ns *nodes) change(f func()) {
	ns.telling.Lock()
	defer ns.telling.Unlock()
	ns.mu.Lock()
	f()
	list := ns.listLocked()
	watchers := slices.Collect(maps.Keys(ns.watchers))
	ns.mu.Unlock()
	for _, w := range watchers {
		protect(w.by.log, func() { w.changed(slices.Clone(list)) })
	}
}

func (ns *nodes) listLocked() []journal.Node {
	list := make([]journal.Node, 0, len(ns.alive))
	for n := range ns.alive {
		list = append(list, n.self)
	}
	slices.SortFunc(list, func(a, b journal.Node) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// closedLocked returns ErrClosed once the node has left.
func (n *node) closedLocked() error {
	if _, ok := n.alive[n]; !ok {
		return journal.ErrClosed
	}
	return nil
}

// Self implements journal.Nodes.
func (n *node) Self() journal.Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.self
}

// List implements journal.Nodes.
func (n *node) List(ctx context.Context) ([]journal.Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.closedLocked(); err != nil {
		return nil, err
	}
	return n.listLocked(), nil
}

// Describe implements journal.Nodes.
func (n *node) Describe(ctx context.Context, version, config string) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	n.change(func() {
		if err = n.closedLocked(); err == nil {
			n.self.Version, n.self.Config = version, config
		}
	})
	return err
}

// Watch implements journal.Nodes.
func (n *node) Watch(changed func([]journal.Node)) (stop func(), err error) {
	n.telling.Lock()
	defer n.telling.Unlock()
	w := &nodeWatcher{n, changed}
	n.mu.Lock()
	if err := n.closedLocked(); err != nil {
		n.mu.Unlock()
		return nil, err
	}
	n.watchers[w] = struct{}{}
	list := n.listLocked()
	n.mu.Unlock()
	protect(n.log, func() { changed(list) })
	return func() {
		n.telling.Lock()
		defer n.telling.Unlock()
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.watchers, w)
	}, nil
}
