package room

import (
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// heldFrames are frames that a receiver gets later: its join is not answered yet,
// or it is reading history, which takes a slow client as long as it likes. The room's
// worker owns them. Whoever takes them from a receiver calls drop in the end.
type heldFrames struct {
	env       *environment // fixed
	frames    []heldFrame
	size      int       // what frames takes; part of env.held
	overflow  bool      // there were more than may be held, so frames is empty
	closing   wire.Code // the session must end for this reason; 0: it need not
	wasPaused bool      // the receiver was paused before
	last      []byte    // the receiver was removed from the room; it gets this as the last frame
}

type heldFrame struct {
	seq   journal.Seq // 0 for transient entries
	frame []byte
	about *about // nil for most
}

// about is what a held entry reveals: the entry target, and its frame for those who are
// not shown that one.
type about struct {
	target journal.Seq
	bare   []byte
}

// to returns the frame for a client that is shown the entries from one on.
func (h *heldFrame) to(from journal.Seq) []byte {
	if h.about != nil && h.about.target < from {
		return h.about.bare
	}
	return h.frame
}

// hold returns where frames are held for a receiver.
func (env *environment) hold() *heldFrames { return &heldFrames{env: env} }

// heldFrameSize is what each frame takes besides its bytes: its place in an array that
// may be half empty.
const heldFrameSize = 60

// add holds a frame, if the receiver then has no more than an outbox may have, nor more
// than is left for all others. So whoever holds most gives way, and something is left
// for those who have just come, however many hold something.
func (h *heldFrames) add(f heldFrame) {
	if h.overflow {
		return
	}
	cost := len(f.frame) + heldFrameSize
	if f.about != nil {
		cost += len(f.about.bare) + heldFrameSize
	}
	set := h.env.settings.Load()
	left := set.HeldLimit - int(h.env.held.Load())
	if h.size+cost > min(set.OutboxLimit, left) {
		h.drop()
		h.overflow = true
		return
	}
	h.frames = append(h.frames, f)
	h.size += cost
	h.env.held.Add(int64(cost))
}

// drop gives up all frames.
func (h *heldFrames) drop() {
	h.env.held.Add(-int64(h.size))
	h.frames, h.size = nil, 0
}
