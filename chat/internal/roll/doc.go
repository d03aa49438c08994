// Package roll tells other nodes who is in which room here, and rooms who is in them at
// other nodes.
//
// A node numbers what it tells. All nodes hear it, in order, but some of it may be lost: each
// two seconds a node says which number was its newest. Whoever finds that it has missed
// something asks for all rooms that it has open, and asks again until it is answered. One who
// opens a room asks all nodes for that room. A node that is alone sends nothing, but counts
// what it would have told.
//
// # Files, lowest first
//
//	message.go  what nodes tell each other
//	roll.go     Roll: what is told, what is heard, and what is asked
package roll
