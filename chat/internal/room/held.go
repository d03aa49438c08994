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
}

// hold returns where frames are held for a receiver.
func (env *environment) hold() *heldFrames { return &heldFrames{env: env} }

// heldFrameSize is what each frame takes besides its bytes: its place in an array that
// may be half empty.
const heldFrameSize = 48

// add holds a frame, if the receiver then has no more than an outbox may have, nor more
// than is left for all others. So whoever holds most gives way, and something is left
// for those who have just come, however many hold something.
func (h *heldFrames) add(seq journal.Seq, frame []byte) {
	if h.overflow {
		return
	}
	cost, set := len(frame)+heldFrameSize, h.env.settings.Load()
	left := set.HeldLimit - int(h.env.held.Load())
	if h.size+cost > min(set.OutboxLimit, left) {
		h.drop()
		h.overflow = true
		return
	}
	h.frames = append(h.frames, heldFrame{seq, frame})
	h.size += cost
	h.env.held.Add(int64(cost))
}

// drop gives up all frames.
func (h *heldFrames) drop() {
	h.env.held.Add(-int64(h.size))
	h.frames, h.size = nil, 0
}
