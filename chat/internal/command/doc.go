// Package command lets a node of a journal ask all nodes to do something at once, such as
// to remove a user, or to tell what they have, and returns what they answer.
//
// A command is a transient entry of the room @, which no client may use. It has an id, and
// is sent again each half second until every node that was alive has answered or died: 2
// seconds at most. A node does a command once, and answers each copy. Nothing is sent and
// nothing is followed while a node is alone.
//
// # Files, lowest first
//
//	message.go   what nodes send each other
//	here.go      what a node does at its own sessions
//	commands.go  Commands: its goroutine, what it was sent, and what it asks
//	names.go     what users are called who are there
//	arrivals.go  Arrivals: which sessions have come
package command
