package shared

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

const (
	// beatEvery is how often a node says that it is alive.
	beatEvery = 2 * time.Second

	// deadAfter is how long others believe it, by the engine's clock. A node that could not say it for so long, from
	// when it began to, takes itself for dead: never later than the others.
	deadAfter = 10 * time.Second

	// beatTime bounds one attempt.
	beatTime = 5 * time.Second
)

var errCutOff = errors.New("this node has not reached the database for 10 seconds")

// nodes implements journal.Nodes.
type nodes struct {
	// Fixed.
	engine Engine
	log    *zap.Logger
	wake   chan struct{} // capacity 1
	tell   func()        // the other nodes, that this one has changed; set before use

	said atomic.Pointer[time.Time] // when this node began to say that it is alive, the last time that it could

	asking  chan struct{} // capacity 1: full while a list is asked for, so that lists come in their order; taken before telling
	telling sync.Mutex    // held while a list is told, for the same reason; taken before mu

	mu       sync.Mutex // guards the rest
	self     journal.Node
	known    []journal.Node // none: this node is cut off
	closed   bool
	watchers map[*nodeWatcher]struct{}
}

type nodeWatcher struct {
	caller
	changed func([]journal.Node)
}

func newNodes(engine Engine, log *zap.Logger, self journal.Node) *nodes {
	n := &nodes{engine: engine, log: log, self: self, asking: make(chan struct{}, 1), wake: make(chan struct{}, 1), watchers: map[*nodeWatcher]struct{}{}, tell: func() {}}
	n.said.Store(new(time.Time))
	return n
}

// beat says that this node is alive, and tells the watchers if the list is another one.
func (n *nodes) beat(ctx context.Context) ([]journal.Node, error) {
	select {
	case n.asking <- struct{}{}:
		defer func() { <-n.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	self, closed := n.self, n.closed
	n.mu.Unlock()
	if closed {
		return nil, journal.ErrClosed
	}
	began := time.Now()
	list, err := n.engine.Beat(ctx, self)
	if err != nil {
		return nil, err
	}
	if n.left() <= 0 { // the process has stood still: the others have taken it for dead meanwhile, and tell it nothing
		n.now(nil)
	}
	n.said.Store(&began)
	n.now(list)
	return slices.Clone(list), nil
}

// now tells the watchers if the list is another one. nil says that this node is cut off.
func (n *nodes) now(list []journal.Node) {
	n.telling.Lock()
	defer n.telling.Unlock()
	n.mu.Lock()
	if list == nil && n.left() > 0 { // somebody has asked for the list meanwhile, and got it
		n.mu.Unlock()
		return
	}
	changed := !slices.Equal(n.known, list)
	n.known = list
	watchers := slices.Collect(maps.Keys(n.watchers))
	n.mu.Unlock()
	if changed {
		for _, w := range watchers {
			w.call(func() { w.changed(slices.Clone(list)) })
		}
	}
}

// beatAll says again and again that this node is alive. If it can't for too long, its watchers are told that there is no node.
func (n *nodes) beatAll(ctx context.Context) {
	for wait := beatEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-time.After(wait):
		}
		bound := beatTime
		if left := n.left(); left > 0 {
			bound = min(bound, left)
		}
		asked, cancel := context.WithTimeout(ctx, bound)
		_, err := n.beat(asked)
		cancel()
		left := n.left()
		if err != nil && ctx.Err() == nil && left <= 0 {
			n.now(nil)
		}
		if wait = beatEvery; left > 0 {
			wait = min(wait, left)
		}
	}
}

// left is how long the other nodes still believe that this one is alive.
func (n *nodes) left() time.Duration { return deadAfter - time.Since(*n.said.Load()) }

// count is how many nodes there are, as far as this one knows: none if it takes itself for dead.
func (n *nodes) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.known)
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

// agree reports whether this node is alive, and has one configuration with the others that the last beat found.
func (n *nodes) agree() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.known) > 0 && journal.Agree(n.known)
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
