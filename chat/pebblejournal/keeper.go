package pebblejournal

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

// checkEvery is how many entries a room may grow by before its retention is
// thought of.
const checkEvery = 32

// sweepEvery is how often all rooms are gone through.
const sweepEvery = time.Hour

// dueMax bounds the rooms that wait for their retention. Beyond it, all are
// gone through.
const dueMax = 16 << 10

// keeper is the goroutine that keeps the store in order: retention, the bound
// of the whole store, keys that have expired, and a disk that fails or is full.
type keeper struct {
	journal *Journal
	ctx     context.Context
	stop    context.CancelFunc
	turn    chan struct{} // holds one token: whoever has it does the keeper's work

	swept time.Time // owned by whoever has the turn

	mu  sync.Mutex          // guards the rest
	due map[string]struct{} // rooms that have grown
	all bool                // there were too many
}

func newKeeper(j *Journal) *keeper {
	k := &keeper{journal: j, turn: make(chan struct{}, 1), due: map[string]struct{}{}}
	k.ctx, k.stop = context.WithCancel(context.Background())
	k.swept = j.opt.now().Add(time.Minute - sweepEvery) // not in the first minute
	return k
}

func (k *keeper) run() {
	if k.journal.opt.interval < 0 {
		return
	}
	tick := time.NewTicker(k.journal.opt.interval)
	defer tick.Stop()
	k.tend()
	for {
		select {
		case <-tick.C:
			k.tend()
		case <-k.ctx.Done():
			return
		}
	}
}

// tend does a round of the keeper's work.
func (k *keeper) tend() {
	j := k.journal
	if !k.begin(k.ctx) {
		return
	}
	defer k.end()
	j.watch()
	if j.queue.refused() != nil && !j.store.healthy() {
		return
	}
	var err error
	if j.filter.worn() {
		err = j.buildFilter(k.ctx)
	}
	if err == nil {
		err = j.trimDue(k.ctx, k.takeDue())
	}
	if err == nil {
		err = j.shrink(k.ctx)
	}
	if err == nil && j.opt.now().Sub(k.swept) >= sweepEvery {
		k.swept = j.opt.now()
		err = j.sweep(k.ctx, sweepPace)
	}
	if err != nil && k.ctx.Err() == nil {
		j.opt.Logger.Warn("chat journal: can't clear up", zap.Error(err))
	}
}

// begin takes the turn.
func (k *keeper) begin(ctx context.Context) bool {
	select {
	case k.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (k *keeper) end() { <-k.turn }

// note has the keeper look at a room that has grown.
func (k *keeper) note(room string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.due) < dueMax {
		k.due[room] = struct{}{}
	} else {
		k.all = true
	}
}

func (k *keeper) takeDue() map[string]struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	due := k.due
	k.due = map[string]struct{}{}
	if k.all {
		k.all = false
		k.swept = time.Time{}
	}
	return due
}
