// Package missed tells backends that members of a conversation have missed a message: those
// who have notifications on and are offline when it comes. It tells so of a user once in
// each conversation until they were online again, and of a conversation at most every 10
// seconds. A backend sends a push message then, or a mail.
//
// One node of a journal reads the feed for all. Up to where it has come is a record, so
// nothing is left out after a crash; that a user was told is written in the commit of the
// event, so nobody is told twice.
//
// # Records
//
//	missed\0{part}        up to which position the part of the feed was looked at
//	told\0{user}\0{room}  see package online
//
// # Files, lowest first
//
//	window.go   the conversations in which something was said
//	teller.go   whom to tell of one of them
//	missed.go   Missed: it reads the feed
package missed
