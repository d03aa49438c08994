package command

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// again is when a command is sent again.
const again = 500 * time.Millisecond

// Ask asks all nodes that are alive, this one included, or the one that what names. It
// returns when all have answered or died, ctx ends, or 2 seconds have passed.
func (c *Commands) Ask(ctx context.Context, what Command) Answers {
	a, m := c.begin(ctx, what)
	return c.finish(ctx, a, m)
}

// AskAny asks all nodes. It returns as soon as one has found what it was asked for; the others
// are asked on. Otherwise it returns the nodes that are alive and have not answered in time.
func (c *Commands) AskAny(ctx context.Context, what Command) (found bool, missing []string) {
	a, m := c.begin(ctx, what)
	all := make(chan Answers, 1)
	c.mu.Lock()
	if c.closed || len(a.waiting) == 0 {
		c.mu.Unlock()
		all <- c.finish(ctx, a, m)
	} else {
		c.working.Go(func() { all <- c.finish(c.context, a, m) })
		c.mu.Unlock()
	}
	select {
	case <-a.found:
		return true, nil
	case got := <-all:
		return got.N > 0, got.Missing
	}
}

// begin asks this node, and notes which others are to be asked.
func (c *Commands) begin(ctx context.Context, what Command) (*asking, message) {
	a, id := &asking{waiting: map[string]journal.Node{}, found: make(chan struct{}), over: make(chan struct{})}, rand.Text()
	what.By = c.node
	var here Answer
	if what.Node == "" || what.Node == c.node {
		here = c.do(ctx, what)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if what.Node == "" || what.Node == c.node {
		a.addLocked(here)
	}
	for node, n := range c.others {
		if what.Node == "" || what.Node == node {
			a.waiting[node] = n
		}
	}
	if len(a.waiting) > 0 {
		c.asked[id] = a
	} else {
		close(a.over)
	}
	return a, message{ID: id, Command: what}
}

// finish asks the others, and returns what all have answered.
func (c *Commands) finish(ctx context.Context, a *asking, m message) Answers {
	c.sendUntilOver(ctx, a, m)
	c.mu.Lock()
	delete(c.asked, m.ID)
	var silent []string
	for id, n := range a.waiting {
		name := n.Name + " (" + n.ID + ")"
		silent, a.Missing = append(silent, id), append(a.Missing, name)
		if c.replied[id] {
			a.Silent = append(a.Silent, name)
		}
	}
	slices.Sort(a.Missing)
	c.mu.Unlock()
	if len(silent) == 0 {
		return a.Answers
	}
	c.log.Warn("nodes have not answered a command", zap.String("act", m.Act), zap.Strings("nodes", a.Missing))
	if m.changes() {
		a.Err = cmp.Or(a.Err, c.leave(silent, m))
	}
	return a.Answers
}

// leave leaves a command for nodes that have not answered it.
func (c *Commands) leave(nodes []string, m message) error {
	ctx, cancel := context.WithTimeout(c.context, timing.Journal) // whoever has asked may have gone
	defer cancel()
	err := c.owed.leave(ctx, nodes, m)
	if err == nil {
		_ = c.owed.sweep(ctx, c.isAlive) // the next one does the rest
		return nil
	}
	c.log.Warn("nodes that have not answered a command may never do it", zap.String("act", m.Act), zap.Strings("nodes", nodes), zap.Error(err))
	return err
}

// isAlive reports whether a node is alive, as far as this one knows.
func (c *Commands) isAlive(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, other := c.others[node]
	return other || node == c.node
}

// IsAlone reports whether no other node is alive.
func (c *Commands) IsAlone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.others) == 0
}

func (c *Commands) sendUntilOver(ctx context.Context, a *asking, m message) {
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	ticker := time.NewTicker(again)
	defer ticker.Stop()
	for {
		select {
		case <-a.over:
			return
		default:
			c.send(ctx, m)
		}
		select {
		case <-a.over:
			return
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
