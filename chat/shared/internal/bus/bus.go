// Package bus carries what nodes tell each other. What it loses, they find by themselves.
package bus

import (
	"context"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/shared/internal/packing"
)

// Bounds of the bus.
const (
	queued = 4 << 20 // bytes of hints that wait to be sent; more are dropped
	held   = 1 << 20 // bytes of a hint that has come in part
)

// Engine is what a bus needs of a database; shared.Engine says what its methods do.
type Engine interface {
	Send(hints [][]byte) error
	Listen(ctx context.Context, own []byte, ready func(), heard func(hint []byte)) error
}

// Bus tells other nodes what happened on this one, and hears what they tell.
type Bus struct {
	// Fixed.
	engine Engine
	most   int               // bytes that the engine sends at once
	self   string            // the ID of this node
	heard  func(hint []byte) // of another node; it keeps nothing of it
	state  func(hears bool)  // that it hears, or has missed something
	wake   chan struct{}     // capacity 1

	mu     sync.Mutex // guards the rest
	queue  [][]byte   // pieces
	bytes  int
	number uint64 // of hints

	nodes map[string]*told // what was heard of each node; of the goroutine that listens
}

// New returns a bus of the node self, over an engine that sends at most so many bytes at once. heard is called for
// each hint of another node, and keeps nothing of it; state when the bus begins to hear, and when it may have missed something.
func New(engine Engine, most int, self string, heard func(hint []byte), state func(hears bool)) *Bus {
	return &Bus{engine: engine, most: most, self: self, heard: heard, state: state, wake: make(chan struct{}, 1)}
}

// told is what a node has told: the newest hint, and one that has come in part. It takes up to held for each node.
type told struct {
	newest       uint64
	number, next uint64 // number 0: none
	b            []byte
}

// Send queues a hint, of which it keeps nothing. Hints of one node are heard in their order.
func (b *Bus) Send(hint []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+len(hint) > queued {
		return
	}
	b.number++
	room := b.most - len(b.self) - 32
	count := max(1, (len(hint)+room-1)/room)
	for i := range count {
		piece := hint[i*room : min(len(hint), (i+1)*room)]
		w := &packing.Writer{B: make([]byte, 0, len(b.self)+32+len(piece))}
		w.Text(b.self)
		w.Number(b.number)
		w.Number(uint64(i))
		w.Number(uint64(count))
		w.B = append(w.B, piece...)
		b.queue, b.bytes = append(b.queue, w.B), b.bytes+len(w.B)
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Sender sends until ctx ends and nothing waits.
func (b *Bus) Sender(ctx context.Context) {
	for {
		b.mu.Lock()
		queue := b.queue
		b.queue, b.bytes = nil, 0
		b.mu.Unlock()
		for len(queue) > 0 {
			n := min(len(queue), 256)
			if b.engine.Send(queue[:n]) != nil {
				break // the poll of the others finds it
			}
			queue = queue[n:]
		}
		b.mu.Lock()
		empty := len(b.queue) == 0
		b.mu.Unlock()
		if !empty {
			continue
		}
		select {
		case <-b.wake:
		case <-ctx.Done():
			return
		}
	}
}

// Listener hears until ctx ends. first is called once it has tried to.
func (b *Bus) Listener(ctx context.Context, first func()) {
	first = sync.OnceFunc(first)
	defer first()
	for ctx.Err() == nil {
		b.nodes = map[string]*told{}
		began := time.Now()
		own := &packing.Writer{}
		own.Text(b.self)
		_ = b.engine.Listen(ctx, own.B, func() { b.state(true); first() }, b.hear)
		b.state(false)
		first()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second - time.Since(began)):
		}
	}
}

// hear takes a piece of a hint. A hint that comes again, or behind a later one of its node, is
// dropped: transient entries come once, in the order of their node.
func (b *Bus) hear(piece []byte) {
	d := &packing.Reader{B: piece}
	node, number, i, count := d.Text(), d.Number(), d.Number(), d.Number()
	if d.Failed || node == b.self {
		return
	}
	p := b.nodes[node]
	if p == nil {
		p = &told{}
		b.nodes[node] = p
	}
	if number <= p.newest || number == p.number && i < p.next {
		return
	}
	if count == 1 {
		p.newest = number
		b.heard(d.B)
		return
	}
	if i == 0 {
		p.number, p.next, p.b = number, 0, p.b[:0]
	}
	if p.number != number || p.next != i || len(p.b)+len(d.B) > held {
		p.number = 0
		return
	}
	p.b, p.next = append(p.b, d.B...), i+1
	if p.next == count {
		p.newest, p.number = number, 0
		b.heard(p.b)
	}
}
