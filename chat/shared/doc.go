// Package shared is a journal that several nodes use at the same time, over the Engine of a
// database. One node is a cluster of one.
//
// Each part of the feed has a committer, which hands what was appended on this node to the
// engine in batches, and a stream, which shows the rows of the part in their order: those
// of this node from memory, those of others from the hints that they send. A row that no
// hint has told of is found by asking once a second, and read from the engine: then
// an entry has no origin, and a body that was replaced or erased meanwhile is shown as it
// is now. A commit whose end is unknown is sent again until it is known; the engine answers the
// same batch the same.
//
// It does not notice yet that a store was rolled back, as by the promotion of a standby that
// lacks the newest commits: the epoch stays, and followers are not told.
//
// # Files, lowest first
//
//	engine.go    Engine: what a database must do
//	core.go      what everything in a journal needs
//	pick.go      which entries go into a batch
//	hint.go      what nodes tell each other
//	follower.go  who is called for entries and records
//	bus.go       how they do
//	nodes.go     journal.Nodes
//	records.go   journal.Records
//	feedpage.go  a page of the feed
//	stream.go    shows the rows of a part in order
//	part.go      commits what is appended in a part
//	journal.go   the Journal; Append
//	read.go      pages, heads, keys; Trim and retention; figures
//	redact.go    journal.Redactor
//	follow.go    Follow, FollowFeed, Feed
//	restore.go   journal.Restorer
//	open.go      a journal is opened and closed; what it hears
package shared
