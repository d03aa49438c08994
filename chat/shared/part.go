package shared

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// queueBytes bounds what waits to be committed in a part. Beyond that, Append waits.
const queueBytes = 4 << 20

// part is a part of the feed on this node: it commits what is appended here, and shows what
// all nodes have recorded.
type part struct {
	*core
	// Fixed.
	number int
	bus    *bus
	stream *stream

	mu      sync.Mutex // guards the rest
	queue   []*pending
	bytes   int
	open    map[roomClaim]*pending // the newest with a claim that is not answered
	space   chan struct{}          // closed and replaced when the queue gets shorter
	work    chan struct{}          // capacity 1: there is something to commit
	closing bool                   // nothing is appended any more
	own     uint64                 // the newest row of this node
}

type roomClaim struct {
	room  string
	claim Claim
}

func newPart(c *core, b *bus, number int, newest uint64) *part {
	return &part{
		core: c, number: number, bus: b, stream: newStream(c, number, newest), own: newest,
		open: map[roomClaim]*pending{}, space: make(chan struct{}), work: make(chan struct{}, 1),
	}
}

// add queues an entry, once there is space for it.
func (p *part) add(ctx context.Context, x *pending) error {
	size := queuedSize(&x.entry)
	p.mu.Lock()
	for !p.closing && p.bytes > 0 && p.bytes+size > queueBytes {
		space := p.space
		p.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if p.closing {
		return journal.ErrClosed
	}
	p.queue, p.bytes = append(p.queue, x), p.bytes+size
	if x.entry.Kind.Recorded() && x.entry.Key != "" {
		p.open[roomClaim{x.entry.Room, x.claim}] = x
	}
	signal(p.work)
	return nil
}

// settled waits until no entry with that claim is being written.
func (p *part) settled(ctx context.Context, room string, c Claim) error {
	p.mu.Lock()
	x := p.open[roomClaim{room, c}]
	p.mu.Unlock()
	if x == nil {
		return nil
	}
	select {
	case <-x.finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take waits for a batch. It returns nothing when the part is closed and the queue is empty.
func (p *part) take() []*pending {
	for {
		p.mu.Lock()
		taken, rest := pick(p.queue)
		p.queue = rest
		for _, x := range taken {
			p.bytes -= queuedSize(&x.entry)
		}
		if len(taken) > 0 {
			close(p.space)
			p.space = make(chan struct{})
		}
		closing := p.closing
		p.mu.Unlock()
		if len(taken) > 0 || closing {
			return taken
		}
		<-p.work
	}
}

// clockSkew is how far the engine's clock may be ahead of this node's.
const clockSkew = time.Minute

// commitAll commits until the part is closed and the queue is empty.
func (p *part) commitAll() {
	// The newest time that the engine has given here. No transient entry is older than what was
	// recorded before it. A time far ahead, as in an imported room, is not that of the engine's clock.
	newest := int64(0)
	for taken := p.take(); len(taken) > 0; taken = p.take() {
		b := Batch{Part: p.number}
		for _, x := range taken {
			if x.entry.Kind.Recorded() {
				b.Items = append(b.Items, Item{&x.entry, x.claim})
			}
		}
		var c Committed
		began := time.Now()
		var err error
		if len(b.Items) > 0 {
			_, _ = rand.Read(b.Nonce[:])
			c, err = p.commit(b)
		}
		took := time.Since(began)
		r := &row{number: c.Row, behind: max(p.recorded(c.Row), p.stream.shown())}
		answers := make([]func(), len(taken))
		next := 0
		for i, x := range taken {
			sent := time.Unix(0, x.sent).UnixMilli()
			e, receipt, fault := x.entry, journal.Receipt{At: max(sent, newest)}, error(nil)
			if e.Kind.Recorded() {
				if fault = err; err == nil {
					receipt, fault = c.Outcomes[next].answer(e.Room)
				}
				if next++; receipt.At < sent+clockSkew.Milliseconds() {
					newest = max(newest, receipt.At)
				}
			}
			e.Since, e.With, e.Seq, e.At, e.Count, e.Position, e.Epoch = 0, nil, receipt.Seq, receipt.At, receipt.Count, receipt.Position, receipt.Epoch
			if fault == nil && !receipt.Duplicate {
				r.list = append(r.list, delivery{e, x.sent})
			}
			answers[i] = func() { x.done(receipt, fault) }
		}
		order(r.list)
		p.mu.Lock()
		for _, x := range taken {
			if key := (roomClaim{x.entry.Room, x.claim}); p.open[key] == x {
				delete(p.open, key)
			}
		}
		p.mu.Unlock()
		if c.Row > 0 {
			p.count(c, took)
		}
		for i, x := range taken {
			close(x.finished)
			protect(p.log, answers[i])
		}
		if len(r.list) > 0 && !(c.Alone && len(taken) == len(b.Items)) { // transient entries are not read from the engine
			p.tell(r)
		}
		p.stream.offer(r, true)
	}
}

// order puts what was taken from the queue in the order of the feed, in which the entries of a room
// follow each other. Transient ones stay between those of their room.
func order(list []delivery) {
	first := map[string]journal.Position{}
	for i := range list {
		e := &list[i].entry
		if at := first[e.Room]; e.Kind.Recorded() && (at == 0 || e.Position < at) {
			first[e.Room] = e.Position
		}
	}
	slices.SortStableFunc(list, func(a, b delivery) int { return cmp.Compare(first[a.entry.Room], first[b.entry.Room]) })
}

// recorded notes a row of this node, unless it is 0, and returns the newest one.
func (p *part) recorded(row uint64) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own = max(p.own, row)
	return p.own
}

// answer is what Append is told.
func (o *Outcome) answer(room string) (journal.Receipt, error) {
	switch o.Result {
	case Stale:
		return journal.Receipt{}, journal.ErrStale
	case NoTarget:
		return journal.Receipt{}, journal.ErrNoTarget
	case Full:
		_, err := journal.NextSeq(journal.MaxSeq)
		return journal.Receipt{}, err
	}
	return o.Receipt, nil
}

// commit commits a batch. If the end of a commit is unknown, it is sent again until it is known:
// the same batch is not recorded twice. Only what was certainly never recorded may be refused.
func (p *part) commit(b Batch) (Committed, error) {
	p.stream.expect(b.Nonce)
	unknown := false
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		c, err := p.engine.Commit(b)
		switch {
		case err == nil:
			p.setFault(nil)
			return c, nil
		case errors.Is(err, journal.ErrLimit):
			return c, err
		case errors.Is(err, journal.ErrUnavailable) && !unknown:
			p.setFault(err)
			return c, err
		}
		unknown = true
		p.setFault(err)
		select {
		case <-time.After(wait):
		case <-p.given:
			return c, errors.Join(journal.ErrUncertain, err)
		}
	}
}

// tell tells the other nodes of a row.
func (p *part) tell(r *row) {
	short := *r
	if r.size() > busRow { // they read it from the engine
		short.list = nil
	}
	p.bus.send(encodeRow(p.number, &short))
}

func (p *part) close() {
	p.stream.close()
	p.mu.Lock()
	p.closing = true
	close(p.space)
	p.space = make(chan struct{})
	p.mu.Unlock()
	signal(p.work)
}
