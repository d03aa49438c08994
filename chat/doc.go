// Package chat is a chat server without a web server around it: rooms that hear
// messages in one order, sessions that speak over WebSocket, and a journal that
// decides the order and keeps the record.
//
// # One message
//
//	socket → session → room → journal → fan-out → socket
//
// A session hears a frame and posts an entry to its room. The room hands it to
// the journal and shows it to nobody. The journal numbers it, records it and
// delivers it back to the room, which encodes it once for each dialect that is
// present and gives the same bytes to every member's session. A session never
// writes to another, a room never touches a socket, a journal never hears of
// sessions.
//
// # Two dialects
//
// A session speaks raw, the classical broadcast, or chat.v1, the protocol of
// PROTOCOL.md. Which of them is its talk: rawTalk or conversation. A room knows
// its members' dialects only to encode for them.
//
// # Concurrency
//
// A mutex is held for memory only: never for a socket, the journal or somebody
// else's function. The order is hub, then room, then a mailbox, a connection or the
// sanctions, which are leaves. A room's members belong to its worker, a goroutine
// that exists while the room's mailbox holds something; that is what makes the order
// of joins and entries one order.
//
// # Bounds
//
// What a room has not passed on yet is bounded by backlogLimit: speakers wait.
// What a client has not read yet is bounded by Settings.OutboxLimit: it is cut
// off, and comes back to read the rest from the journal. What a client has said
// and the journal has not answered is bounded by unsettledLimit, and what it has
// asked for and not read by half its outbox: it is not read any further.
package chat
