// Package journals is the option journal of a hub: where its rooms are recorded. Each kind of
// journal is a module in the namespace chat.journals. Other packages may register more of
// them.
//
// # Files, lowest first
//
//	retention.go  Retention, and StorageLimits: how much is kept
//	engine.go     Engine: what each kind of journal has
//	pebble.go     Pebble: a directory of this machine
//	memory.go     Memory
//	postgres.go   Postgres: a database that several nodes share
//	words.go      what strangers are told of a journal that can't be opened
//	parse.go      the option of a Caddyfile
//	clone.go      cloned: a backup that is read stays as it is
//	stopped.go    Stopped: a journal that no server uses, for commands
package journals
