package access

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Rate bounds how often something may happen: PerSecond in the long run, Burst at
// once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// OrDefault fills in the fields that are not above 0.
func (r *Rate) OrDefault(perSecond float64, burst int) {
	if r.PerSecond <= 0 {
		r.PerSecond = perSecond
	}
	if r.Burst <= 0 {
		r.Burst = burst
	}
}

// maxWait bounds the times that buckets compute with, 50 years: sums of a few of them
// are still durations.
const maxWait = 50 * 365 * 24 * time.Hour

// duration returns how long n events take at this rate, at most maxWait.
func (r Rate) duration(n int) time.Duration {
	return time.Duration(min(float64(n)/r.PerSecond*float64(time.Second), float64(maxWait)))
}

// bucket is a token bucket. It stores only the time at which the bucket is full
// again (the generic cell rate algorithm), so it takes 8 bytes; a Limiter of
// golang.org/x/time/rate takes 80, and every session has two. The zero bucket is
// full. Several goroutines may use it.
//
// Times are durations since a start that is the same for all calls. Thus no
// setting of the system's clock changes them.
type bucket struct{ full atomic.Int64 }

// reserve takes n tokens and returns how long the caller must wait for them. If
// that is more than patience, it takes nothing. n is cut to the burst. After the rate
// was changed, the debt is at most what this rate allows.
func (b *bucket) reserve(r Rate, now time.Duration, n int, patience time.Duration) time.Duration {
	cost, depth := r.duration(min(n, r.Burst)), r.duration(r.Burst)
	for {
		old := b.full.Load()
		full := min(max(time.Duration(old), now), now+depth+patience)
		next := full + cost
		wait := max(0, next-depth-now)
		if wait > patience {
			next = full
		}
		if b.full.CompareAndSwap(old, int64(next)) {
			return wait
		}
	}
}

// owe takes n tokens, whether they are there or not. The debt is most at most.
func (b *bucket) owe(r Rate, now time.Duration, n int, most time.Duration) {
	cost, depth := r.duration(min(n, r.Burst)), r.duration(r.Burst)
	for {
		old := b.full.Load()
		next := min(max(time.Duration(old), now)+cost, now+depth+most)
		if b.full.CompareAndSwap(old, int64(next)) {
			return
		}
	}
}

// cancel gives back what reserve took.
func (b *bucket) cancel(r Rate, n int) { b.full.Add(-int64(r.duration(min(n, r.Burst)))) }

// isFull reports whether no token is missing.
func (b *bucket) isFull(now time.Duration) bool { return time.Duration(b.full.Load()) <= now }

// Limiter bounds the frames and the bytes that a session sends, or that all
// sessions of a user send. The zero value is ready to use, by several goroutines.
type Limiter struct{ frames, bytes bucket }

// Reserve takes one frame of n bytes and returns how long the caller must wait
// for it. If that is more than patience, it takes nothing. now is the time since
// a start that is the same for all calls.
func (l *Limiter) Reserve(frames, bytes Rate, now time.Duration, n int, patience time.Duration) time.Duration {
	wait := l.frames.reserve(frames, now, 1, patience)
	if wait > patience {
		return wait
	}
	wait = max(wait, l.bytes.reserve(bytes, now, n, patience))
	if wait > patience {
		l.frames.cancel(frames, 1)
	}
	return wait
}

// Cancel gives back what Reserve took at these rates.
func (l *Limiter) Cancel(frames, bytes Rate, n int) {
	l.frames.cancel(frames, 1)
	l.bytes.cancel(bytes, n)
}

func (l *Limiter) isFull(now time.Duration) bool { return l.frames.isFull(now) && l.bytes.isFull(now) }

// Limiters holds the limiter of each person. Whoever comes back, over a socket or
// over HTTP, goes on with the limiter that they left. The zero value is ready to use.
type Limiters struct {
	mu       sync.Mutex // guards the rest
	byPerson map[Person]*heldLimiter
	sweepAt  int // how many there must be for the next sweep
}

type heldLimiter struct {
	Limiter
	holders int // guarded by Limiters.mu: those that have taken it
}

// Take returns the limiter of a person, which must be given back.
func (ls *Limiters) Take(p Person, now time.Duration) *Limiter {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.byPerson[p]
	if l == nil {
		// Full ones go: a new one is the same. But not those that somebody has, since
		// nobody must have two.
		sweep(ls.byPerson, &ls.sweepAt, func(_ Person, l *heldLimiter) bool { return l.holders == 0 && l.isFull(now) })
		if ls.byPerson == nil {
			ls.byPerson = map[Person]*heldLimiter{}
		}
		l = new(heldLimiter)
		ls.byPerson[p] = l
	}
	l.holders++
	return &l.Limiter
}

// GiveBack says that a limiter that Take has returned is no longer used.
func (ls *Limiters) GiveBack(p Person) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.byPerson[p].holders--
}

// KeyLimiter bounds how often something happens, for each key by itself. The zero
// value is ready to use.
type KeyLimiter[K comparable] struct {
	mu      sync.Mutex // guards the rest
	buckets map[K]*bucket
	sweepAt int // how many keys there must be for the next sweep
}

// Reserve counts one event, and returns 0; or it counts nothing and returns how long
// to wait until one may happen.
func (l *KeyLimiter[K]) Reserve(r Rate, now time.Duration, key K) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucketLocked(now, key).reserve(r, now, 1, 0)
}

func (l *KeyLimiter[K]) bucketLocked(now time.Duration, key K) *bucket {
	b := l.buckets[key]
	if b == nil {
		// Full ones go: a new one is the same.
		sweep(l.buckets, &l.sweepAt, func(_ K, b *bucket) bool { return b.isFull(now) })
		if l.buckets == nil {
			l.buckets = map[K]*bucket{}
		}
		b = new(bucket)
		l.buckets[key] = b
	}
	return b
}

// Owe counts n events at once, although it may be too soon for them: what has happened
// is known afterwards only. A debt is at most a minute long.
func (l *KeyLimiter[K]) Owe(r Rate, now time.Duration, key K, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bucketLocked(now, key).owe(r, now, n, maxDebt)
}

// Debt returns how long to wait until something may happen. It counts nothing.
func (l *KeyLimiter[K]) Debt(r Rate, now time.Duration, key K) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[key]; b != nil {
		return b.reserve(r, now, 0, maxDebt)
	}
	return 0
}

const maxDebt = time.Minute

// AddressLimiter bounds how often something happens, by address. The zero value is
// ready to use.
type AddressLimiter struct{ byAddr KeyLimiter[netip.Addr] }

// Allow counts an event from addr and reports whether it may happen.
func (a *AddressLimiter) Allow(r Rate, now time.Duration, addr netip.Addr) bool {
	return a.Reserve(r, now, addr) == 0
}

// Reserve is KeyLimiter.Reserve.
func (a *AddressLimiter) Reserve(r Rate, now time.Duration, addr netip.Addr) (wait time.Duration) {
	return a.byAddr.Reserve(r, now, AddressKey(addr))
}

// GiveBack gives back what Allow has counted at this rate.
func (a *AddressLimiter) GiveBack(r Rate, addr netip.Addr) {
	l := &a.byAddr
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[AddressKey(addr)]; b != nil { // or it is full again
		b.cancel(r, 1)
	}
}
