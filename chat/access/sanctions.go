package access

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sanctions are the mutes and bans in force, in memory. Those that are over are
// forgotten sooner or later. Its methods may be called
// concurrently. The zero value is ready to use and holds none.
type Sanctions struct {
	mu      sync.RWMutex           // guards the rest; a leaf
	ends    map[Sanction]time.Time // zero: it has no end
	sweepAt int                    // how many there must be for the next sweep
}

// Sanction is what a user must not do in a room, or anywhere if Room is empty.
type Sanction struct {
	Kind       SanctionKind
	Room, User string
}

// SanctionKind says what a sanction forbids.
type SanctionKind string

// The kinds of sanctions. The journal's records have these texts in their keys:
// they must not change.
const (
	Mute SanctionKind = "mute" // to write
	Ban  SanctionKind = "ban"  // to read, and thereby everything
)

// Endless is what Left returns for a sanction that has no end.
const Endless time.Duration = math.MaxInt64

// Set puts a sanction into force until end. A zero end means that it has none. It
// reports whether that is a change, and which sanctions that are over it has forgotten.
func (s *Sanctions) Set(k Sanction, end time.Time) (changed bool, over []Sanction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil {
		s.ends = map[Sanction]time.Time{}
	}
	over = s.sweepLocked(time.Now())
	old, was := s.ends[k]
	s.ends[k] = end
	return !was || !old.Equal(end), over
}

// sweepLocked forgets sanctions that are over, and returns them.
func (s *Sanctions) sweepLocked(now time.Time) (over []Sanction) {
	sweep(s.ends, &s.sweepAt, func(k Sanction, _ time.Time) bool {
		isOver := s.isOverLocked(k, now)
		if isOver {
			over = append(over, k)
		}
		return isOver
	})
	return over
}

// Forget forgets all sanctions that are over, and returns them. It looks at each.
func (s *Sanctions) Forget() (over []Sanction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.ends {
		if s.isOverLocked(k, time.Now()) {
			over = append(over, k)
			delete(s.ends, k)
		}
	}
	return over
}

func (s *Sanctions) isOverLocked(k Sanction, now time.Time) bool {
	end := s.ends[k]
	return !end.IsZero() && !now.Before(end)
}

// Lift ends a sanction. It reports whether there was one.
func (s *Sanctions) Lift(k Sanction) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, was := s.ends[k]
	delete(s.ends, k)
	return was
}

// Left returns how long a user is still under a sanction of that kind, in the
// room or everywhere: 0 if they are not, Endless if it has no end.
func (s *Sanctions) Left(kind SanctionKind, user, room string) time.Duration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.ends) == 0 {
		return 0
	}
	return max(s.leftLocked(Sanction{kind, room, user}), s.leftLocked(Sanction{kind, "", user}))
}

func (s *Sanctions) leftLocked(k Sanction) time.Duration {
	end, ok := s.ends[k]
	switch {
	case !ok:
		return 0
	case end.IsZero():
		return Endless
	}
	return max(0, time.Until(end))
}

// InForce calls each for every sanction in force and its end, ordered by kind,
// room and user. No lock is held.
func (s *Sanctions) InForce(each func(k Sanction, end time.Time)) {
	s.mu.RLock()
	ends := make(map[Sanction]time.Time, len(s.ends))
	list := make([]Sanction, 0, len(s.ends))
	for k, end := range s.ends {
		if end.IsZero() || time.Now().Before(end) {
			ends[k] = end
			list = append(list, k)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(list, func(a, b Sanction) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Room, b.Room), strings.Compare(a.User, b.User))
	})
	for _, k := range list {
		each(k, ends[k])
	}
}
