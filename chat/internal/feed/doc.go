// Package feed shows backends what happens in all rooms: the entries of a journal's
// feed as they are on the wire. Webhooks send it, and GET /feed answers with it.
//
// # Files, lowest first
//
//	position.go  positions as texts
//	filter.go    which entries somebody wants
//	events.go    entries and gaps in JSON
//	bell.go      waiting until something is recorded
//	places.go    how many answers are under way
//	feed.go      Feed: the feed of a journal
//	batch.go     Batch: the next events of a part
//	pull.go      Pull: the next events of all parts, for those who ask
//	since.go     the position of a time
package feed
