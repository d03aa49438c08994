// Package httpapi is the interface for backends: which requests there are, what each needs,
// and what answers them. One table has all of that. It routes requests, and openapi.json is
// made from it, so the two cannot differ.
//
// A request is a command of chat.v1: its body has the command's fields but those that stand
// in the path, the query or a header, and package wire reads both. What answers it has no
// type and no id. The acts decide what is permitted.
//
// # Files, lowest first
//
//	schema.go   the shapes of bodies
//	route.go    one request: its path, what it needs and what answers it
//	rooms.go    what answers requests about rooms and their messages
//	batch.go    what answers batches
//	users.go    what answers requests about users
//	events.go   what answers those who ask for events
//	table.go    the table of all requests
//	openapi.go  the table as a document
package httpapi
