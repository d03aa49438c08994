package room

import (
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// environment is what every room of a hub works with. Any goroutine may use it.
type environment struct {
	journal  journal.Journal
	node     string // the journal's id of this process
	onPanic  func(value any, stack []byte)
	onLost   func(room string, l journal.Lost)
	settings atomic.Pointer[Settings]
	counters Counters
	held     atomic.Int64 // bytes of frames that are held for all receivers
}
