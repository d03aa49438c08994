package room

import (
	"slices"
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// receiver is one subscription as the room's worker sees it. In its life it is
// held (frames are kept for later), then live, and any number of times held or
// paused again, until it has left.
type receiver struct {
	// Fixed.
	session  Session
	encoding Encoding

	conversation bool // the room was one when it came

	left atomic.Bool // any goroutine may read it; the worker sets it

	// Owned by the worker.
	why    *wire.Error  // why somebody has ended it; nil: nobody has, or the client asked for it
	paused bool         // it gets nothing, because its client still has pages of history to ask for
	alone  bool         // it has no connection yet: a raw session joins before its handshake is answered
	speaks bool         // it is in audience.speakers
	role   access.Role  // of its user, in a conversation
	index  int32        // in audience.receivers
	since  journal.Seq  // the governing entry as of which the user has the role
	user   *presentUser // nil for raw clients: they hear, but are not seen
	held   *heldFrames  // not nil while it is held
	after  journal.Seq  // entries up to this one were read from the journal and must be skipped when they are delivered; 0 once they have passed
	from   journal.Seq  // its client is shown the entries of the room from this one on; of what others are about it gets no bodies
	skip   []int        // entries of the batch under way that it must not get
}

// setRole says which role the receiver's user has, as of a governing entry.
func (r *receiver) setRole(role access.Role, as journal.Seq) {
	if as >= r.since {
		r.role, r.since = role, as
	}
}

// tell delivers a frame that is not an entry, or holds it.
func (r *receiver) tell(frame []byte) {
	switch {
	case r.held != nil:
		r.held.add(heldFrame{frame: frame})
	case !r.paused:
		r.session.Deliver(frame)
	}
}

// hold begins to hold frames.
func (r *receiver) hold(in *heldFrames) {
	if !r.left.Load() {
		in.wasPaused = r.paused
		r.letGo()
		r.held, r.paused = in, false
	}
}

// letGo drops what is held.
func (r *receiver) letGo() {
	if r.held != nil {
		r.held.drop()
		r.held = nil
	}
}

// resume delivers what was held, except the entries up to after, which the client
// has read from the journal. From then on delivery is live.
func (r *receiver) resume(after journal.Seq) {
	held := r.held
	r.held = nil
	switch {
	case held == nil: // it has left, and nothing was held
	case r.left.Load():
		if held.last != nil {
			r.session.Deliver(held.last)
		}
	case held.closing != 0:
		r.session.Close(held.closing)
	case held.overflow:
		r.session.Close(wire.Slow)
	default:
		r.deliverHeld(held, after)
	}
	if held != nil {
		held.drop()
	}
}

func (r *receiver) deliverHeld(held *heldFrames, after journal.Seq) {
	var frames []byte
	r.after = after
	for _, h := range held.frames {
		if h.seq == 0 || h.seq > after {
			frames = append(frames, h.to(r.from)...)
		}
		if h.seq >= after {
			r.after = 0
		}
	}
	if len(frames) > 0 {
		r.session.Deliver(frames)
	}
}

// showFrom says from which entry on the client is shown the room, at least.
func (r *receiver) showFrom(from journal.Seq) { r.from = max(r.from, from) }

// sees reports whether the client gets e with its body.
func (r *receiver) sees(e *journal.Entry) bool { return !e.Kind.Reveals() || e.Target >= r.from }

// pause drops the held frames and stops delivery: the client was told that there
// is more, so it reads these entries with its next page.
func (r *receiver) pause() {
	if r.held != nil && r.held.closing == 0 && !r.left.Load() {
		r.letGo()
		r.paused = true
		return
	}
	r.resume(0)
}

// cancelHold goes back to what was before hold, because the history could not be
// read.
func (r *receiver) cancelHold() {
	if r.held != nil && r.held.wasPaused {
		r.pause()
		return
	}
	r.resume(r.after)
}

// closeSession ends the session, also while its client takes history, for which it has as long as
// it likes. One that has no connection yet ends when it has.
func (r *receiver) closeSession(why wire.Code) {
	if r.alone && r.held != nil {
		r.held.closing = why
		return
	}
	r.session.Close(why)
}

// connect says that there is a connection, which ends if it should have ended before.
func (r *receiver) connect() {
	r.alone = false
	if r.held != nil && r.held.closing != 0 {
		r.session.Close(r.held.closing)
	}
}

// skips reports whether the receiver must not get e, the i-th entry of the batch
// under way.
func (r *receiver) skips(i int, e *journal.Entry) bool {
	return slices.Contains(r.skip, i) || e.Seq > 0 && e.Seq <= r.after
}

// presentUser is a user in a room, with any number of sessions that speak chat.v1.
type presentUser struct {
	user      journal.User
	receivers []*receiver // none: the user has left, or lost the connection
	lost      *lostUser   // since the last connection was lost; nil: it was not lost
	announced bool        // the others were told that the user is here
	queued    bool        // in presence.changed
	elsewhere bool        // at another node: see presence.elsewhere
	marked    bool        // named in the frame under way
}

// here reports whether the user counts as present: in the room at any node, or lost so
// recently that they may be back soon.
func (u *presentUser) here() bool { return len(u.receivers) > 0 || u.elsewhere || u.lost != nil }

// lostUser counts as gone at the deadline, unless they are back by then.
type lostUser struct {
	*presentUser
	deadline int64 // Unix nanoseconds
	// giveWay lets the worker of the room count the user as gone. It waits for nothing.
	giveWay func(*lostUser)
}

// isLost reports whether the user is still away, since that time.
func (l *lostUser) isLost() bool { return l.presentUser.lost == l }
