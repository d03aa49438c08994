package command

import (
	"cmp"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Answers are what nodes have answered.
type Answers struct {
	N       int      // how much they had to do, or have, together
	Each    []Answer // in no order
	Missing []string // nodes that are alive and have not answered, for people
	Silent  []string // of them, those that have answered before: they answer again soon, or die

	// Err says that what was asked for could not be done here, or that the nodes which have
	// not answered may never do it. It is nil if they only come to it later.
	Err error
}

// asking is a command that waits for answers. Commands.mu guards it.
type asking struct {
	Answers
	waiting map[string]journal.Node // nodes that have neither answered nor died
	found   chan struct{}           // closed once N is above 0
	over    chan struct{}           // closed once nobody is waited for
}

// settleLocked notes that a node has answered, or has died.
func (a *asking) settleLocked(node string, with Answer) {
	if _, waits := a.waiting[node]; !waits {
		return
	}
	a.addLocked(with)
	if delete(a.waiting, node); len(a.waiting) == 0 {
		close(a.over)
	}
}

func (a *asking) addLocked(with Answer) {
	if with.N > 0 && a.N == 0 {
		close(a.found)
	}
	a.N += with.N
	a.Err = cmp.Or(a.Err, with.Err)
	a.Each = append(a.Each, with)
}

// Unheard is the error for who needs the answers of all nodes, or nil if all that are alive have answered.
func Unheard(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	e := wire.Unavailable.Error("")
	e.Message = "a node has not answered: ask again"
	return e
}
