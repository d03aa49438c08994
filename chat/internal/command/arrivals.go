package command

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
)

const (
	gather     = 5 * time.Millisecond // sessions that come within it are told at once
	maxTold    = 64 << 10             // bytes of sessions told at once
	maxTelling = 8                    // times that this is done at once: a node that hangs takes two seconds
	maxUntold  = 1 << 20              // bytes of sessions that wait to be told; more are not told
)

// Arrivals tell other nodes which sessions have come here, so that a session elsewhere
// that has the same device ends, and count the sessions that a user has elsewhere.
type Arrivals struct {
	commands *Commands
	counted  func(e Arrived, before int) // fixed: is told how many of the user's sessions were before it, at nodes that answer

	working sync.WaitGroup // the goroutine of run, and those that ask
	end     context.CancelFunc
	wake    chan struct{}
	places  chan struct{}

	mu      sync.Mutex // guards the rest; it is a leaf
	waiting []Arrived
	bytes   int // of them
}

// NewArrivals returns Arrivals that tell nobody before Begin.
func NewArrivals(c *Commands, counted func(e Arrived, before int)) *Arrivals {
	return &Arrivals{commands: c, counted: counted, end: func() {}, wake: make(chan struct{}, 1), places: make(chan struct{}, maxTelling)}
}

// Begin begins to tell other nodes.
func (es *Arrivals) Begin() {
	ctx, end := context.WithCancel(context.Background())
	es.end = end
	es.working.Go(func() { es.run(ctx) })
}

// Close ends that.
func (es *Arrivals) Close() {
	es.end()
	es.working.Wait()
}

// Add says that a session has come here. It waits for nothing, and does nothing
// while the node is alone.
func (es *Arrivals) Add(e Arrived) {
	if es.commands.IsAlone() {
		return
	}
	es.mu.Lock()
	defer es.mu.Unlock()
	if es.bytes+e.size() > maxUntold {
		es.commands.log.Warn("other nodes are not told of a session: too many have come", zap.Int("waiting", len(es.waiting)))
		return
	}
	es.waiting, es.bytes = append(es.waiting, e), es.bytes+e.size()
	ring(es.wake)
}

func (es *Arrivals) run(ctx context.Context) {
	for {
		select {
		case <-es.wake:
		case <-ctx.Done():
			return
		}
		if timing.Wait(ctx, gather) != nil {
			return
		}
		for list := es.take(); len(list) > 0; list = es.take() {
			select {
			case es.places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			es.working.Go(func() {
				defer func() { <-es.places }()
				es.tell(ctx, list)
			})
		}
	}
}

func (es *Arrivals) take() (list []Arrived) {
	es.mu.Lock()
	defer es.mu.Unlock()
	n, size := 0, 0
	for n < len(es.waiting) && (n == 0 || size+es.waiting[n].size() <= maxTold) {
		size += es.waiting[n].size()
		n++
	}
	list, es.waiting = es.waiting[:n:n], es.waiting[n:]
	if es.bytes -= size; len(es.waiting) == 0 {
		es.waiting = nil
	}
	return list
}

func (es *Arrivals) tell(ctx context.Context, list []Arrived) {
	now := time.Now().UnixNano()
	for i := range list {
		list[i].Ago = now - list[i].At
	}
	before := make([]int, len(list))
	for _, a := range es.commands.Ask(ctx, Command{Act: Arrive, Arrived: list}).Each {
		var at []int
		if json.Unmarshal(a.List, &at) != nil || len(at) != len(list) {
			continue // it could not do it, or has died
		}
		for i, n := range at {
			before[i] += n
		}
	}
	for i, e := range list {
		es.counted(e, before[i])
	}
}
