// Package transfer moves entries out of a journal and into another one, as lines
// of JSON. Each line is an entry as PROTOCOL.md shows it, and the epoch that its
// number belongs to.
//
// # Files, lowest first
//
//	source.go        where entries come from and go to
//	roomname.go      the room of a line
//	texts.go         users and texts of a line, checked as those that clients send
//	conversation.go  the members of a room as a line
//	own.go           how each member has the conversation
//	restore.go       what the line of a conversation stands for
//	tagged.go        tags and mentions as lines
//	line.go          one entry as a line
//	export.go        lines of entries that are kept: of all, or the last of a room
//	tail.go          lines of entries as they come
//	import.go        recording lines
package transfer
