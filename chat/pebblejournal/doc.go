// Package pebblejournal is the embedded durable journal.Journal: one directory on
// one machine, written by one process. What it acknowledged survives a killed
// process and a machine that lost power.
//
// # One entry
//
//	Append → queue → committer → Pebble, one fsync → answerer → done, followers
//
// The queue gathers what arrives while an fsync runs; the committer takes all of
// it, numbers it and writes it as one batch; the answerer calls back while the
// next batch is written. So an fsync is shared by everybody who waited for it,
// and somebody alone waits for one fsync.
//
// # On disk
//
// A Pebble store whose keys begin with a letter for their table:
//
//	m name                    the store's epoch, format and tally
//	h room                    where a room begins, and how it stood when that moved
//	e room seq                entries
//	k room hash(user, key)    idempotency keys: the seq they led to, and when
//	x time room hash          keys that outlive their entry, by when it was made
//	t bytes                   a clock: when the store had taken in so many bytes
//	r key                     records
//
// Rooms carry their length before them, so that none is another's prefix. A
// room's end is found by seeking its last entry; nothing is held in memory for a
// room but a bounded cache of the busy ones.
//
// # A disk that fails
//
// Pebble ends its process when it can't write its log. Here it never hears of
// that: its files belong to a disk, which after the first failed write drops
// all that follow, as if the machine had lost its power at that moment. The
// committer sees it, cuts the log back to what was acknowledged and refuses
// appends; reads go on. Once there is room again the store is opened anew.
// Before it comes to that, appends are refused while less than Options.Reserve
// is free.
//
// # Locks
//
// A mutex is held for memory only. The queue's, the rooms', the followers' and
// the store's are leaves: none is taken while another is held. Rooms' fields
// named next and fresh belong to the committer alone.
package pebblejournal
