// Package members says who belongs to a conversation, and what follows from a command
// about that: which entry is recorded, and which records are written with it. It
// decides by what it is given and asks nobody: package acts reads the records, lets
// this package judge, appends, and judges again if the room has changed meanwhile.
//
// # Records
//
//	room\0{room}         Room, of a conversation that was founded
//	role\0{room}\0{user} Seat, of each member
//	in\0{user}\0{room}   the same Seat; or that of somebody who has left
//	pattern\0{pattern}   there is or was a policy of conversations for it
//
// But for the last, they are written with a governing entry of the room, by nothing else. So
// the stamp of the first one is the room's newest governing entry, which Entry.Since is about.
//
// # Files, lowest first
//
//	names.go   the names of rooms that are founded
//	records.go the records: their keys and values
//	state.go   what the records say of a room
//	patterns.go which rooms may be or have been conversations
//	page.go    a part of the members, and the rooms of a user
//	change.go  the entry and the records of a change
//	erase.go   what erases them
//	judge.go   the rules: who may change what
package members
