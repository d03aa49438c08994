package roll

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

const (
	beat       = 2 * time.Second        // the newest number is told
	gather     = 5 * time.Millisecond   // what changes within it is told at once
	patience   = 500 * time.Millisecond // that a room that opens waits for answers
	maxMessage = 48 << 10               // bytes of changes, or of names, in a message
	maxQueue   = 16 << 20               // bytes of changes that wait; with more all are dropped, and asked for
	maxAgain   = 1000                   // rooms that a node is asked for again at a time
	maxAsks    = 1000                   // messages that ask, and wait; rooms beyond are asked for by a later beat
)

// Rooms are the rooms of this node.
type Rooms interface {
	Hear(name string, e room.Elsewhere)
	NodeGone(node string)
	Tell(name string, f func(here []journal.User))
	Open() []string
	IsOpen(name string) bool
}

// Roll implements room.Roll. Its methods may be called concurrently.
type Roll struct {
	send  func(ctx context.Context, body json.RawMessage) // fixed
	log   *zap.Logger                                     // fixed
	rooms Rooms                                           // set by Begin
	wake  chan struct{}

	working sync.WaitGroup // the goroutine of run
	end     context.CancelFunc

	mu     sync.Mutex // guards the rest; it is a leaf
	others map[string]*other
	number uint64 // of our newest message with changes
	queue  []op   // changes to be told
	bytes  int    // of them
	asks   []message
	opened map[string]*opening // rooms that have opened, until it is known who is there
}

// other is another node.
type other struct {
	seen uint64          // the newest number that we have heard of, whether or not we have missed others
	owes map[string]bool // rooms of which it has not said who is there
}

// opening is a room that waits until all nodes have said who is there.
type opening struct {
	waiting map[string]bool
	known   chan struct{}
}

// New returns a Roll that tells nobody before Begin. send hands what it tells to the other
// nodes, in order, and may lose it.
func New(send func(context.Context, json.RawMessage), log *zap.Logger) *Roll {
	return &Roll{
		send: send, log: log, wake: make(chan struct{}, 1), end: func() {},
		others: map[string]*other{}, opened: map[string]*opening{},
	}
}

// Begin begins to tell other nodes.
func (r *Roll) Begin(rooms Rooms) {
	r.rooms = rooms
	ctx, end := context.WithCancel(context.Background())
	r.end = end
	r.working.Go(func() { r.run(ctx) })
}

// Close tells what is left to be told, and ends.
func (r *Roll) Close() {
	r.end()
	r.working.Wait()
}

// Came implements room.Roll.
func (r *Roll) Came(room string, u journal.User) { r.tell(cameOp(room, u)) }

// Went implements room.Roll.
func (r *Roll) Went(room, user string, asked bool) {
	how := wasCut
	if asked {
		how = left
	}
	r.tell(op{Room: room, How: how, ID: user})
}

func (r *Roll) tell(ops ...op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.others) == 0 { // who comes later finds that something was missed
		r.number++
		return
	}
	for i := range ops {
		r.bytes += ops[i].size()
	}
	if r.queue = append(r.queue, ops...); r.bytes > maxQueue {
		r.queue, r.bytes = nil, 0
		r.number++
	}
	r.ring()
}

// Opened implements room.Roll.
func (r *Roll) Opened(name string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.others) == 0 {
		return nil
	}
	o := &opening{waiting: map[string]bool{}, known: make(chan struct{})}
	for id, node := range r.others {
		o.waiting[id], node.owes[name] = true, true
	}
	if old := r.opened[name]; old != nil {
		close(old.known)
	}
	r.opened[name] = o
	r.askLocked("", name)
	time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.knownLocked(name, o)
	})
	return o.known
}

func (r *Roll) knownLocked(name string, o *opening) {
	if r.opened[name] == o {
		delete(r.opened, name)
		close(o.known)
	}
}

// askLocked asks a node, or all of them, who is in rooms.
func (r *Roll) askLocked(to string, names ...string) {
	for _, name := range names {
		if n := len(r.asks) - 1; n >= 0 && r.asks[n].To == to && len(r.asks[n].Ask) < maxMessage/(journal.MaxRoom+4) {
			r.asks[n].Ask = append(r.asks[n].Ask, name)
			continue
		}
		if len(r.asks) == maxAsks {
			break
		}
		r.asks = append(r.asks, message{To: to, Ask: []string{name}})
	}
	r.ring()
}

func (r *Roll) ring() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Nodes says which other nodes are alive.
func (r *Roll) Nodes(list []string) {
	r.mu.Lock()
	var gone []string
	for id := range r.others {
		if !slices.Contains(list, id) {
			gone = append(gone, id)
			r.goneLocked(id)
		}
	}
	for _, id := range list {
		if r.others[id] == nil {
			r.others[id] = &other{owes: map[string]bool{}}
		}
	}
	if len(r.others) == 0 && len(r.queue)+len(r.asks) > 0 {
		r.queue, r.bytes, r.asks = nil, 0, nil
		r.number++
	}
	r.mu.Unlock()
	for _, id := range gone {
		r.rooms.NodeGone(id)
	}
	r.ring()
}

