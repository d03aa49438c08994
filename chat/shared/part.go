package shared

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/batching"
	"github.com/caddychat/caddy-chat/chat/shared/internal/bus"
)

// commitPatience is for how long something is queued behind a commit that has no answer. Later, what comes is refused.
const commitPatience = 2 * time.Second

var errNoAnswer = fmt.Errorf("%w: the database has not answered for %v", journal.ErrUnavailable, commitPatience)

// queueBytes bounds what waits to be committed in a part. Beyond that, Append waits.
const queueBytes = 4 << 20

// part is a part of the feed on this node: it commits what is appended here, and shows what
// all nodes have recorded.
type part struct {
	*core
	// Fixed.
	number int
	bus    *bus.Bus
	stream *stream

	// Of the goroutine that commits.
	hint []byte // what it told last, to be written over
	load batching.Load

	mu      sync.Mutex // guards the rest
	queue   []*pending
	bytes   int
	open    map[roomClaim]*pending // the newest with a claim that is not answered
	space   chan struct{}          // closed and replaced when the queue gets shorter
	work    chan struct{}          // capacity 1: there is something to commit
	since   time.Time              // when the commit under way was sent first; zero: there is none
	closing bool                   // nothing is appended any more
}

type roomClaim struct {
	room  string
	claim Claim
}

func newPart(c *core, b *bus.Bus, number int, m Marks) *part {
	return &part{
		core: c, number: number, bus: b, stream: newStream(c, number, m),
		open: map[roomClaim]*pending{}, space: make(chan struct{}), work: make(chan struct{}, 1),
	}
}

