// Package room is who hears what: rooms, the subscriptions of sessions to them,
// fan-out, and presence.
//
// # One worker for each room
//
// A room has a mailbox. It holds, in one order, the journal's entries and the
// changes of who is subscribed. A worker, a goroutine that exists only while the
// mailbox holds something, deals with them one after the other. The subscriptions
// belong to the worker: it holds no lock while it delivers to them, and each
// subscription hears every entry from a known point on, because its beginning
// stands in the same order as the entries.
//
// # Locks
//
// The order is: the hub's mutex, then the mutex of Rooms, then a mailbox, which is
// a leaf. No mutex is held while the journal is called. Journal.Follow runs in a
// goroutine of its own, so that whoever joins can stop waiting for it.
//
// # Files, lowest first
//
//	encoding.go      an entry as the bytes of a frame, for each dialect
//	session.go       what a room needs of a session; settings and counters
//	environment.go   what every room of a hub works with; who tells other nodes
//	held.go          frames that a receiver gets later
//	receiver.go      one subscription as the worker sees it
//	away.go          users whose connection was lost, of all rooms
//	presence.go      which users are in the room
//	audience.go      the receivers and the users of one room
//	fanout.go        a batch of entries on its way to an audience
//	room.go          the room: mailbox, worker, journal
//	subscription.go  one session in one room, as dialects use it
//	rooms.go         all rooms that somebody is in
//	evict.go         emptying a room
//	elsewhere.go     who is in rooms at other nodes
package room
