package shared

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// beatEvery is how often a node says that it is alive. One that has not for 10 seconds is dead.
const beatEvery = 2 * time.Second

// nodes implements journal.Nodes.
type nodes struct {
	// Fixed.
	engine Engine
	log    *zap.Logger
	wake   chan struct{} // capacity 1
	tell   func()        // the other nodes, that this one has changed; set before use

	telling sync.Mutex // held while a list is read and told, so that lists are told in their order; taken before mu

	mu       sync.Mutex // guards the rest
	self     journal.Node
	known    []journal.Node
	closed   bool
	watchers map[*nodeWatcher]struct{}
}

type nodeWatcher struct {
	caller
	changed func([]journal.Node)
}

func newNodes(engine Engine, log *zap.Logger, self journal.Node) *nodes {
	return &nodes{engine: engine, log: log, self: self, wake: make(chan struct{}, 1), watchers: map[*nodeWatcher]struct{}{}, tell: func() {}}
}

// beat says that this node is alive, and tells the watchers if the list is another one.
func (n *nodes) beat(ctx context.Context) ([]journal.Node, error) {
	n.telling.Lock()
	defer n.telling.Unlock()
	n.mu.Lock()
	self, closed := n.self, n.closed
	n.mu.Unlock()
	if closed {
		return nil, journal.ErrClosed
	}
	list, err := n.engine.Beat(ctx, self)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	changed := !slices.Equal(n.known, list)
	n.known = list
	watchers := slices.Collect(maps.Keys(n.watchers))
	n.mu.Unlock()
	if changed {
		for _, w := range watchers {
			w.call(func() { w.changed(slices.Clone(list)) })
		}
	}
	return slices.Clone(list), nil
}

func (n *nodes) beatAll(ctx context.Context) {
	for tick := time.NewTicker(beatEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-n.wake:
		case <-tick.C:
		}
		asked, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, _ = n.beat(asked) // again in two seconds
		cancel()
	}
}

// leave says that this node is gone, and ends every Watch.
func (n *nodes) leave() {
	n.mu.Lock()
	n.closed = true
	self := n.self
	watchers := slices.Collect(maps.Keys(n.watchers))
	clear(n.watchers)
	n.mu.Unlock()
	for _, w := range watchers {
		w.stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = n.engine.Leave(ctx, self.ID) // else it is dead in 10 seconds
}

// Self implements journal.Nodes.
func (n *nodes) Self() journal.Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.self
}

// List implements journal.Nodes.
func (n *nodes) List(ctx context.Context) ([]journal.Node, error) { return n.beat(ctx) }

// agree reports whether the nodes that the last beat found have one configuration.
func (n *nodes) agree() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return journal.Agree(n.known)
}

// Describe implements journal.Nodes.
func (n *nodes) Describe(ctx context.Context, version, config string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return journal.ErrClosed
	}
	n.self.Version, n.self.Config = version, config
	n.mu.Unlock()
	_, err := n.beat(ctx)
	n.tell()
	return err
}

// Watch implements journal.Nodes.
func (n *nodes) Watch(changed func([]journal.Node)) (stop func(), err error) {
	n.telling.Lock()
	defer n.telling.Unlock()
	w := &nodeWatcher{caller{log: n.log}, changed}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil, journal.ErrClosed
	}
	n.watchers[w] = struct{}{}
	list := slices.Clone(n.known)
	n.mu.Unlock()
	w.call(func() { changed(list) })
	return func() {
		n.mu.Lock()
		delete(n.watchers, w)
		n.mu.Unlock()
		w.stop()
	}, nil
}