// add queues an entry, once there is space for it.
func (p *part) add(ctx context.Context, x *pending) error {
	size := queuedSize(&x.entry)
	if x.entry.Target > 0 || x.entry.Since > 0 {
		x.epoch, _, _ = p.stream.standing()
	}
	p.mu.Lock()
	for !p.closing && !p.stuckLocked() && p.bytes > 0 && p.bytes+size > queueBytes {
		space := p.space
		p.mu.Unlock()
		select {
		case <-space:
		case <-time.After(commitPatience):
		case <-ctx.Done():
			return ctx.Err()
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	switch {
	case p.closing:
		return journal.ErrClosed
	case p.stuckLocked():
		return errNoAnswer
	}
	p.queue, p.bytes = append(p.queue, x), p.bytes+size
	if x.entry.Kind.Recorded() && x.entry.Key != "" {
		p.open[roomClaim{x.entry.Room, x.claim}] = x
	}
	signal(p.work)
	return nil
}

// stuckLocked reports whether a commit has no answer for too long. It may be sent again for ever.
func (p *part) stuckLocked() bool { return !p.since.IsZero() && time.Since(p.since) > commitPatience }

// settled waits until no entry with that claim is being written.
func (p *part) settled(ctx context.Context, room string, c Claim) error {
	p.mu.Lock()
	x := p.open[roomClaim{room, c}]
	if x == nil {
		p.mu.Unlock()
		return nil
	}
	if x.finished == nil {
		x.finished = make(chan struct{})
	}
	finished := x.finished
	p.mu.Unlock()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take waits for a batch, and before a large one until not too many of them are under way. done says that it no longer is.
// It returns nothing when the part is closed and the queue is empty.
func (p *part) take() (taken []*pending, done func()) {
	done = func() {}
	for {
		p.mu.Lock()
		if len(p.queue) >= batching.Few {
			p.mu.Unlock()
			p.limiter.Acquire()
			done = p.limiter.Release
			p.mu.Lock()
		}
		taken, p.queue = pick(p.queue)
		for _, x := range taken {
			p.bytes -= queuedSize(&x.entry)
		}
		if len(taken) > 0 {
			close(p.space)
			p.space = make(chan struct{})
			p.since = time.Now()
		}
		closing := p.closing
		p.mu.Unlock()
		if len(taken) > 0 || closing {
			return taken, done
		}
		<-p.work
	}
}

// epochTime bounds how long this node asks whether the store is the one that it knows.
const epochTime = 5 * time.Second

// clockSkew is how far the engine's clock may be ahead of what this node knows of it.
const clockSkew = time.Minute

// commitAll commits until the part is closed and the queue is empty.
func (p *part) commitAll() {
	// The newest time that the engine has given here. No transient entry is older than what was
	// recorded before it. A time far ahead, as in an imported room, is not that of the engine's clock.
	newest := int64(0)
	for taken, done := p.take(); len(taken) > 0; taken, done = p.take() {
		began := time.Now()
		b, c, err := p.commitTaken(taken)
		done()
		took := time.Since(began)
		r := &row{epoch: b.Epoch, nonce: b.Nonce, number: c.Row}
		if len(b.Items) == 0 {
			r.epoch, r.behind = p.stream.behind()
		} else {
			_, r.behind = p.stream.behind()
		}
		var shown []*pending
		shown, newest = p.receive(taken, c, err, newest)
		r.list = make([]delivery, len(shown))
		for i, x := range shown {
			r.list[i] = delivery{x.entry, x.sent}
		}
		p.mu.Lock()
		p.since = time.Time{}
		for _, x := range taken {
			if key := (roomClaim{x.entry.Room, x.claim}); p.open[key] == x {
				delete(p.open, key)
			}
		}
		p.mu.Unlock()
		if c.Row > 0 {
			p.count(c, took)
		}
		wait := p.load.Gather(len(taken), took)
		for _, x := range taken {
			if x.finished != nil { // it is found no more, so nobody sets it
				close(x.finished)
			}
			protect(p.log, func() { x.done(x.receipt, x.fault) })
		}
		if len(taken) == 1 {
			runtime.Gosched() // who waits for it goes on here at once: another thread would have to wake first
		}
		if len(r.list) > 0 && !(c.Alone && len(taken) == len(b.Items)) { // transient entries are not read from the engine
			p.hint = p.tell(p.hint, *r)
		}
		p.stream.offer(r, true)
		time.Sleep(wait)
	}
}

// receive completes what was taken by what the engine has answered, and returns what is shown, in its order, and the
// newest time that the engine has given.
func (p *part) receive(taken []*pending, c Committed, err error, newest int64) (shown []*pending, at int64) {
	shown = make([]*pending, 0, len(taken))
	next := 0
	for _, x := range taken {
		sent, e := x.sent.UnixMilli()+p.ahead.Load(), &x.entry
		switch {
		case !e.Kind.Recorded():
			x.receipt = journal.Receipt{At: max(sent, newest)}
		case x.settled:
		case err != nil:
			x.fault = err
		default:
			x.receipt, x.fault = c.Outcomes[next].answer(e.Room)
			next++
		}
		if e.Kind.Recorded() && x.receipt.At < sent+clockSkew.Milliseconds() {
			newest = max(newest, x.receipt.At)
		}
		e.Since, e.With, e.Seq, e.At, e.Count, e.Position, e.Epoch = 0, nil, x.receipt.Seq, x.receipt.At, x.receipt.Count, x.receipt.Position, x.receipt.Epoch
		if x.fault == nil && !x.receipt.Duplicate {
			shown = append(shown, x)
		}
	}
	order(shown)
	return shown, newest
}

// order puts what was taken from the queue in the order of the feed, in which the entries of a room
// follow each other. Transient ones stay between those of their room.
func order(list []*pending) {
	first := make(map[string]journal.Position, len(list))
	for _, x := range list {
		e := &x.entry
		if at := first[e.Room]; e.Kind.Recorded() && (at == 0 || e.Position < at) {
			first[e.Room] = e.Position
		}
	}
	slices.SortStableFunc(list, func(a, b *pending) int { return cmp.Compare(first[a.entry.Room], first[b.entry.Room]) })
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

// commitTaken commits what is recorded of what was taken. If the end of a commit is unknown, it is sent again until it
// is known: the same batch is not recorded twice. Only what was certainly never recorded may be refused.
// In another epoch of the store, it is sent without entries that mean something by numbers of the old one.
func (p *part) commitTaken(taken []*pending) (b Batch, c Committed, err error) {
	_, _ = rand.Read(b.Nonce[:])
	b.Part = p.number
	unknown := false
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		b.Epoch, _, b.Seen = p.stream.standing()
		b.Items = nil
		for _, x := range taken {
			if !x.settled && x.outdated(b.Epoch) {
				x.settled = true
				x.receipt, x.fault = p.settle(x)
			}
			if x.entry.Kind.Recorded() && !x.settled {
				b.Items = append(b.Items, Item{&x.entry, x.claim})
			}
		}
		if len(b.Items) == 0 {
			return b, c, nil
		}
		p.stream.expect(b.Nonce)
		c, err = p.engine.Commit(b)
		again := false
		if errors.Is(err, ErrRolledBack) {
			again = p.sure() == nil
			err = errors.Join(journal.ErrUnavailable, err)
		}
		switch {
		case again:
		case err == nil && p.stream.recorded(&b, c.Row):
			p.setFault(nil)
			return b, c, nil
		case err == nil:
			unknown, err = true, errRolledBack
		case errors.Is(err, journal.ErrLimit):
			return b, c, err
		case errors.Is(err, journal.ErrUnavailable) && !unknown:
			p.setFault(err)
			return b, c, err
		default:
			unknown = true
		}
		p.setFault(err)
		select {
		case <-time.After(wait):
		case <-p.given:
			if !unknown {
				return b, c, err
			}
			return b, c, errors.Join(journal.ErrUncertain, err)
		}
	}
}

// outdated reports whether what an entry means depends on numbers of an epoch that has ended.
func (x *pending) outdated(epoch string) bool {
	return x.epoch != epoch && x.entry.Kind.Recorded() && (x.entry.Target > 0 || x.entry.Since > 0)
}

// settle answers an entry that is outdated: unless it was recorded before, it never is.
func (p *part) settle(x *pending) (journal.Receipt, error) {
	ctx, cancel := context.WithTimeout(p.ctx, epochTime)
	defer cancel()
	receipt, err := p.engine.Find(ctx, x.entry.Room, x.claim)
	switch {
	case err != nil:
		return receipt, errors.Join(journal.ErrUncertain, err)
	case receipt.Seq > 0:
		return receipt, nil
	case x.entry.Since > 0:
		return receipt, journal.ErrStale
	}
	return receipt, journal.ErrNoTarget
}

// tell tells the other nodes of a row. It writes over hint, and returns what it wrote.
func (p *part) tell(hint []byte, r row) []byte {
	if r.size() > rowMost { // they read it from the engine
		r.list = nil
	}
	hint = encodeRow(hint[:0], p.number, &r)
	p.bus.Send(hint)
	return hint
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
