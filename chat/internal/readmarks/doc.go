// Package readmarks stores how far users have read, in the journal's records, and
// moves their marks to what they have sent.
//
// # Files, lowest first
//
//	mark.go       a mark, and the records that hold it
//	guests.go     the marks of guests, which are in memory only
//	readmarks.go  reading and moving marks
//	forget.go     counting and deleting the marks of a user, or of a room
//	sending.go    marks that move to what their users have sent
package readmarks
