package online

import "time"

// apart is the time between two events about a user.
const apart = 30 * time.Second

// user is a user who is here, or of whom something is to be told. The mutex of the Tracker
// guards it.
type user struct {
	here   bool      // has a session
	leftAt time.Time // if not: since when

	told   bool      // backends were told that the user is online
	toldAt time.Time // when something was told last
	came   bool      // the user has come online since then
	again  bool      // whatever was told, tell it
	shared bool      // has gone here, and was told to be online since another node has the user: look once more

	elsewhere []string // keys of records of nodes that have ended
	telling   bool     // the journal has no answer yet
	due       time.Time
}

// next returns when to tell something of the user. It returns false if there is nothing.
func (u *user) next(now time.Time, away time.Duration) (at time.Time, ok bool) {
	at = now
	switch {
	case u.telling:
		return at, false
	case u.shared:
		return at, true
	case !u.changed():
		return at, false
	}
	if !u.here {
		at = u.leftAt.Add(away)
	}
	if next := u.toldAt.Add(apart); !u.toldAt.IsZero() && next.After(at) {
		at = next
	}
	return at, true
}

func (u *user) changed() bool { return u.here != u.told || u.came || u.again }

// idle reports whether nothing need be known of the user any more.
func (u *user) idle(now time.Time) bool {
	return !u.here && !u.changed() && !u.shared && !u.telling && now.Sub(u.toldAt) >= apart
}

// isOnline reports whether the user counts as online at this node.
func (u *user) isOnline() bool { return u.here || u.told || len(u.elsewhere) > 0 }
