package room

import (
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
)

// maxAway bounds the users who count as here although their connection was lost, in all rooms
// together: each in each room takes almost 1 KiB, and whoever joins many rooms and breaks the
// connection costs that in each of them.
const maxAway = 100_000

// away are the users of all rooms who count as here although their connection was lost. When
// there are too many, the network with most loses its oldest; another node counts as a network
// with those who were lost there. They count as gone then, before the time. Any goroutine may
// call its methods.
type away struct {
	mu    sync.Mutex // guards the rest; a leaf
	users *backpressure.ByHolder[*lostUser]
	most  int // maxAway, but in tests
}

// enter adds a user of that holder, for whom others may have to give way.
func (a *away) enter(by access.Person, l *lostUser) {
	a.mu.Lock()
	a.users.Enter(by, l)
	over := a.users.Excess(a.most)
	a.mu.Unlock()
	for _, l := range over {
		l.giveWay(l)
	}
}

func (a *away) leave(l *lostUser) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users.Leave(l)
}

func (a *away) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.users.Len()
}

// lostUsers are those of one room. Its worker owns them. nil are none.
type lostUsers struct {
	all     *away           // fixed
	giveWay func(*lostUser) // fixed

	list []*lostUser // in the order of their deadlines, also some who are back
	back int         // how many of them are
}

// add adds a user who counts as here for a while. by is for whom that counts.
func (u *lostUsers) add(user *presentUser, wait time.Duration, by access.Person) {
	l := &lostUser{user, time.Now().Add(wait).UnixNano(), u.giveWay}
	user.lost = l
	u.list = append(u.list, l)
	u.all.enter(by, l)
}

// remove says that a user is back, or does not count as here any more.
func (u *lostUsers) remove(user *presentUser) {
	u.all.leave(user.lost)
	user.lost = nil
	if u.back++; u.back > 16 && u.back > len(u.list)/2 {
		u.list, u.back = slices.DeleteFunc(u.list, func(l *lostUser) bool { return !l.isLost() }), 0
	}
}

// first returns the one who was lost first, and is still; nil if there is none.
func (u *lostUsers) first() *lostUser {
	if u == nil {
		return nil
	}
	for len(u.list) > 0 && !u.list[0].isLost() {
		u.list[0] = nil
		u.list, u.back = u.list[1:], u.back-1
	}
	if len(u.list) == 0 {
		return nil
	}
	return u.list[0]
}

// clear forgets all.
func (u *lostUsers) clear() {
	for l := u.first(); l != nil; l = u.first() {
		u.remove(l.presentUser)
	}
}
