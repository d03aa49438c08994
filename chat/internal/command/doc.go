// Package command lets a node of a journal ask all nodes to do something at once, such as
// to remove a user, or to tell what they have, and returns what they answer.
//
// A command is a transient entry of the room @, which no client may use. It has an id, and
// is sent again each half second until every node that was alive has answered or died: 2
// seconds at most. A node does a command once, and answers each copy. Nothing is sent and
// nothing is followed while a node is alone.
//
// A command that asks for more than an answer is then left in the journal's records for each
// node that has not answered. Such a node does it as soon as it reaches the journal again, or it is
// dead for the others, and has ended its sessions. So what a user or an operator has done holds
// everywhere, whoever was silent meanwhile.
//
// # Files, lowest first
//
//	message.go   what nodes send each other
//	here.go      what a node does at its own sessions
//	asking.go    a command that waits for answers
//	owed.go      commands that nodes have not heard in time
//	commands.go  Commands: its goroutine, and what it was sent
//	ask.go       what it asks
//	names.go     what users are called who are there
//	arrivals.go  Arrivals: which sessions have come
package command
