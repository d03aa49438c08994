// Package erase erases what a room holds, and what one user has said in all rooms.
//
// # Files, lowest first
//
//	queue.go    one erasure at a time
//	room.go     the entries of a room
//	members.go  the records of a room
//	names.go    the name and the picture of a user in entries
//	user.go     the messages of a user
//	records.go  the records of a user
package erase
