// Package memjournal is a journal in memory. It keeps the order and the newest
// entries of each room, and loses everything when the process ends.
//
// # Files, lowest first
//
//	options.go  what may be configured
//	records.go  the small values beside the entries
//	room.go     the record of one room: its entries, keys and followers
//	store.go    all rooms, and what is removed when one or all are full
//	journal.go  the Journal
//	restore.go  recording what another journal has recorded
package memjournal

import "github.com/caddychat/caddy-chat/chat/journal"

// Options bound a journal. Zero fields mean the defaults.
type Options struct {
	// Retention returns how much of a room is kept. Default: the last 1000
	// entries of each room. It is called without locks.
	Retention func(room string) journal.Retention

	// MaxBytes bounds all rooms together. Each entry counts 160 bytes beside its
	// texts. When the bound is reached, the rooms that have been silent longest
	// lose their oldest entries. Default 64 MiB.
	MaxBytes int64
}

const defaultMaxBytes = 64 << 20

func defaultRetention(string) journal.Retention { return journal.Retention{Count: 1000} }
