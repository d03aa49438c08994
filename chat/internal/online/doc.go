// Package online tells backends who is online: that a user has come, and that a user has
// gone and is not back after a while. It tells of a user at most once in 30 seconds, and then
// what is so at that time. Guests are left out.
//
// # Records
//
//	online\0{node}\0{user}  backends were told that the user is online at this node
//	told\0{user}\0{room}    the user was told of missed messages of the room: see package missed
//
// Each is written in the commit of an event. So after a crash it is known who was said to be
// online, and if they do not come back, it is told that they are not.
//
// # Files, lowest first
//
//	records.go  keys of records
//	user.go     one user: what is so, what was told, and when to tell again
//	tracker.go  Tracker: all users of this node
//	tell.go     the goroutine that tells, and the start of all this
package online
