// Package shared is a journal that several nodes use at the same time, over the Engine of a
// database. One node is a cluster of one.
//
// Each part of the feed has a committer, which hands what was appended on this node to the
// engine in batches, and a stream, which shows the rows of the part in their order: those
// of this node from memory, those of others from the hints that they send. The more nodes there are, the
// fewer large batches each has under way at once. A row that no
// hint has told of is found by asking once a second, and read from the engine: then
// an entry has no origin, and a body that was replaced or erased meanwhile is shown as it
// is now. A commit whose end is unknown is sent again until it is known; the engine answers the
// same batch the same.
//
// A store may be rolled back, as by the promotion of a standby that lacks the newest commits, or by a
// backup. Each node keeps, for each part, the newest row that it has acknowledged or shown. Each commit
// names it, and so does a question each second: if the row is not there, or is another one, the store gets a new epoch,
// and all who follow something on any node are told. Numbers go on. A store that has
// moved to another server takes no commits until a node says that it may go on: in the same epoch only
// if what is acknowledged is lossless and the node finds all that it has seen.
//
// # Files, lowest first
//
//	engine.go    Engine: what a database must do
//	core.go      what everything in a journal needs
//	pick.go      which entries go into a batch
//	hint.go      what nodes tell each other
//	follower.go  who is called for entries and records
//	nodes.go     journal.Nodes
//	records.go   journal.Records
//	feedpage.go  a page of the feed
//	stream.go    shows the rows of a part in order
//	part.go      commits what is appended in a part
//	journal.go   the Journal; Append
//	epoch.go     whether the store is the one that this node knows
//	read.go      pages, heads, keys; Trim and retention; figures
//	redact.go    journal.Redactor
//	follow.go    Follow, FollowFeed, Feed
//	restore.go   journal.Successor
//	open.go      a journal is opened and closed; what it hears
package shared
