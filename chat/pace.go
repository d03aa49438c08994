package chat

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Rate is how much may come in the long run, each second, and at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

func (r *Rate) orDefault(perSecond float64, burst int) {
	if r.PerSecond <= 0 {
		r.PerSecond = perSecond
	}
	if r.Burst <= 0 {
		r.Burst = burst
	}
}

// last is how long n of what a rate bounds last.
func (r Rate) last(n int) time.Duration {
	return time.Duration(float64(n) / r.PerSecond * float64(time.Second))
}

// bucket is what is left of a Rate: the time at which all is there again that
// may come at once. That is all there is to keep of a token bucket (it is known
// as the generic cell rate algorithm), so that one costs eight bytes and not the
// eighty of golang.org/x/time/rate: every session has two. The zero bucket is
// whole. It may be used by several goroutines.
type bucket struct{ whole atomic.Int64 } // hub time

// take takes n and returns how long that should wait. Where it is more than
// patience nothing is taken. More than may come at once counts as just that. When
// a setting has changed, the first to find the bucket empty brings what is owed
// down to what it is at this rate.
func (b *bucket) take(r Rate, now time.Duration, n int, patience time.Duration) time.Duration {
	cost, depth := r.last(min(n, r.Burst)), r.last(r.Burst)
	for {
		whole := b.whole.Load()
		owed := min(max(time.Duration(whole), now), now+depth+patience)
		next := owed + cost
		wait := max(0, next-depth-now)
		if wait > patience {
			next = owed
		}
		if b.whole.CompareAndSwap(whole, int64(next)) {
			return wait
		}
	}
}

// giveBack takes back what take took.
func (b *bucket) giveBack(r Rate, n int) { b.whole.Add(-int64(r.last(min(n, r.Burst)))) }

// spent reports whether anything is missing from the bucket.
func (b *bucket) spent(now time.Duration) bool { return time.Duration(b.whole.Load()) > now }

// pace bounds what a session, or all sessions of a user, say: a number of frames
// and a number of bytes.
type pace struct{ frames, bytes bucket }

// take takes a frame of so many bytes and returns how long it should wait. Where
// that is more than patience it is not taken: MaxMessage bounds a single one.
func (p *pace) take(frames, bytes Rate, now time.Duration, n int, patience time.Duration) time.Duration {
	wait := p.frames.take(frames, now, 1, patience)
	if wait > patience {
		return wait
	}
	wait = max(wait, p.bytes.take(bytes, now, n, patience))
	if wait > patience {
		p.frames.giveBack(frames, 1)
	}
	return wait
}

// now is the time since the hub began, which no setting of a clock changes.
func (h *Hub) now() time.Duration { return time.Since(h.began) }

// charge takes a frame of n bytes in and returns how long the client should have
// waited with it. It is called by the reader alone. Where that is more than
// patience the frame does not count.
func (s *Session) charge(n int, patience time.Duration) time.Duration {
	set, now := s.hub.settings(), s.hub.now()
	wait := s.own.take(set.SessionRate, set.SessionBytes, now, n, patience)
	if s.users != nil && wait <= patience {
		wait = max(wait, s.users.take(set.UserRate, set.UserBytes, now, n, patience))
	}
	if wait > 0 {
		s.hub.counts.refused[RefusedPace].Add(1)
	}
	return wait
}

// tooFast is the error of a frame that came too soon by wait.
func tooFast(wait time.Duration) *wire.Error {
	e := wire.TooFast.Error("")
	e.Retry = max(wait, time.Millisecond)
	return e
}

// paces holds what users may still say, whether they come over a socket or
// over HTTP: who comes anew starts where it left off.
type paces struct {
	mu     sync.Mutex // guards the rest
	byUser map[string]*pace
	sweep  int // at how many users those that count no more are dropped
}

// of returns the pace of a user.
func (p *paces) of(user string, now time.Duration) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.byUser[user]; known != nil {
		return known
	}
	p.sweepLocked(now)
	if p.byUser == nil {
		p.byUser = map[string]*pace{}
	}
	fresh := new(pace)
	p.byUser[user] = fresh
	return fresh
}

// sweepLocked drops those who may say all again that may be said at once. One
// who is connected keeps a pace of its own then. It looks at each one now and
// then only.
func (p *paces) sweepLocked(now time.Duration) {
	if len(p.byUser) < max(p.sweep, 1000) {
		return
	}
	for user, known := range p.byUser {
		if !known.frames.spent(now) && !known.bytes.spent(now) {
			delete(p.byUser, user)
		}
	}
	p.sweep = 2 * len(p.byUser)
}

// attempts bounds how often clients connect, by address.
type attempts struct {
	mu     sync.Mutex // guards the rest
	byAddr map[netip.Addr]*bucket
	sweep  int // at how many addresses those that count no more are dropped
}

// take counts an attempt and reports whether it may go on.
func (a *attempts) take(r Rate, now time.Duration, addr netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.byAddr[addr]
	if b == nil {
		a.sweepLocked(now)
		if a.byAddr == nil {
			a.byAddr = map[netip.Addr]*bucket{}
		}
		b = new(bucket)
		a.byAddr[addr] = b
	}
	return b.take(r, now, 1, 0) == 0
}

// sweepLocked drops the addresses that have been quiet for so long that nothing
// is held against them.
func (a *attempts) sweepLocked(now time.Duration) {
	if len(a.byAddr) < max(a.sweep, 1000) {
		return
	}
	for addr, b := range a.byAddr {
		if !b.spent(now) {
			delete(a.byAddr, addr)
		}
	}
	a.sweep = 2 * len(a.byAddr)
}
