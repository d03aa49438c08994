// Package chat is a chat server without a web server around it: rooms in which
// everybody hears messages in one order, sessions that speak over WebSocket, and a
// journal that decides the order and keeps the record.
//
// # One message
//
//	socket → session → room → journal → fan-out → socket
//
// A session receives a frame and appends an entry to its room. The room hands it
// to the journal and shows it to nobody. The journal numbers it, records it and
// delivers it back to the room. The room encodes it once for each dialect that is
// present, and gives the same bytes to every session. A session never writes to
// another session; a room never touches a socket; a journal knows no sessions.
//
// # Acts
//
// An actor is somebody who acts: the client of a session or of an HTTP request, or the
// operator. Its acts (internal/acts) decide what is permitted, and each begins with a turn,
// for which it was charged. The dialects, HTTP and the operator's methods of Hub only
// translate into acts and back.
//
// A session speaks one of two dialects: raw, the classical broadcast
// (internal/rawdialect), or chat.v1, the protocol of PROTOCOL.md
// (internal/chatv1).
//
// # Concurrency
//
// A mutex is held for memory only: never for a socket, for the journal or for
// somebody else's function. The locks of internal/keyedmutex are the exception:
// nothing but the order of the journal's writes depends on them. The order is: the
// hub's mutex, then that of the rooms, then a room's mailbox, a connection, the
// sanctions, the read marks, who is online, the commands to other nodes, who is at them,
// or the limiters, which are leaves. The subscriptions of a room belong to its worker: see
// internal/room.
//
// # Waiting
//
// Whatever waits for the journal has a context that ends with the hub and after at most
// ten seconds (an HTTP request that says something: thirty); its client is then told
// that the journal is unavailable. Journal.Follow takes no context: it runs in a
// goroutine of its own. Authenticators and logins do, too: one that does not return in
// that time is left behind. Whatever they and the journal do, be it a panic or the end
// of a goroutine, costs no more than the client or the room that it was for. Hub.Close
// waits for none of them for longer than its context allows, and one second.
//
// # Webhooks
//
// Webhooks (package webhook) read the journal's feed by themselves: no session waits for
// them, and a receiver that is slow or away costs nobody else anything. Hub.Configure and
// Hub.Close don't wait for receivers.
//
// What is no entry of a room is an event (internal/events), and is recorded only while a
// webhook or a key asks for it: who is online (internal/online), who has missed a message
// (internal/missed), what checks say, and who has used a right.
//
// # Bounds
//
// Whoever says something in a room that has too much to pass on must wait. A client
// that has not read more than Settings.OutboxLimit is cut off, and comes back to read
// the rest from the journal. We stop reading from a client while too much of what it
// said is not answered by the journal, or while half of its outbox is full.
//
// # Files, lowest first
//
//	settings.go  settings and their defaults
//	stats.go     figures
//	base.go      what a hub and its sessions share
//	session.go   our side of one connection
//	greeting.go  the sessions that have not said hello
//	registry.go  all sessions and their users
//	nodes.go     what a node tells other nodes, and does for them
//	hub.go       the hub: its start, changes of settings, goodbyes
//	close.go     the end of the hub
//	operator.go  what an operator sees and does
//	webhooks.go  what an operator sees and does of webhooks
//	transfer.go  export, import, backup, erasing
//	hosts.go     the session as the dialects see it
//	attend.go    how long a request may keep the web server waiting
//	handler.go   handshakes
//	httpapi.go   requests, health and login over HTTP
package chat
