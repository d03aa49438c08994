package chatv1

import (
	"context"
	"sync"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// maxWaiting is how many commands about one room may wait. Their bytes count as said by their
// user: see acts.Actor.Hold.
const maxWaiting = 16

// lines are the commands of a session that wait because a check of the site is asked about
// one before them. There is a line for each room, which a goroutine carries out in its
// order; commands about other rooms do not wait. Only one goroutine at a time carries out a
// command: whoever has the right to. Nobody has it while a check is asked.
type lines struct {
	// Fixed.
	context context.Context // ends with the session
	cancel  context.CancelFunc
	right   chan struct{} // has one item while nobody has the right
	over    func() bool   // reports whether the client was told that the session ends

	running sync.WaitGroup // one goroutine for each line

	mu sync.Mutex // guards of, and what it points to
	of map[string]*line
}

// line is the commands about one room that wait, without the one that is carried out.
type line struct{ waiting []waiting }

type waiting struct {
	turn    acts.Turn
	command wire.Command
	release func() // gives back what it holds
}

// end ends all lines, and waits until nobody carries out anything.
func (l *lines) end() {
	l.cancel()
	l.running.Wait()
}

func newLines(hub context.Context, over func() bool) *lines {
	l := &lines{right: make(chan struct{}, 1), over: over, of: map[string]*line{}}
	l.context, l.cancel = context.WithCancel(hub)
	l.put()
	return l
}

// take waits for the right to carry out a command, which must be given back. It returns an
// error if the session has ended.
func (l *lines) take() error {
	select {
	case <-l.right:
		if l.over() || l.context.Err() != nil {
			l.put()
			return context.Canceled
		}
		return nil
	case <-l.context.Done():
		return l.context.Err()
	}
}

func (l *lines) put() { l.right <- struct{}{} }

func (l *lines) has(room string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[room] != nil
}

// enter puts a command at the end of its line. If it begins one, somebody must carry it out.
func (l *lines) enter(room string, w waiting) (begins bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[room]
	if begins = of == nil; begins {
		of = &line{}
		l.of[room] = of
	}
	if len(of.waiting) >= maxWaiting {
		return false, wire.TooFast.Error("")
	}
	of.waiting = append(of.waiting, w)
	return begins, nil
}

// next takes the first command of a line. A line in which none waits ends.
func (l *lines) next(room string) (w waiting, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[room]
	if len(of.waiting) == 0 {
		delete(l.of, room)
		return w, false
	}
	w, of.waiting = of.waiting[0], of.waiting[1:]
	return w, true
}

// roomOf returns which room a command is about: in whose line it waits. Those that found
// conversations have one of their own, without a name.
func roomOf(c wire.Command) (room string, ok bool) {
	switch c := c.(type) {
	case *wire.Join:
		return c.Room, true
	case *wire.Leave:
		return c.Room, true
	case *wire.Send:
		return c.Room, true
	case *wire.Edit:
		return c.Room, true
	case *wire.SetTag:
		return c.Room, true
	case *wire.Recall:
		return c.Room, true
	case *wire.Typing:
		return c.Room, true
	case *wire.History:
		return c.Room, true
	case *wire.Read:
		return c.Room, true
	case *wire.Who:
		return c.Room, true
	case *wire.Mute:
		return c.Room, true
	case *wire.Kick:
		return c.Room, true
	case *wire.Ban:
		return c.Room, true
	case *wire.SetMembers:
		return c.Room, true
	case *wire.ListMembers:
		return c.Room, true
	case *wire.SetRow:
		return c.Room, true
	case *wire.SetInfo:
		return c.Room, true
	case *wire.Create:
		return "", true
	}
	return "", false
}
