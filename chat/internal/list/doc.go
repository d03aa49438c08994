// Package list is the list of a user's conversations: which there are, what is new in each,
// and in which order they stand. All of it follows from the journal's records and the
// heads of the rooms; nothing is counted twice, so nothing can be counted wrongly.
//
// # Records
//
//	row\0{user}\0{room}  Settings
//	at\0{user}\0{room}   the stamp: the newest message that mentions the user
//	all\0{room}          the stamp: the newest message that mentions everybody
//	list\0seal           the key that seals when a list was read
//	list\0afresh         the stamp: since when lists are read afresh
//
// # Files, lowest first
//
//	settings.go  how a user has a conversation in the list
//	mention.go   the newest mention of a member
//	own.go       the room in which the site speaks to one user
//	counts.go    how many conversations users belong to
//	heads.go     where rooms stand, and how much is read of that at a time
//	load.go      all conversations of a user, without what they show
//	sweep.go     seats that are over, of all users
//	receipts.go  how far members have read
//	membership.go what a user is in one, and whether the other one of two has blocked them
//	comein.go    who cannot be brought into one
//	cursor.go    where a page ends, and when a list was read
//	seal.go      hiding that from clients
//	mentioned.go the messages that mentions are about
//	page.go      some of them, with what they show
//	watchers.go  who has a list open, and which rooms are in it
//	settle.go    rows come and go; of too many, those of whoever has the most go
//	tell.go      telling them what is new
//	live.go      hearing what changes
//	changed.go   what is cleared or blocked holds for those who are in the room
package list
