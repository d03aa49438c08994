// Package pebblejournal is the embedded durable journal.Journal: one directory on
// one machine, written by one process. What it has acknowledged survives a killed
// process and a machine that loses power.
//
// # The way of an entry
//
//	Append → queue → committer → Pebble, one fsync → dispatcher → done, followers
//
// The queue collects what arrives during an fsync. The committer then takes all of
// it as one commit group, numbers it and writes it as one batch. The dispatcher
// calls back while the next group is written. So all who wait share an fsync, and
// somebody who is alone waits for one.
//
// # On disk
//
// A Pebble store whose keys begin with the letter of their table:
//
//	m name                    the format, the epoch and the totals of the store
//	h room                    the state of a room when its first entry last changed
//	e room seq                entries
//	k room hash(user, key)    idempotency keys: seq and time of their entry
//	x time room hash          idempotency keys whose entry is deleted, by its time
//	t bytes                   a timeline: when the store had taken in so many bytes
//	r key                     records
//
// The length of a room's name stands before it, so no name is a prefix of another.
// The newest entry of a room is found by a seek. Memory holds nothing for a room
// that is not in the cache of busy rooms.
//
// # A disk that fails
//
// Pebble ends its process when it cannot write its log. Package internal/failstop
// prevents that: after the first failure it drops all writes, as if the machine had
// lost power. The committer notices, removes from the log what it has not
// acknowledged, and refuses appends. Reads go on. When the disk can be written
// again, maintenance opens the store again. Appends are also refused while less
// than Options.Reserve is free, so that a full disk rarely becomes a failure.
//
// # Locks
//
// A mutex guards memory only and is never held while another one is taken, except
// that whoever loads a room makes others wait that want the same room. The fields of
// a room that belong to the committer need no lock.
//
// # Files, lowest first
//
//	format.go       keys and values of the tables
//	options.go      Options and the errors of Open
//	check.go        Check: what can be seen of a directory without opening it
//	store.go        the store: opening and reopening it, its users, its free space
//	rooms.go        the state of rooms, and the cache of busy rooms
//	followers.go    the callbacks of Follow
//	group.go        items, the commit group and its batch
//	numbering.go    how a group takes an item: numbers, keys, recalls, restoring
//	queue.go        the queue of items
//	pending.go      what waits: for a failed disk, and for retention
//	stats.go        statistics
//	journal.go      Journal, and all that writes: Append, Restore, Records; Follow
//	commit.go       the committer and the dispatcher
//	read.go         Read
//	scan.go         scans of the store step by step: Rooms, the filter, expired keys
//	admin.go        Stats, SetMaxBytes, Compact, Backup
//	retention.go    retention of rooms, and the quota of the store
//	maintenance.go  the background goroutine; recovery after a failed disk
//	open.go         Open and Close
package pebblejournal
