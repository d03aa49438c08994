package wsconn

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// holder is what holds bytes for one connection: its outbox, or its assembler.
type holder interface {
	comparable
	// held returns the holder's account.
	held() *account
	// cutOff makes the holder give up what it holds and ends its connection, unless it
	// is in a lower class by now. It takes the holder's mutex.
	cutOff(class int8)
}

// account is what one holder holds.
type account struct {
	bytes int   // guarded by the holder's mutex
	index int32 // in its class; guarded by holders.mu
	class int8  // changes with the holder's mutex and holders.mu held
}

// holders bounds the bytes that all holders have together. When there are too many,
// the greatest holder pays, to within a quarter: it is cut off, whoever came last.
//
// Holders are listed by classes of size, four for each power of two, from least on (to
// 32,768 times least: what is above is one class). So
// the greatest is found, and a holder that grows or shrinks is moved, in constant time;
// a change within a class takes no lock. Smaller holders are neither listed nor cut off:
// together they may exceed the bound, by least for each connection.
type holders[T holder] struct {
	least int // fixed

	total atomic.Int64

	mu      sync.Mutex // guards the rest; a leaf, taken with a holder's mutex held
	used    uint64     // which classes are not empty
	classes [64][]T    // class 0 is not listed
}

// paid is the class of a holder that was cut off.
const paid = -1

func (l *holders[T]) classOf(n int) int8 {
	units := uint(n / l.least)
	if units == 0 {
		return 0
	}
	octave := bits.Len(units) - 1
	quarter := 4 * n / l.least >> octave & 3
	return int8(min(1+4*octave+quarter, 63))
}

// add changes what h holds. The caller holds h's mutex. After h has grown, and without
// that mutex, the caller must call relieve.
func (l *holders[T]) add(h T, n int) {
	a := h.held()
	a.bytes += n
	l.total.Add(int64(n))
	if class := l.classOf(a.bytes); class != a.class && a.class != paid {
		l.move(h, a, class)
	}
}

// pay takes h off the lists for good. The caller holds h's mutex.
func (l *holders[T]) pay(h T) { l.move(h, h.held(), paid) }

func (l *holders[T]) move(h T, a *account, class int8) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from := a.class; from > 0 {
		list := l.classes[from]
		last := list[len(list)-1]
		list[a.index] = last
		last.held().index = a.index
		var none T
		list[len(list)-1] = none
		if l.classes[from] = list[:len(list)-1]; len(list) == 1 {
			l.classes[from] = nil
			l.used &^= 1 << from
		}
	}
	if class > 0 {
		a.index = int32(len(l.classes[class]))
		l.classes[class] = append(l.classes[class], h)
		l.used |= 1 << class
	}
	a.class = class
}

// relieve cuts off the greatest holders until all hold no more than limit. The caller
// holds no holder's mutex.
func (l *holders[T]) relieve(limit int64) {
	for l.total.Load() > limit {
		h, class := l.greatest()
		if class == 0 {
			return
		}
		h.cutOff(class)
	}
}

// greatest returns a holder of the highest class, or class 0 if none is listed.
func (l *holders[T]) greatest() (h T, class int8) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == 0 {
		return h, 0
	}
	class = int8(bits.Len64(l.used) - 1)
	return l.classes[class][0], class
}
