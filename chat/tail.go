package chat

import (
	"context"
	"errors"
	"sync"
)

// ErrSlow ends a Tail whose reader is slower than the room.
var ErrSlow = errors.New("the room is faster than its reader")

// tailLimit bounds what waits for the reader of a Tail, in bytes.
const tailLimit = 4 << 20

// Tail calls each for the newest entries of a room and then for every further
// one, as lines like those of Export, until ctx ends, each returns an error or
// the hub closes. The line is only lent for the call. What passes, such as that
// somebody types, is left out. To look makes nobody present.
func (h *Hub) Tail(ctx context.Context, room string, newest int, each func(line []byte) error) error {
	if err := CheckRoom(room); err != nil {
		return err
	}
	t := &tail{more: make(chan struct{}, 1)}
	stop, err := h.journal.Follow(room, t.deliver)
	if err != nil {
		return err
	}
	defer stop()
	page, err := h.journal.Read(ctx, Query{Room: room, Backward: true, Limit: max(newest, 1)})
	if err != nil {
		return err
	}
	entries := page.Entries[max(0, len(page.Entries)-newest):]
	var line []byte
	for after := Seq(0); ; {
		for i := range entries {
			e := &entries[i]
			if e.Seq <= after {
				continue // read before it was delivered
			}
			line = appendLine(line[:0], page.Epoch, e)
			if err := each(line); err != nil {
				return err
			}
		}
		after = max(after, page.Last)
		if entries, err = t.next(ctx, h.context); err != nil {
			return err
		}
	}
}

// tail is what waits for the reader of a Tail.
type tail struct {
	more chan struct{} // holds one when something was added

	mu      sync.Mutex // guards the rest
	entries []Entry
	bytes   int
	over    bool
}

func (t *tail) deliver(e Entry) {
	if !e.Kind.Recorded() {
		return
	}
	t.mu.Lock()
	if t.bytes += e.Size(); t.bytes > tailLimit {
		t.over, t.entries = true, nil
	}
	if !t.over {
		t.entries = append(t.entries, e)
	}
	t.mu.Unlock()
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// next waits for entries and takes them.
func (t *tail) next(ctx, hub context.Context) ([]Entry, error) {
	select {
	case <-t.more:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-hub.Done():
		return nil, ErrHubClosed
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return nil, ErrSlow
	}
	entries := t.entries
	t.entries, t.bytes = nil, 0
	return entries, nil
}
