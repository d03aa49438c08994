package view

import (
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Hidden remembers up to which number the entries of rooms were too old to be shown:
// whoever asks next need not search the whole room for it. The zero value is ready to
// use.
type Hidden struct {
	mu  sync.Mutex // guards the rest; a leaf
	all map[aged]hiddenTo
}

// aged is a room as a policy shows it.
type aged struct {
	room string
	age  time.Duration
}

type hiddenTo struct {
	epoch string
	seq   journal.Seq
	at    time.Time // when it was so. What is too old stays so, unless the clock goes back
}

// maxHidden bounds the rooms that are remembered: about 1 MiB. Then all are forgotten, and
// each costs a search again.
const maxHidden = 10_000

// of returns the number up to which entries are too old for sure, or 0.
func (h *Hidden) of(k aged, epoch string, now time.Time) journal.Seq {
	h.mu.Lock()
	defer h.mu.Unlock()
	if to := h.all[k]; to.epoch == epoch && !now.Before(to.at) {
		return to.seq
	}
	return 0
}

// note remembers that the entries up to a number are too old.
func (h *Hidden) note(k aged, to hiddenTo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.all[k]; ok && old.epoch == to.epoch && old.seq >= to.seq && !to.at.Before(old.at) {
		return
	}
	if h.all == nil || len(h.all) >= maxHidden {
		h.all = map[aged]hiddenTo{}
	}
	h.all[k] = to
}
