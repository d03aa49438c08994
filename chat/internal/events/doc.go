// Package events records what backends hear of beside the entries of rooms: that somebody
// shall look at a message, that a user has come online, who was muted by whom.
//
// Each event is an entry of the kind Event in a room of the server, so it reaches whoever
// reads the journal's feed: at least once, in the order of its user or room. It is written
// only while somebody asks for events of that type. It never has a body of a message.
//
// # Files, lowest first
//
//	event.go    Event: what one says, in JSON
//	events.go   Events: it writes them
package events
