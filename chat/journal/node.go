package journal

import (
	"context"
	"crypto/rand"
	"sync"
)

// Node is one process that uses a store.
type Node struct {
	ID      string // unique; another one after each start
	Name    string // for people: that of its machine
	Version string // of the program
	Config  string // the hash of its configuration
}

// Agree reports whether no two nodes say that they have different configurations. While they
// do, as during an upgrade, nothing may be removed by what one of them says.
func Agree(nodes []Node) bool {
	config := ""
	for _, n := range nodes {
		if config != "" && n.Config != "" && n.Config != config {
			return false
		}
		if n.Config != "" {
			config = n.Config
		}
	}
	return true
}

// Nodes are the processes that use one store. A journal that is used by one process
// has one node.
type Nodes interface {
	// Self is this node.
	Self() Node

	// Describe changes Version and Config of this node.
	Describe(ctx context.Context, version, config string) error

	// List returns the nodes that are alive, this one included, ordered by ID.
	List(ctx context.Context) ([]Node, error)

	// Watch calls changed with that list now, and again when a node came, went or
	// described itself: one call at a time. An empty list says that this node itself is cut
	// off: it could not reach the store for so long that the others take it for dead.
	// changed must not block. stop may be called from anywhere but changed; it returns after
	// the last call.
	Watch(changed func([]Node)) (stop func(), err error)
}

// Alone is the Nodes of a journal that one process uses.
type Alone struct {
	telling sync.Mutex // held while watchers are called, so that they see one order; taken before mu

	mu       sync.Mutex // guards the rest
	self     Node
	closed   bool
	watchers map[*func([]Node)]struct{}
}

// NewAlone returns the one node, which is new.
func NewAlone(name string) *Alone {
	return &Alone{self: Node{ID: rand.Text()[:10], Name: name}, watchers: map[*func([]Node)]struct{}{}}
}

// Self implements Nodes.
func (a *Alone) Self() Node {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.self
}

// List implements Nodes.
func (a *Alone) List(ctx context.Context) ([]Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, ErrClosed
	}
	return []Node{a.self}, nil
}

// Close ends every Watch. Later calls get ErrClosed; Self goes on.
func (a *Alone) Close() {
	a.telling.Lock()
	defer a.telling.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	clear(a.watchers)
}

// Describe implements Nodes.
func (a *Alone) Describe(ctx context.Context, version, config string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.telling.Lock()
	defer a.telling.Unlock()
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return ErrClosed
	}
	a.self.Version, a.self.Config = version, config
	self := a.self
	watchers := make([]func([]Node), 0, len(a.watchers))
	for w := range a.watchers {
		watchers = append(watchers, *w)
	}
	a.mu.Unlock()
	for _, changed := range watchers {
		changed([]Node{self})
	}
	return nil
}

// Watch implements Nodes.
func (a *Alone) Watch(changed func([]Node)) (stop func(), err error) {
	a.telling.Lock()
	defer a.telling.Unlock()
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil, ErrClosed
	}
	a.watchers[&changed] = struct{}{}
	self := a.self
	a.mu.Unlock()
	changed([]Node{self})
	return func() {
		a.telling.Lock()
		defer a.telling.Unlock()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watchers, &changed)
	}, nil
}
