// Package disk opens the Pebble store of a journal, opens it again after a failure of the
// disk, and lends it to whoever reads or writes it. Before Pebble is allowed to change
// anything it looks at the files, and tells what is damaged or missing. What takes long
// here ends with its context, also if the disk does not answer.
//
// # Files, lowest first
//
//	options.go    what a store is made of, and Pebble's options
//	exclusive.go  one directory is opened once in this process, whatever its name
//	durable.go    what readers see: nothing that is not synced
//	store.go      the store, and the handle between one opening and its closing
//	waiting.go    work that ends with its context
//	compact.go    rewriting the store without what was deleted
//	tables.go     what reads the store, also where a table is damaged
//	opening.go    opening: what is found, the epoch, the witness
//	backup.go     copying it
package disk
