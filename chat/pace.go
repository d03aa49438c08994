package chat

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

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

// limiter returns a limiter of this rate. Tuned tells it of another.
func (r Rate) limiter() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst) }

func (r Rate) tune(l *rate.Limiter) {
	if l.Limit() != rate.Limit(r.PerSecond) {
		l.SetLimit(rate.Limit(r.PerSecond))
	}
	if l.Burst() != r.Burst {
		l.SetBurst(r.Burst)
	}
}

// pace bounds what a session, or all sessions of a user, say: a number of frames
// and a number of bytes. It may be used by several goroutines.
type pace struct{ frames, bytes *rate.Limiter }

func newPace(frames, bytes Rate) *pace { return &pace{frames.limiter(), bytes.limiter()} }

// take takes a frame of so many bytes and returns how long it should wait. Where
// that is more than patience it is not taken.
func (p *pace) take(frames, bytes Rate, n int, patience time.Duration) time.Duration {
	frames.tune(p.frames)
	bytes.tune(p.bytes)
	now := time.Now()
	one := p.frames.ReserveN(now, 1)
	// A frame that is longer than all that may come at once waits as if it were
	// just that long: MaxMessage is what bounds it.
	all := p.bytes.ReserveN(now, min(n, bytes.Burst))
	wait := max(one.DelayFrom(now), all.DelayFrom(now))
	if wait > patience {
		one.CancelAt(now)
		all.CancelAt(now)
	}
	return wait
}

// charge takes a frame of n bytes in and returns how long the client should have
// waited with it. It is called by the reader alone. Where that is more than
// patience the frame does not count.
func (s *Session) charge(n int, patience time.Duration) time.Duration {
	set := s.hub.settings()
	if s.own == nil {
		s.own = newPace(set.SessionRate, set.SessionBytes)
	}
	wait := s.own.take(set.SessionRate, set.SessionBytes, n, patience)
	if s.users != nil && wait <= patience {
		wait = max(wait, s.users.take(set.UserRate, set.UserBytes, n, patience))
	}
	if wait > 0 {
		s.hub.counts.refused[RefusedPace].Add(1)
	}
	return wait
}

// paces holds what users may still say, whether they come over a socket or
// over HTTP: who comes anew starts where it left off.
type paces struct {
	mu     sync.Mutex // guards the rest
	byUser map[string]*pace
	sweep  int // at how many users those that count no more are dropped
}

// of returns the pace of a user.
func (p *paces) of(user string, set *Settings) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.byUser[user]; known != nil {
		return known
	}
	p.sweepLocked()
	if p.byUser == nil {
		p.byUser = map[string]*pace{}
	}
	fresh := newPace(set.UserRate, set.UserBytes)
	p.byUser[user] = fresh
	return fresh
}

// sweepLocked drops those who may say all again that may be said at once. One
// who is connected keeps a pace of its own then.
func (p *paces) sweepLocked() {
	if len(p.byUser) < max(p.sweep, 1000) {
		return
	}
	now := time.Now()
	for user, known := range p.byUser {
		if known.frames.TokensAt(now) >= float64(known.frames.Burst()) && known.bytes.TokensAt(now) >= float64(known.bytes.Burst()) {
			delete(p.byUser, user)
		}
	}
	p.sweep = 2 * len(p.byUser)
}

// tooFast is the error of a frame that came too soon by wait.
func tooFast(wait time.Duration) *wire.Error {
	e := wire.TooFast.Error("")
	e.Retry = max(wait, time.Millisecond)
	return e
}

// attempts bounds how often clients connect, by address.
type attempts struct {
	mu     sync.Mutex // guards the rest
	byAddr map[netip.Addr]*rate.Limiter
	sweep  int // at how many addresses those that count no more are dropped
}

// take counts an attempt and reports whether it may go on.
func (a *attempts) take(r Rate, addr netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.byAddr[addr]
	if l == nil {
		a.sweepLocked()
		l = r.limiter()
		if a.byAddr == nil {
			a.byAddr = map[netip.Addr]*rate.Limiter{}
		}
		a.byAddr[addr] = l
	}
	r.tune(l)
	return l.Allow()
}

// sweepLocked drops the addresses that have been quiet for so long that nothing
// is held against them. It looks at each one now and then only.
func (a *attempts) sweepLocked() {
	if len(a.byAddr) < max(a.sweep, 1000) {
		return
	}
	now := time.Now()
	for addr, l := range a.byAddr {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(a.byAddr, addr)
		}
	}
	a.sweep = 2 * len(a.byAddr)
}
