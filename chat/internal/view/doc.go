// Package view is what somebody is shown of a room, and how that is read: at whose expense
// is up to the caller, who also says what they may read at all.
//
// # Files, lowest first
//
//	hidden.go  up to where rooms are known to be too old to be shown
//	view.go    what is shown of a page
//	page.go    reading a page of what is shown
//	unread.go  how many messages are unread
//	missed.go  what a client has of a room, and what it has missed
//	resume.go  how a client came back to a room
//	rooms.go   reading pages of many rooms, of which some may fail
package view