func (r *Roll) goneLocked(id string) {
	for name := range r.others[id].owes {
		r.paidLocked(id, name)
	}
	delete(r.others, id)
}

// paidLocked notes that a node has said who is in a room.
func (r *Roll) paidLocked(id, name string) {
	delete(r.others[id].owes, name)
	if o := r.opened[name]; o != nil {
		if delete(o.waiting, id); len(o.waiting) == 0 {
			r.knownLocked(name, o)
		}
	}
}

// Heard hears what another node tells. It waits for nothing.
func (r *Roll) Heard(node, self string, body json.RawMessage) {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		r.log.Warn("what another node tells of its rooms makes no sense", zap.String("node", node), zap.Error(err))
		return
	}
	if len(m.Ask) > 0 && (m.To == "" || m.To == self) {
		r.answer(m.Ask)
	}
	r.mu.Lock()
	o := r.others[node]
	if o == nil { // we hear of it before we know that it is alive: its next beat tells what we have missed
		r.mu.Unlock()
		return
	}
	next := o.seen
	if len(m.Ops) > 0 {
		next++
	}
	missed := m.N != next
	o.seen = m.N
	r.mu.Unlock()
	for ops := m.Ops; len(ops) > 0; {
		n := 1
		for n < len(ops) && ops[n].Room == ops[0].Room && ops[n].How != all {
			n++
		}
		r.hear(node, ops[:n])
		ops = ops[n:]
	}
	if missed {
		r.askAll(node)
	}
}

// hear tells a room what has changed there.
func (r *Roll) hear(node string, ops []op) {
	e := room.Elsewhere{Node: node, All: ops[0].How == all}
	name := ops[0].Room
	if e.All {
		ops = ops[1:]
	}
	for i := range ops {
		o := &ops[i]
		e.Changes = append(e.Changes, room.Change{User: o.user(), Gone: o.How != came, Asked: o.How == left})
	}
	r.rooms.Hear(name, e) // before the room is known to be complete
	if !e.All {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.others[node] != nil {
		r.paidLocked(node, name)
	}
}

// answer tells who is in rooms here.
func (r *Roll) answer(names []string) {
	for _, name := range names {
		r.rooms.Tell(name, func(here []journal.User) {
			ops := []op{{Room: name, How: all}}
			for _, u := range here {
				ops = append(ops, cameOp(name, u))
			}
			r.tell(ops...)
		})
	}
}

// askAll asks a node for all rooms that are open here.
func (r *Roll) askAll(node string) {
	names := r.rooms.Open()
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.others[node]
	if o == nil {
		return
	}
	for _, name := range names {
		o.owes[name] = true
	}
	r.askLocked(node, names...)
}

func (r *Roll) run(ctx context.Context) {
	ticker := time.NewTicker(beat)
	ticker.Stop() // while the node is alone it never wakes up
	defer ticker.Stop()
	for beats := false; ctx.Err() == nil; {
		if alone := r.isAlone(); alone == beats {
			if beats = !alone; beats {
				ticker.Reset(beat)
			} else {
				ticker.Stop()
			}
		}
		isBeat := false
		select {
		case <-r.wake:
			_ = timing.Wait(ctx, gather)
		case <-ticker.C:
			isBeat = true
			r.askAgain()
		case <-ctx.Done():
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), beat)
		r.flush(last, isBeat)
		cancel()
	}
}

func (r *Roll) isAlone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.others) == 0
}

// askAgain asks for rooms once more of which nodes have not said who is there.
func (r *Roll) askAgain() {
	r.mu.Lock()
	owed := map[string][]string{}
	for id, o := range r.others {
		for name := range o.owes {
			if len(owed[id]) < maxAgain {
				owed[id] = append(owed[id], name)
			}
		}
	}
	r.mu.Unlock()
	for id, names := range owed {
		for _, name := range names {
			isOpen := r.rooms.IsOpen(name)
			r.mu.Lock()
			switch {
			case r.others[id] == nil:
			case isOpen:
				r.askLocked(id, name)
			default:
				r.paidLocked(id, name)
			}
			r.mu.Unlock()
		}
	}
}

// flush tells what is to be told.
func (r *Roll) flush(ctx context.Context, isBeat bool) {
	r.mu.Lock()
	var list []message
	for len(r.queue) > 0 {
		n, size := 0, 0
		for n < len(r.queue) && (n == 0 || size+r.queue[n].size() <= maxMessage) {
			size += r.queue[n].size()
			n++
		}
		r.number++
		list = append(list, message{N: r.number, Ops: r.queue[:n:n]})
		r.queue = r.queue[n:]
	}
	r.queue, r.bytes = nil, 0
	for _, m := range r.asks {
		m.N = r.number
		list = append(list, m)
	}
	r.asks = nil
	if isBeat && len(list) == 0 && len(r.others) > 0 {
		list = append(list, message{N: r.number})
	}
	r.mu.Unlock()
	for _, m := range list {
		body, err := json.Marshal(m)
		if err != nil {
			r.log.Error("who is here cannot be told", zap.Error(err))
			continue
		}
		r.send(ctx, body)
	}
}
