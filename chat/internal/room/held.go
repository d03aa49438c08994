package room

import (
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// heldFrames are frames that a receiver gets later: its join is not answered yet,
// or it is reading history. The room's worker owns them.
type heldFrames struct {
	frames    []heldFrame
	size      int
	overflow  bool      // there were more than an outbox holds, so frames is empty
	closing   wire.Code // the session must end for this reason; 0: it need not
	wasPaused bool      // the receiver was paused before
	last      []byte    // the receiver was removed from the room; it gets this as the last frame
}

type heldFrame struct {
	seq   journal.Seq // 0 for transient entries
	frame []byte
}

// add holds a frame, as long as all of them stay within limit bytes.
func (h *heldFrames) add(limit int, seq journal.Seq, frame []byte) {
	if h.overflow {
		return
	}
	h.frames = append(h.frames, heldFrame{seq, frame})
	if h.size += len(frame); h.size > limit {
		h.frames, h.overflow = nil, true
	}
}
