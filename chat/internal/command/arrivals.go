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
func (as *Arrivals) Begin() {
	ctx, end := context.WithCancel(context.Background())
	as.end = end
	as.working.Go(func() { as.run(ctx) })
}

// Close ends that.
func (as *Arrivals) Close() {
	as.end()
	as.working.Wait()
}

// Add says that a session has come here. It waits for nothing, and does nothing
// while the node is alone.
func (as *Arrivals) Add(e Arrived) {
	if as.commands.IsAlone() {
		return
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	if as.bytes+e.size() > maxUntold {
		as.commands.log.Warn("other nodes are not told of a session: too many have come", zap.Int("waiting", len(as.waiting)))
		return
	}
	as.waiting, as.bytes = append(as.waiting, e), as.bytes+e.size()
	ring(as.wake)
}

func (as *Arrivals) run(ctx context.Context) {
	for {
		select {
		case <-as.wake:
		case <-ctx.Done():
			return
		}
		if timing.Wait(ctx, gather) != nil {
			return
		}
		for list := as.take(); len(list) > 0; list = as.take() {
			select {
			case as.places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			as.working.Go(func() {
				defer func() { <-as.places }()
				as.tell(ctx, list)
			})
		}
	}
}

func (as *Arrivals) take() (list []Arrived) {
	as.mu.Lock()
	defer as.mu.Unlock()
	n, size := 0, 0
	for n < len(as.waiting) && (n == 0 || size+as.waiting[n].size() <= maxTold) {
		size += as.waiting[n].size()
		n++
	}
	list, as.waiting = as.waiting[:n:n], as.waiting[n:]
	if as.bytes -= size; len(as.waiting) == 0 {
		as.waiting = nil
	}
	return list
}

func (as *Arrivals) tell(ctx context.Context, list []Arrived) {
	now := time.Now().UnixNano()
	for i := range list {
		list[i].Ago = now - list[i].At
	}
	before := make([]int, len(list))
	for _, a := range as.commands.Ask(ctx, Command{Act: Arrive, Arrived: list}).Each {
		var at []int
		if json.Unmarshal(a.List, &at) != nil || len(at) != len(list) {
			continue // it could not do it, or has died
		}
		for i, n := range at {
			before[i] += n
		}
	}
	for i, e := range list {
		as.counted(e, before[i])
	}
}
