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
// Package internal/format has the tables of the store: entries, states of rooms, keys,
// records, and a feed that names the entries of each commit. The newest entry of a room
// is found by a seek, and has all that the head of the room needs. Memory holds nothing
// for a room that is not in use and not in the cache of busy rooms.
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
// that whoever loads a room makes others wait that want the same room.
//
// # Files, lowest first
//
//	options.go      Options and the errors of Open
//	check.go        Check: what can be seen of a directory without opening it
//	queue.go        the queue of items
//	pending.go      what waits: for a failed disk, and for retention
//	journal.go      Journal: Append, Restore, changes of its own, callbacks
//	admin.go        Stats, SetMaxBytes, Compact, Backup
//	read.go         Read and Pages
//	heads.go        Heads and Find
//	feed.go         Feed and Positions
//	follow.go       Follow and FollowFeed, and the calls of all callbacks
//	records.go      Records
//	commit.go       the committer and the dispatcher
//	scan.go         scans of the store step by step: Rooms, the filter, expired keys
//	trim.go         deleting entries: Trim, and what others delete
//	retention.go    retention of rooms
//	quota.go        the bound on the whole store, and the feed's
//	maintenance.go  the background goroutine; recovery after a failed disk
//	open.go         Open and Close
package pebblejournal
