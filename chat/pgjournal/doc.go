// Package pgjournal is PostgreSQL, 15 or newer, as the Engine of package shared: it makes and
// upgrades the schema, commits batches, and reads what is there.
//
// Each part of the feed has a connection of its own, which never cancels: PostgreSQL
// takes the cancel of a commit that waits for its standby as "commit here and do not
// wait". The functions of the schema run with the rights of the owner, so the role
// that serves can not write a table past the lock of its part.
//
// # Files, lowest first
//
//	fault.go     errors of PostgreSQL as those of a journal
//	parse.go     Options, the address of a server
//	confirm.go   whether what a server shows is on its standby too
//	dial.go      a connection, and why there is none
//	migrate.go   makes the schema and brings it up to date
//	examine.go   checks the server and the schema
//	pooler.go    what stands between: PgBouncer, in which mode
//	committer.go the connection of a part
//	sockets.go   the sockets of the connections that read
//	open.go      Open and Check
//	shown.go     reads of what may be shown
//	batch.go     a batch as arguments of the functions
//	plain.go     batches of entries that do nothing to others
//	commit.go    Commit and Restore, taking the place of another journal
//	read.go      where the feed stands, its rows; entries, claims
//	rooms.go     pages and heads of rooms, what is removed
//	records.go   records
//	nodes.go     hints, who is alive, figures
//	schema.go    what version a schema has; a new epoch
package pgjournal
