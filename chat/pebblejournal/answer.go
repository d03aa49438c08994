package pebblejournal

import (
	"github.com/caddychat/caddy-chat/chat/journal"
	"go.uber.org/zap"
)

// answerAll is the answerer: it tells those who appended what became of it, and
// followers what is new, group by group, until the committer has ended. It
// alone calls done and deliver, so that all of a room's followers get one order,
// and the committer never waits for them but when they are two groups behind.
func (j *Journal) answerAll() {
	for g := range j.written {
		j.answer(g)
		select {
		case j.spare <- g:
		default: // the committer has given up and takes none back
		}
	}
}

func (j *Journal) answer(g *group) {
	j.followers.address(g.items)
	for i := range g.items {
		it := &g.items[i]
		if it.first != nil {
			it.receipt, it.err = it.first.receipt, it.first.err
			it.receipt.Duplicate = true
		}
		if it.err != nil {
			it.receipt = journal.Receipt{}
		}
		j.call(func() { it.done(it.receipt, it.err) })
	}
	j.answered <- struct{}{} // the committer may go on, beside the followers
	for i := range g.items {
		it := &g.items[i]
		if it.change == nil && it.err == nil && !it.receipt.Duplicate {
			j.deliver(it.entry, it.to)
		}
	}
}

// call keeps a panic in somebody else's function from ending the process.
func (j *Journal) call(f func()) {
	defer func() {
		if cause := recover(); cause != nil {
			j.opt.Logger.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
		}
	}()
	f()
}
