// Package memjournal is a journal in memory. It keeps the order and the newest
// entries of each room, and loses everything when the process ends.
//
// # Files, lowest first
//
//	options.go  what may be configured
//	ring.go     a queue whose items can be reached by index
//	follow.go   who is called for entries and records, and their mailboxes
//	nodes.go    the journals that use one store
//	kept.go     an entry as its room keeps it
//	room.go     one room: its entries, keys and followers
//	page.go     what one room shows
//	feed.go     the places of entries in the order of all rooms
//	records.go  the small values beside the entries
//	store.go    what the journals of one store share
//	bounds.go   what goes when a room or the store is full
//	record.go   recording an entry
//	journal.go  the Journal, opened and closed
//	append.go   Append
//	restore.go  Restore
//	successor.go taking the place of another journal
//	read.go     Read, Heads and the rest of journal.Reader; Trim; figures
//	watch.go    Follow, FollowFeed, Feed
//	values.go   journal.Records
package memjournal

import (
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Options bound a store. Zero fields mean the defaults.
type Options struct {
	// Retention returns how much of a room is kept. Default: the last 1000
	// entries of each room. It is called without locks.
	Retention func(room string) journal.Retention

	// MaxBytes bounds the store: entries, keys, rooms, records and the feed, each with
	// what it takes beside its texts. Default 64 MiB.
	//
	// When the bound is reached, the keys of removed entries go first. Then the room
	// that has been silent longest loses its oldest entries, and itself when it has
	// none and nobody follows it. The feed has at most a tenth of MaxBytes.
	//
	// Records push out entries but are never removed themselves, since a ban must not
	// vanish. Together with the rooms that members, names or tags belong to, they have
	// at most half of MaxBytes. Beyond that, what would add to them gets
	// ErrUnavailable; what replaces a record by one that is no longer, or deletes one,
	// still succeeds. Mutes, bans and revoked tokens have another eighth for themselves.
	MaxBytes int64

	// Logger gets the panics of callbacks. Default: nothing is logged.
	Logger *zap.Logger
}

const defaultMaxBytes = 64 << 20

func defaultRetention(string) journal.Retention { return journal.Retention{Count: 1000} }
