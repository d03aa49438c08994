package shared

import (
	"context"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/shared/internal/packing"
)

// Bounds of the bus.
const (
	busQueued = 4 << 20   // bytes of hints that wait to be sent; more are dropped, and the poll finds what they told
	busRow    = 512 << 10 // bytes of entries that a hint has at most; others are read from the engine
	busHeld   = 1 << 20   // bytes of a hint that has come in part
)

// bus tells other nodes what happened here, and hears what they tell. What it loses, the poll finds.
type bus struct {
	engine Engine
	self   string            // the ID of this node
	heard  func(hint []byte) // of another node
	state  func(hears bool)  // that it hears, or has missed something
	wake   chan struct{}     // capacity 1

	mu     sync.Mutex // guards the rest
	queue  [][]byte   // pieces
	bytes  int
	number uint64 // of hints

	nodes map[string]*told // what was heard of each node; of the goroutine that listens
}

// told is what a node has told: the newest hint, and one that has come in part.
type told struct {
	newest       uint64
	number, next uint64
	b            []byte
}

// send queues a hint. Hints of one node are heard in their order.
func (b *bus) send(hint []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+len(hint) > busQueued {
		return
	}
	b.number++
	room := MaxHint - len(b.self) - 32
	count := max(1, (len(hint)+room-1)/room)
	for i := range count {
		w := &packing.Writer{}
		w.Text(b.self)
		w.Number(b.number)
		w.Number(uint64(i))
		w.Number(uint64(count))
		w.B = append(w.B, hint[i*room:min(len(hint), (i+1)*room)]...)
		b.queue, b.bytes = append(b.queue, w.B), b.bytes+len(w.B)
	}
	signal(b.wake)
}

// sender sends until ctx ends and nothing waits.
func (b *bus) sender(ctx context.Context) {
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

// listener hears until ctx ends. first is called once it has tried to.
func (b *bus) listener(ctx context.Context, first func()) {
	first = sync.OnceFunc(first)
	defer first()
	for ctx.Err() == nil {
		b.nodes = map[string]*told{}
		began := time.Now()
		_ = b.engine.Listen(ctx, func() { b.state(true); first() }, b.hear)
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
func (b *bus) hear(piece []byte) {
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
		p.number, p.next, p.b = number, 0, nil
	}
	if p.number != number || p.next != i || len(p.b)+len(d.B) > busHeld {
		p.number, p.b = 0, nil
		return
	}
	p.b, p.next = append(p.b, d.B...), i+1
	if p.next == count {
		whole := p.b
		p.newest, p.number, p.b = number, 0, nil
		b.heard(whole)
	}
}
